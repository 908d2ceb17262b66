import Time from "time";
import { type ServerContext, ServerError } from "../../agent/server";
import { isRefusal } from "../../agent/session";
import { intervals } from "../../common/deadlines";
import type { MenderAPI } from "./api";
import { failure } from "./failures";
import type { Names } from "./messages";

const path = "/api/devices/v1/inventory/device/attributes";

export interface InventoryOptions {
	readonly name: string;
	readonly api: MenderAPI;
	/** Of the server. */
	readonly context: Pick<ServerContext, "settings" | "log">;
}

/** Milliseconds between two reports. Looked up each time: it may be configured from the server. */
export function intervalOf({ settings }: InventoryOptions["context"]): number {
	return (settings?.inventorySecs ?? intervals.inventorySeconds) * 1000;
}

/** What people see of a device on the server: all of it first, then what has changed. Of no importance to updates. */
export class Inventory {
	readonly #options: InventoryOptions;
	/** What the server has, as JSON: objects would take four times as much for hours. */
	#known: string | undefined;
	#artifact = "";
	/** When the next report is due. */
	#asked = 0;
	#wait = 0;
	/** Whether a report was taken with the token in use. */
	#welcome = false;

	constructor(options: InventoryOptions) {
		this.#options = options;
	}

	/** There is a new token. */
	authenticated(): void {
		this.#welcome = false;
		this.renew();
	}

	/** Has the next report be one of everything, as soon as there can be one. */
	renew(): void {
		this.#known = undefined;
		this.#wait = 0;
	}

	/** Whether it is time: at first, at intervals, and as soon as the artifact is another. */
	due(artifact: string): boolean {
		return Time.delta(this.#asked) >= this.#wait || (this.#known !== undefined && this.#artifact !== artifact);
	}

	/**
	 * Reports what the server does not know. Rejects with nothing but the end of a token that has been good for it: to get a new one
	 * for a server that refuses it anyway would be done with every poll. All else is less important than the next poll.
	 */
	async send(token: string, attributes: Names): Promise<void> {
		const { name, api, context } = this.#options;
		this.#asked = Time.ticks;
		this.#wait = intervalOf(context);
		const { method, names } = this.#news(attributes);
		if (names.length === 0) return;
		try {
			const body = JSON.stringify(names.map((each) => ({ name: each, value: attributes[each] })));
			const answer = await api.call({ token, method, path, body });
			if (answer.status !== 200) throw failure(name, "inventory", answer);
			this.#known = JSON.stringify(attributes);
			this.#artifact = attributes.artifact_name ?? "";
			this.#welcome = true;
		} catch (error) {
			// All of it again: what has become of the changes is not known.
			this.#known = undefined;
			if (this.#welcome && isRefusal(error)) throw error;
			context.log.failure(error, "warn");
			if (error instanceof ServerError)
				this.#wait = error.retryAfter ?? (error.code === "server.refused" ? intervalOf(context) : 0);
			else this.#wait = 0;
		}
	}

	/** PATCH adds and changes, and cannot take away. */
	#news(attributes: Names): { readonly method: "PUT" | "PATCH"; readonly names: readonly string[] } {
		const all = Object.keys(attributes);
		if (this.#known === undefined) return { method: "PUT", names: all };
		const known = JSON.parse(this.#known) as Names;
		if (Object.keys(known).some((name) => !Object.hasOwn(attributes, name))) return { method: "PUT", names: all };
		return { method: "PATCH", names: all.filter((name) => known[name] !== attributes[name]) };
	}
}
