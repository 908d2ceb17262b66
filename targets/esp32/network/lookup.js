export default class Lookup @ "xs_lookup_destructor" {
	constructor(host, callback) @ "xs_lookup";
	close() @ "xs_lookup_close";
}
