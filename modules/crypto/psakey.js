export default class PSAKey @ "xs_psakey_destructor" {
	constructor() @ "xs_psakey";
	close() @ "xs_psakey_close";
	generate(kind, bits, callback) @ "xs_psakey_generate";
	import(kind, bytes) @ "xs_psakey_import";
	get bits() @ "xs_psakey_get_bits";
	exportPublic() @ "xs_psakey_exportPublic";
	exportPrivate() @ "xs_psakey_exportPrivate";
	sign(mode, data) @ "xs_psakey_sign";
	verify(mode, data, signature) @ "xs_psakey_verify";
}
