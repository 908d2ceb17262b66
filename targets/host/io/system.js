export default class System {
	static get resetReason() @ "xs_system_get_resetReason";
	static get mac() @ "xs_system_get_mac";
	static get engine() @ "xs_system_get_engine";
	static forget() @ "xs_system_forget";
	static restart() @ "xs_system_restart";
	static halt(reason) @ "xs_system_halt";
	static ticks() @ "xs_system_ticks";
	static memory(figures) @ "xs_system_memory";
	static now() @ "xs_system_now";
	static set(milliseconds) @ "xs_system_set";
}
