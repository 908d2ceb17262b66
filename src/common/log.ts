import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { limits } from "./deadlines";
import { redact } from "./redact";

/** In the order of ESP-IDF's esp_log_level_t, which the letters are taken from too. */
const ranks = frozen({ none: 0, error: 1, warn: 2, info: 3, debug: 4 } as const);

export type LogLevel = keyof typeof ranks;

/** What is shown: a level for everything, and others for single tags. */
export interface LogLevels {
	readonly level: LogLevel;
	readonly tags: Readonly<Record<string, LogLevel>>;
}

export const logLevels = frozen(["none", "error", "warn", "info", "debug"] as const satisfies readonly LogLevel[]);

/**
 * Reads what a person writes into the configuration: `info` or `info,update=debug,agent=warn`.
 * Returns undefined when it is not that.
 */
export function parseLogLevels(text: string): LogLevels | undefined {
	const tags: Record<string, LogLevel> = {};
	let level: LogLevel | undefined;
	for (const part of text.split(",")) {
		const equals = part.indexOf("=");
		const name = part.slice(equals + 1).trim();
		if (!isLevel(name)) return undefined;
		if (equals < 0) {
			if (level !== undefined) return undefined;
			level = name;
		} else {
			const tag = part.slice(0, equals).trim();
			if (tag === "") return undefined;
			tags[tag] = name;
		}
	}
	return { level: level ?? "info", tags };
}

/** Whether a line of the log is of rank `level` or above. What does not look like one is not. */
export function reaches(line: string, level: LogLevel): boolean {
	const letter = line.charAt(0).toLowerCase();
	const own = logLevels.find((name) => name.charAt(0) === letter && line.charAt(1) === " ");
	return own !== undefined && ranks[own] > 0 && ranks[own] <= ranks[level];
}

function isLevel(name: string): name is LogLevel {
	return (logLevels as readonly string[]).includes(name);
}

export interface LogOptions {
	/** Takes one finished line, without a line end. */
	readonly sink: (line: string) => void;
	/** Milliseconds since the firmware started. */
	readonly ticks: () => number;
	readonly levels?: LogLevels;
}

/**
 * The device's log: lines in ESP-IDF's form, `I (1234) update: text`, so that `idf.py monitor` and every other tool
 * that colours or filters such lines works with it. Lines are one line each, bounded, and hold no secrets, whatever
 * the text quotes.
 */
export class Log {
	readonly #sink: (line: string) => void;
	readonly #ticks: () => number;
	#levels: LogLevels;

	constructor(options: LogOptions) {
		this.#sink = options.sink;
		this.#ticks = options.ticks;
		this.#levels = options.levels ?? { level: "info", tags: {} };
	}

	/** Changes what is shown from now on, for the tags handed out before too. */
	set levels(levels: LogLevels) {
		this.#levels = levels;
	}

	get levels(): LogLevels {
		return this.#levels;
	}

	tag(name: string): TaggedLog {
		return new TaggedLog(this, name);
	}

	shows(level: LogLevel, tag: string): boolean {
		const { level: general, tags } = this.#levels;
		const shown = Object.hasOwn(tags, tag) ? tags[tag] : general;
		return ranks[level] <= ranks[shown ?? general];
	}

	write(level: LogLevel, tag: string, text: string): void {
		if (!this.shows(level, tag)) return;
		this.#sink(`${level.charAt(0).toUpperCase()} (${Math.floor(this.#ticks())}) ${tag}: ${oneLine(text)}`);
	}
}

/** The log as one part of the firmware sees it. */
export class TaggedLog {
	readonly #log: Log;
	readonly #tag: string;

	constructor(log: Log, tag: string) {
		this.#log = log;
		this.#tag = tag;
	}

	error(text: string): void {
		this.#log.write("error", this.#tag, text);
	}

	warn(text: string): void {
		this.#log.write("warn", this.#tag, text);
	}

	info(text: string): void {
		this.#log.write("info", this.#tag, text);
	}

	debug(text: string): void {
		this.#log.write("debug", this.#tag, text);
	}

	/** An error of any kind, with its code and causes where it has them. */
	failure(error: unknown, level: "error" | "warn" | "debug" = "error"): void {
		this.#log.write(level, this.#tag, describe(error));
	}
}

/** One line for an error of any kind. */
export function describe(error: unknown): string {
	if (error instanceof FleetlingError) return error.toString();
	return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}

/** Bounded before it is scanned for secrets (the cost) and after (the line). Control characters could forge lines. */
function oneLine(text: string): string {
	const kept = text.length > limits.logText * 2 ? text.slice(0, limits.logText * 2) : text;
	let clean = redact(kept);
	for (let at = 0; at < clean.length; at++) {
		const code = clean.charCodeAt(at);
		if (code < 0x20 || code === 0x7f) clean = `${clean.slice(0, at)} ${clean.slice(at + 1)}`;
	}
	return clean.length > limits.logText ? `${clean.slice(0, limits.logText - 1)}…` : clean;
}
