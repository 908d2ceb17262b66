const minutesOfDay = 24 * 60;
const minute = 60_000;

/** The time of the day in which updates may begin and restart the device, by the clock in UTC. */
export class UpdateWindow {
	/** Minutes of the day. */
	readonly #from: number;
	readonly #length: number;

	private constructor(from: number, length: number) {
		this.#from = from;
		this.#length = length;
	}

	/** Reads "01:00-05:00"; what ends before it begins lasts over midnight. Undefined when the text is no such thing. */
	static parse(text: string): UpdateWindow | undefined {
		const [first = "", last = "", ...more] = text.split("-");
		const from = minuteOf(first.trim());
		const to = minuteOf(last.trim());
		if (from === undefined || to === undefined || from === to || more.length > 0) return undefined;
		return new UpdateWindow(from, (to - from + minutesOfDay) % minutesOfDay);
	}

	/** Milliseconds. */
	get length(): number {
		return this.#length * minute;
	}

	/** Milliseconds from `now` (since 1970) until it opens; 0 while it is open. Less than a day. */
	wait(now: number): number {
		const day = minutesOfDay * minute;
		const into = (((now - this.#from * minute) % day) + day) % day;
		return into < this.length ? 0 : day - into;
	}

	toString(): string {
		return `${textOf(this.#from)}-${textOf((this.#from + this.#length) % minutesOfDay)} UTC`;
	}
}

function minuteOf(text: string): number | undefined {
	if (text.length !== 5 || text.charAt(2) !== ":") return undefined;
	for (const at of [0, 1, 3, 4]) if (!"0123456789".includes(text.charAt(at))) return undefined;
	const [hours, minutes] = [Number(text.slice(0, 2)), Number(text.slice(3))];
	return hours < 24 && minutes < 60 ? hours * 60 + minutes : undefined;
}

function textOf(minutes: number): string {
	const two = (value: number): string => (value < 10 ? `0${value}` : String(value));
	return `${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
