import { limits } from "../../common/deadlines";
import type { KeyValueStore } from "../../common/device";
import type { ActionResult } from "./action";

/** What is known of an execution. `result` is absent while it runs, or when a restart has ended it. */
export interface Known {
	readonly result?: ActionResult;
}

interface Entry extends Known {
	readonly number: number;
	readonly id: string;
}

/**
 * The executions that were begun last, over restarts: a server that has not got a result asks for the execution again, and
 * it must not take place twice.
 *
 * One key for each, written when the execution begins and when it ends, the oldest overwritten; so that no write has
 * more than one execution in it, and storage stays small. Nothing is held in memory.
 */
export class ExecutionRecord {
	readonly #store: KeyValueStore;

	constructor(store: KeyValueStore) {
		this.#store = store;
	}

	find(wanted: string): Known | undefined {
		const id = wordOf(wanted);
		for (let place = 0; place < limits.actionRecords; place++) {
			const entry = this.#read(place);
			if (entry?.id === id) return entry;
		}
		return undefined;
	}

	/** To be called before anything of it is done. @throws what the storage throws */
	begin(id: string): void {
		const number = this.#last() + 1;
		this.#store.write(keyOf(number % limits.actionRecords), `${number} ${wordOf(id)} ?\n`);
	}

	/** To be called before anybody is told. Only the latest results keep their output. @throws what the storage throws */
	end(ended: string, { status, output }: ActionResult): void {
		const id = wordOf(ended);
		const last = this.#last();
		for (let place = 0; place < limits.actionRecords; place++) {
			const entry = this.#read(place);
			if (entry === undefined) continue;
			if (entry.id === id) this.#store.write(keyOf(place), `${entry.number} ${id} ${status}\n${output}`);
			else if (entry.number <= last - limits.actionOutputs && (entry.result?.output ?? "") !== "")
				this.#store.write(keyOf(place), `${entry.number} ${entry.id} ${entry.result?.status}\n`);
		}
	}

	#last(): number {
		let last = -1;
		for (let place = 0; place < limits.actionRecords; place++) last = Math.max(last, this.#read(place)?.number ?? -1);
		return last;
	}

	/** What cannot be read was not written by this firmware, and is overwritten in its turn. */
	#read(place: number): Entry | undefined {
		const text = this.#store.read(keyOf(place));
		if (typeof text !== "string") return undefined;
		const end = text.indexOf("\n");
		const [number = "", id = "", status = ""] = text.slice(0, Math.max(end, 0)).split(" ");
		const entry = { number: Number(number), id };
		if (id === "" || number === "" || !Number.isSafeInteger(entry.number)) return undefined;
		if (status === "?") return entry;
		const result = { status: Number(status), output: text.slice(end + 1) };
		return status !== "" && Number.isSafeInteger(result.status) ? { ...entry, result } : undefined;
	}
}

/** An identifier as one word. All that servers use are; what is none must not take place twice either. */
function wordOf(id: string): string {
	return id.includes(" ") || id.includes("\n") ? JSON.stringify(id).split(" ").join("\\u0020") : id;
}

const keyOf = (place: number): string => `x${place}`;
