/**
 * Actions (facts D): rows of executions, what is sent when a device connects and when an administrator asks, and what devices
 * answer. Where the facts leave room the strict reading is taken: an answer counts on the connection that the question went
 * through, and on no other.
 */
import { randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { type DeviceLink, type Ending, endings } from "./device-link";
import { type ActionEntry, type DeviceMessage, isBase64 } from "./device-messages";
import type { Management, MessageHandler } from "./management";
import { nextEvent } from "./waiting";

/** A row of the table of executions. There is a status "sent" that the real server never sets. */
export interface ActionRow {
	readonly id: string;
	readonly mac: string;
	readonly actionId: string;
	/** Milliseconds since 1970. */
	readonly created: number;
	/** "pending", "error", or the status code as text. */
	status: string;
	/** Base64. */
	output?: string;
}

/** What the administrator's request is answered with. */
export type ActionOutcome =
	| { readonly status: 200; readonly statusCode: number; readonly output: string }
	| { readonly status: 202 }
	| { readonly status: 500 };

interface Sent {
	readonly row: ActionRow;
	/** Asked for while the device was connected; otherwise sent because it was pending when the device connected. */
	readonly online: boolean;
	/** It has its result. */
	finished: boolean;
}

/** Waits of the real server in milliseconds; `fullPause` is the time after which an action is offered again. */
export interface ActionTimes {
	readonly report: number;
	readonly control: number;
	readonly fullPause: number;
	readonly result: number;
}

const realTimes: ActionTimes = { report: 30_000, control: 30_000, fullPause: 5_000, result: 7_200_000 };

interface ActionEvents {
	control: [{ readonly id: string; readonly status: "ok" | "full" }];
	result: [{ readonly id: string; readonly statusCode: number; readonly output: string }];
	list: [DeviceLink];
}

export class Actions implements MessageHandler {
	readonly events = new EventEmitter<ActionEvents>();
	readonly rows: ActionRow[] = [];
	times = realTimes;
	readonly #management: Management;
	readonly #clock: () => number;
	readonly #lists = new WeakMap<DeviceLink, readonly ActionEntry[]>();
	readonly #sent = new WeakMap<DeviceLink, Map<string, Sent>>();

	constructor(management: Management, clock: () => number) {
		this.#management = management;
		this.#clock = clock;
		this.events.setMaxListeners(0);
		management.add(this);
	}

	/** What the device of a link offers; empty before it has said so. */
	listOf(link: DeviceLink): readonly ActionEntry[] {
		return this.#lists.get(link) ?? [];
	}

	/** The list of a device, now or as soon as it comes. */
	async offered(link: DeviceLink, timeout = 20_000): Promise<readonly ActionEntry[]> {
		await link.until("action_list_update", () => true, timeout);
		return this.listOf(link);
	}

	row(id: string): ActionRow | undefined {
		return this.rows.find((row) => row.id === id);
	}

	/** Resolves with the row when it has its result. */
	async done(id: string, timeout = 20_000): Promise<ActionRow> {
		const row = this.row(id);
		if (row === undefined) throw new Error(`there is no execution ${id}`);
		if (row.status !== "pending") return row;
		const text = (): string => `execution ${id} had no result after ${timeout} ms`;
		await nextEvent<{ readonly id: string }>(this.events, "result", (result) => result.id === id, timeout, text);
		return row;
	}

	/** What the administrator's request does: blocks until the device has answered, when it is connected. */
	async execute(mac: string, actionId: string, started: (row: ActionRow) => void = () => {}): Promise<ActionOutcome> {
		const row: ActionRow = { id: randomUUID(), mac, actionId, created: this.#clock(), status: "pending" };
		this.rows.push(row);
		started(row);
		const link = this.#management.linkOf(mac);
		if (link === undefined) return { status: 202 };
		if (link.capabilities.action !== true) return { status: 500 };
		if (!this.listOf(link).some((entry) => entry.action_id === actionId)) {
			row.status = "error";
			return { status: 500 };
		}
		// A device may answer both at once, or even the other way round.
		const result = this.#next("result", row.id, this.times.result);
		result.catch(() => undefined);
		try {
			await this.#offer(link, row);
			const answer = await result;
			return { status: 200, statusCode: answer.statusCode, output: answer.output };
		} catch {
			return { status: 500 };
		}
	}

	/** Sends a row again, whatever its status: what a server does that has lost track. */
	repeat(link: DeviceLink, id: string): void {
		const row = this.row(id);
		if (row === undefined) throw new Error(`there is no execution ${id}`);
		this.#send(link, row, false);
	}

	opened(link: DeviceLink): void {
		this.#sent.set(link, new Map());
		this.#greet(link).catch(() => undefined);
	}

	handle(message: DeviceMessage, link: DeviceLink): { readonly ending?: Ending } | undefined {
		if (message.method === "action_list_update") {
			this.#lists.set(link, message.actions);
			this.events.emit("list", link);
			return {};
		}
		if (message.method !== "action_exec_control" && message.method !== "action_exec_result") return undefined;
		const { execution_id: id } = message;
		const sent = this.#sent.get(link)?.get(id);
		// Another result is accepted for what was pending, and for nothing else.
		const late = message.method === "action_exec_result" && sent?.online === true && sent.finished;
		if (sent === undefined || late) return { ending: endings.invalidExecution(id) };
		if (message.method === "action_exec_control") this.events.emit("control", { id, status: message.status });
		else this.#result(sent, message.status_code, message.output);
		return {};
	}

	/** One thread for each connection: capabilities, list, and then all that waits, back to back. */
	async #greet(link: DeviceLink): Promise<void> {
		await link.until("capability_report", () => true, this.times.report);
		if (link.capabilities.action !== true || !link.isOpen) return;
		link.send({ method: "action_list_query" });
		await link.until("action_list_update", () => true, this.times.report);
		for (const row of this.rows) {
			if (row.mac !== link.mac || row.status !== "pending") continue;
			if (this.listOf(link).some((entry) => entry.action_id === row.actionId)) this.#send(link, row, false);
			else row.status = "error";
		}
	}

	async #offer(link: DeviceLink, row: ActionRow): Promise<void> {
		for (;;) {
			const answer = this.#next("control", row.id, this.times.control);
			this.#send(link, row, true);
			if ((await answer).status === "ok" || row.status !== "pending") return;
			await sleep(this.times.fullPause);
			if (!link.isOpen) throw new Error("the device has gone");
		}
	}

	#send(link: DeviceLink, row: ActionRow, online: boolean): void {
		this.#sent.get(link)?.set(row.id, { row, online, finished: false });
		link.send({ method: "action_exec", execution_id: row.id, action_id: row.actionId });
	}

	/** Output that is no base64 is an exception that nobody handles. */
	#result(sent: Sent, statusCode: number, output: string): void {
		const { row } = sent;
		if (!isBase64(output)) throw new TypeError("Incorrect padding");
		row.status = String(statusCode);
		row.output = output;
		sent.finished = true;
		this.events.emit("result", { id: row.id, statusCode, output });
	}

	#next<Name extends "control" | "result">(name: Name, id: string, timeout: number): Promise<ActionEvents[Name][0]> {
		const text = (): string => `no ${name} for execution ${id} within ${timeout} ms`;
		return nextEvent<ActionEvents[Name][0]>(this.events, name, (answer) => answer.id === id, timeout, text);
	}
}
