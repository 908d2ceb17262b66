export default class OpenEth @ "xs_openeth_destructor" {
	constructor(options) @ "xs_openeth";
	close() @ "xs_openeth_close";
	get address() @ "xs_openeth_get_address";
}
