export default class PtyPort @ "xs_ptyport_destructor" {
	constructor(options) @ "xs_ptyport";
	close() @ "xs_ptyport_close";
	read(buffer) @ "xs_ptyport_read";
	write(buffer) @ "xs_ptyport_write";
	get room() @ "xs_ptyport_get_room";
	static get available() @ "xs_ptyport_get_available";
}
