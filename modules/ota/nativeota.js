export class Slots {
	static list() @ "xs_slots_list";
	static running() @ "xs_slots_running";
	static boot() @ "xs_slots_boot";
	static next() @ "xs_slots_next";
	static info(label) @ "xs_slots_info";
	static read(label, offset, buffer) @ "xs_slots_read";
	static verify(label) @ "xs_slots_verify";
	static activate(label) @ "xs_slots_activate";
	static deactivate() @ "xs_slots_deactivate";
	static confirm() @ "xs_slots_confirm";
	static rollback() @ "xs_slots_rollback";
	static canRollBack() @ "xs_slots_canRollBack";
	static lastInvalid() @ "xs_slots_lastInvalid";
	static invalidate(label) @ "xs_slots_invalidate";
	static chip() @ "xs_slots_chip";
}

export class SlotWriter @ "xs_slotwriter_destructor" {
	constructor() @ "xs_slotwriter";
	open(label, offset, size, tag) @ "xs_slotwriter_open";
	write(buffer) @ "xs_slotwriter_write";
	finish() @ "xs_slotwriter_finish";
	close() @ "xs_slotwriter_close";
	position() @ "xs_slotwriter_position";
	static resumable(label, tag) @ "xs_slotwriter_resumable";
}
