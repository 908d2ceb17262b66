export default class PSAHash @ "xs_psahash_destructor" {
	constructor() @ "xs_psahash";
	close() @ "xs_psahash_close";
	start() @ "xs_psahash_start";
	copy(source) @ "xs_psahash_copy";
	update(bytes, offset, length) @ "xs_psahash_update";
	finish() @ "xs_psahash_finish";
	static compute(bytes) @ "xs_psahash_compute";
	static random(buffer) @ "xs_psahash_random";
}
