import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import Time from "time";
import { type ServerContext, ServerError } from "../../agent/server";
import { isRefusal } from "../../agent/session";
import { parseObject } from "../../common/json";
import type { Answer } from "../../common/web";
import type { MenderAPI } from "./api";
import { failure } from "./failures";
import { intervalOf } from "./inventory";

const path = "/api/devices/v1/deviceconfig/configuration";

export interface ConfigurationOptions {
	readonly name: string;
	readonly api: MenderAPI;
	/** Of the server. */
	readonly context: Pick<ServerContext, "settings" | "log" | "configuration">;
}

/**
 * The configuration that people set for a device on the server, and the one that it reports: what is in force, so that they see what has
 * become of theirs. Of no importance to updates. A configuration that is deployed comes as an artifact instead
 * (src/update/installers/configuration.ts), and is reported from here.
 */
export class DeviceConfiguration {
	readonly #options: ConfigurationOptions;
	/** Open-source servers can be run without it, hosted ones give it to some. */
	#there = true;
	/** The revision that the server has, and the one that it was told last. */
	#known = -1;
	#told = -1;
	/** When the server is to be asked again. */
	#asked = 0;
	#wait = 0;
	/** What was wrong the last time: it comes again with every question. */
	#said = "";

	/** Whether the token in use was good for it. */
	#welcome = false;

	constructor(options: ConfigurationOptions) {
		this.#options = options;
	}

	/** There is a new token. All is reported and asked for anew: the server may know nothing of it any more. */
	authenticated(): void {
		this.#welcome = false;
		this.#known = -1;
		this.#told = -1;
		this.#wait = 0;
	}

	/** Whether it is time: at first, at intervals, and as soon as something has changed. */
	due(): boolean {
		const { configuration } = this.#options.context;
		configuration?.settle();
		return this.#there && configuration !== undefined && (this.timely || this.#told !== configuration.revision);
	}

	/** Rejects as a report of the inventory does: with the end of a token that has been good for it, and nothing else. */
	async sync(token: string): Promise<void> {
		const { name, api, context } = this.#options;
		const timely = this.timely;
		try {
			// First, because it makes the server know the device, which it may have accepted a moment ago.
			await this.report(token);
			if (timely) {
				const answer = await api.call({ token, method: "GET", path });
				if (answer.status !== 200) throw failure(name, "configuration", answer);
				context.configuration?.want(parseObject(answer.body, "Mender's configuration").values);
				await this.report(token);
			}
			this.#said = "";
			this.#welcome = true;
			this.rest();
		} catch (error) {
			if (this.#welcome && isRefusal(error)) throw error;
			this.failed(error);
		}
	}

	private get timely(): boolean {
		return Time.delta(this.#asked) >= this.#wait;
	}

	/** What the server does not know. */
	private report(token: string): Promise<void> | undefined {
		const { name, api, context } = this.#options;
		const { revision = 0 } = context.configuration ?? {};
		this.#told = revision;
		if (this.#known === revision) return undefined;
		const body = JSON.stringify(context.configuration?.inForce());
		return api.call({ token, method: "PUT", path, body }).then((answer: Answer) => {
			if (answer.status !== 204) throw failure(name, "configuration", answer);
			this.#known = revision;
		});
	}

	private rest(wait = intervalOf(this.#options.context)): void {
		this.#asked = Time.ticks;
		this.#wait = wait;
	}

	private failed(cause: unknown): void {
		const { log } = this.#options.context;
		const error = FleetlingError.from(cause, "server.failed", "the configuration could not be exchanged");
		if (error instanceof ServerError && error.status === 404 && this.#known < 0) {
			this.#there = false;
			log.info("the server has no configuration for devices; it is not asked again before a restart");
			return;
		}
		const text = error.toString();
		if (text === this.#said) log.debug(text);
		else log.warn(text);
		this.#said = text;
		if (error instanceof ServerError && error.code !== "server.refused") this.rest(error.retryAfter ?? 0);
		// A configuration that is no good stays so until somebody has changed it.
		else this.rest(passes(error) ? 0 : undefined);
	}
}

/** Whether the same question may be answered in a moment. */
function passes({ code }: FleetlingError): boolean {
	return code !== "http.body-too-large" && passing.some((group) => code.startsWith(group));
}

const passing = frozen(["http.", "net.", "tls."]);
