export default class Time {
	static set(seconds) @ "xs_time_set";
	static get ticks() @ "xs_time_ticks";
	static get microseconds() @ "xs_time_microseconds";
	static delta(start, end) @ "xs_time_delta";
}
