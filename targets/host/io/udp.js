export default class UDP @ "xs_udp_destructor" {
	constructor(options) @ "xs_udp_constructor";
	close() @ "xs_udp_close";
	read() @ "xs_udp_read";
	write(address, port, buffer) @ "xs_udp_write";
	get port() @ "xs_udp_get_port";
}
