import TCP from "embedded:io/socket/tcp";

export default class Listener @ "xs_listener_destructor" {
	constructor(options) @ "xs_listener_constructor";
	close() @ "xs_listener_close";
	get port() @ "xs_listener_get_port";
	accept(accepted) @ "xs_listener_accept";
	/** Takes the next waiting connection; hand it to `new TCP({ from })`. */
	read() {
		const socket = new TCP({ accepted: true });
		return this.accept(socket) ? socket : undefined;
	}
}
