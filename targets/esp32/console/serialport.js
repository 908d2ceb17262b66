export default class SerialPort @ "xs_serialport_destructor" {
	constructor(options) @ "xs_serialport";
	close() @ "xs_serialport_close";
	read(buffer) @ "xs_serialport_read";
	write(buffer) @ "xs_serialport_write";
	get room() @ "xs_serialport_get_room";
}
