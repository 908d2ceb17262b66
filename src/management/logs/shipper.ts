import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import Timer from "timer";
import { Backoff } from "../../common/backoff";
import { Cancellation } from "../../common/cancellation";
import { intervals, limits } from "../../common/deadlines";
import { type LogLevel, reaches, type TaggedLog } from "../../common/log";
import type { LogMemory } from "../../common/log-memory";
import type { Random } from "../../common/random";

/** A line of the log on its way to a server. */
export interface LogMessage {
	/** Milliseconds since 1970. */
	readonly time: number;
	/** The part of the firmware that has written it. */
	readonly name: string;
	/** The whole line as a console shows it. */
	readonly text: string;
}

/**
 * Takes lines to the server. `http.busy`: there is no connection now. `server.refused`: the server does not want these
 * lines, and will not. Everything else is trouble that may pass.
 */
export type LogSender = (messages: readonly LogMessage[], cancellation: Cancellation) => Promise<void>;

export interface LogShipperOptions {
	readonly memory: LogMemory;
	/** Only lines of this rank and above. */
	readonly level: LogLevel;
	/** Milliseconds since 1970, and since the start. */
	readonly now: () => number;
	readonly ticks: () => number;
	/** Whether the device has nothing better to do: no update, no trial, no talk with its server. */
	readonly quiet: () => boolean;
	readonly random: Random;
	readonly log: TaggedLog;
}

/** What is written about taking lines away must not become lines to be taken away. */
const ownTags: readonly string[] = frozen(["logs", "web"]);

/**
 * Takes the log to the server, batch by batch, from the first line after the start. The log's own memory is the buffer: what
 * is written faster than it gets away is overwritten, and a line says how much that was. An update, and everybody else who
 * wants the connection, comes first.
 */
export class LogShipper {
	readonly #options: LogShipperOptions;
	readonly #send: LogSender;
	readonly #cancellation = new Cancellation();
	readonly #backoff: Backoff;
	/** The next line. */
	#next = 0;
	/** Lines that the server has refused. */
	#refused = 0;
	#timer: Timer | undefined;
	#sending = false;
	#trouble = "";

	constructor(options: LogShipperOptions, send: LogSender) {
		this.#options = options;
		this.#send = send;
		const { logRetryBase: base, logRetryCap: cap, retryFloor: floor, retryLongest: longest } = intervals;
		this.#backoff = new Backoff({ base, cap, floor, longest, random: options.random });
	}

	/** The device has talked to its server: the connection may still be there. Begins, when called for the first time. */
	nudge(): void {
		if (!this.#sending && this.#backoff.failures === 0) this.#schedule(intervals.logSettle);
	}

	/** For good. */
	stop(): void {
		this.#cancellation.cancel(new FleetlingError("server.stopped", "the agent was stopped"));
		this.#clear();
	}

	#schedule(milliseconds: number): void {
		this.#clear();
		if (!this.#cancellation.cancelled) this.#timer = Timer.set(() => void this.#ship(), milliseconds);
	}

	#clear(): void {
		if (this.#timer !== undefined) Timer.clear(this.#timer);
		this.#timer = undefined;
	}

	/** One batch. Never rejects. */
	async #ship(): Promise<void> {
		this.#timer = undefined;
		let pause: number = intervals.logUpload;
		this.#sending = true;
		try {
			if (this.#options.quiet()) {
				const { messages, next, more } = this.#gather();
				if (messages.length > 0) {
					await this.#send(messages, this.#cancellation);
					this.#refused = 0;
				}
				this.#next = next;
				if (more) pause = intervals.logSettle;
			}
			this.#backoff.reset();
			this.#trouble = "";
		} catch (error) {
			pause = this.#failed(error);
		}
		this.#sending = false;
		this.#schedule(pause);
	}

	/** Returns the milliseconds until the next try. */
	#failed(error: unknown): number {
		const { log } = this.#options;
		const code = error instanceof FleetlingError ? error.code : "server.failed";
		if (code === "http.busy") return intervals.logUpload;
		if (code === "server.refused") {
			// They would be refused again, and so would all that comes after them.
			const { messages, next } = this.#gather();
			this.#next = next;
			this.#refused += messages.length;
		}
		if (this.#trouble !== code && !this.#cancellation.cancelled) log.failure(error, "warn");
		this.#trouble = code;
		return this.#backoff.next(retryAfterOf(error));
	}

	#gather(): { readonly messages: readonly LogMessage[]; readonly next: number; readonly more: boolean } {
		const { memory, level, now, ticks } = this.#options;
		const messages: LogMessage[] = [];
		let size = 0;
		let next = this.#next;
		let lost = this.#refused;
		for (let entry = memory.read(next); entry !== undefined; entry = memory.read(next)) {
			if (messages.length >= limits.logBatch || size >= limits.logBatchText) return { messages, next, more: true };
			lost += entry.lost;
			next = entry.next;
			const { line } = entry;
			const name = tagOf(line);
			if (!reaches(line, level) || ownTags.includes(name)) continue;
			// The counter of the memory has 32 bits: 49 days.
			const time = now() - ((ticks() - entry.ticks) >>> 0);
			if (lost > 0)
				messages.push({ time, name: "logs", text: `W (${entry.ticks}) logs: ${lost} lines before this one are lost` });
			lost = 0;
			messages.push({ time, name, text: line });
			size += line.length;
		}
		return { messages, next, more: false };
	}
}

/** `I (1234) update: text` -> "update". */
function tagOf(line: string): string {
	const begin = line.indexOf(") ") + 2;
	const end = line.indexOf(":", begin);
	return begin >= 2 && end > begin ? line.slice(begin, end) : "log";
}

/** Milliseconds that a server has asked for, where it has (agent/server.ts, which is above this). */
function retryAfterOf(error: unknown): number | undefined {
	if (!(error instanceof FleetlingError) || !("retryAfter" in error)) return undefined;
	return typeof error.retryAfter === "number" ? error.retryAfter : undefined;
}
