export default class Flash {
	static make(size, partitions) @ "xs_flashcontrol_make";
	static open(path) @ "xs_flashcontrol_open";
	static close() @ "xs_flashcontrol_close";
	static boot() @ "xs_flashcontrol_boot";
	static read(address, length) @ "xs_flashcontrol_read";
	static write(address, buffer) @ "xs_flashcontrol_write";
	static erase(address, length) @ "xs_flashcontrol_erase";
	static cut(operation, mode, seed) @ "xs_flashcontrol_cut";
	static get counters() @ "xs_flashcontrol_get_counters";
	static region(address, length) @ "xs_flashcontrol_region";
}
