import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import Time from "time";
import type { ServerContext } from "../../agent/server";
import { intervals, limits } from "../../common/deadlines";
import type { FinalReport, UpdateView } from "../../update/observer";
import type { UpdateState } from "../../update/states";
import type { MenderAPI } from "./api";
import { deploymentLog } from "./deployment-log";
import { type Call, failure } from "./failures";

type Word = "downloading" | "installing" | "rebooting" | "success" | "failure";

/**
 * Mender's words for an update's states. The check-in of a firmware on trial says nothing; before it is confirmed, the server
 * is told "installing" once more as by its own clients: the last chance to call it off.
 */
const words: Readonly<Partial<Record<UpdateState, readonly [Word, string?]>>> = frozen({
	download: ["downloading"],
	install: ["installing"],
	reboot: ["rebooting"],
	commit: ["installing", "commit"],
});

/** Bytes of the longest substate: of a status with a longer one the server takes nothing, so that it would offer the deployment for ever. */
const longestSubstate = 200;

/** How often a log is sent that the server cannot take: it is worth less than the next update. */
const logTries = 3;

export interface DeploymentsOptions {
	readonly name: string;
	readonly api: MenderAPI;
	/** Of the server. */
	readonly context: Pick<ServerContext, "abort" | "clock" | "log" | "logMemory" | "ticks">;
}

/** What the server is told of a deployment, and how it says that it has called it off. */
export class Deployments {
	readonly #options: DeploymentsOptions;
	/** The download under way. */
	#current: { readonly id: string; readonly token: string } | undefined;
	/** Where its log begins. */
	#logFrom = 0;
	/** When the server was told last. */
	#told = 0;
	/** A question whether to go on with the download. */
	#asking: Promise<void> | undefined;
	#logTries = 0;

	constructor(options: DeploymentsOptions) {
		this.#options = options;
	}

	// No asynchronous functions on the way of each status: each one that waits costs a device 1 KB, and a package waits with them.

	/** See Server. */
	entered(token: string, state: UpdateState, view: UpdateView): Promise<void> {
		// What has been asked late must not be answered after what follows.
		if (this.#asking !== undefined) return this.#asking.then(() => this.entered(token, state, view));
		const { id } = view;
		const begins = state === "download";
		if (begins && this.#current?.id !== id) {
			this.#logFrom = this.#options.context.logMemory?.end ?? 0;
			this.#logTries = 0;
		}
		this.#current = begins ? { id, token } : undefined;
		// What is in use at once is not preceded by a restart.
		const word = state === "reboot" && view.immediate ? undefined : words[state];
		return word === undefined || id === "" ? Promise.resolve() : this.#tell(token, "status", id, ...word);
	}

	/** A deployment that is aborted is told of in answers only: a long download asks now and then. */
	progress(): void {
		const { abort, log } = this.#options.context;
		const current = this.#current;
		if (current === undefined || this.#asking !== undefined || Time.delta(this.#told) < intervals.askAbort) return;
		this.#asking = this.#tell(current.token, "status", current.id, "downloading", undefined, false)
			.catch((error: unknown) => {
				if (error instanceof FleetlingError && error.code === "update.cancelled") abort(current.id, error.message);
				else log.failure(error, "debug");
			})
			.then(() => {
				this.#asking = undefined;
			});
	}

	/** See Server. Resolves as soon as the server has it. */
	async report(token: string, { id, outcome, code = "", text = "" }: FinalReport): Promise<void> {
		if (outcome === "success") {
			await this.#tell(token, "final status", id, "success");
			return;
		}
		const verdict = code === "" ? text : `${code}: ${text}`;
		await this.#tell(token, "final status", id, "failure", verdict === "" ? undefined : verdict);
		await this.#sendLog(token, id, verdict);
		this.#current = undefined;
	}

	/** The same body again means the same to the server, so that all of a report can be repeated. */
	async #sendLog(token: string, id: string, verdict: string): Promise<void> {
		const { name, api, context } = this.#options;
		const { clock, ticks, logMemory: memory, log } = context;
		const now = clock.now();
		const epoch = now - (ticks?.() ?? 0);
		const body = deploymentLog({ memory, from: this.#logFrom, epoch, now, verdict: verdict.slice(0, limits.logText) });
		try {
			const answer = await api.call({ token, method: "PUT", path: pathOf(id, "log"), body });
			if (answer.status !== 204) throw failure(name, "deployment log", answer);
		} catch (cause) {
			const error = FleetlingError.from(cause, "server.failed", "sending the log failed");
			this.#logTries += 1;
			const last = error.code === "server.refused" || this.#logTries >= logTries;
			if (!last) throw error;
			log.failure(error, "warn");
		}
	}

	#tell(token: string, call: Call, id: string, status: Word, substate?: string, waits = true): Promise<void> {
		const { name, api } = this.#options;
		this.#told = Time.ticks;
		const body = JSON.stringify({ status, ...(substate && { substate: shortened(substate) }) });
		return api.call({ token, method: "PUT", path: pathOf(id, "status"), body, waits }).then((answer) => {
			if (answer.status !== 204) throw failure(name, call, answer);
		});
	}
}

/** As much of it as a substate may have, and no half a character. */
function shortened(text: string): string {
	const bytes = new Uint8Array(new TextEncoder().encode(text));
	if (bytes.length <= longestSubstate) return text;
	let end = longestSubstate;
	while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--;
	return new TextDecoder().decode(bytes.subarray(0, end));
}

function pathOf(id: string, what: "status" | "log"): string {
	return `/api/devices/v1/deployments/device/deployments/${encodeURIComponent(id)}/${what}`;
}
