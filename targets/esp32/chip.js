export default class Chip @ "xs_chip_destructor" {
	static resetReason() @ "xs_chip_resetReason";
	static restart() @ "xs_chip_restart";
	static forget() @ "xs_chip_forget";
	static ticks() @ "xs_chip_ticks";
	static memory(figures) @ "xs_chip_memory";
	static mac(ethernet) @ "xs_chip_mac";
	static name() @ "xs_chip_name";
	static engine() @ "xs_chip_engine";
	static setTime(milliseconds) @ "xs_chip_setTime";
	static buildTime() @ "xs_chip_buildTime";
	static coreDumpSize() @ "xs_chip_coreDumpSize";
	static coreDumpRead(bytes, position) @ "xs_chip_coreDumpRead";
	static rollbackPossible() @ "xs_chip_rollbackPossible";
}
