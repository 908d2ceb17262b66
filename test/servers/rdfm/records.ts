/** What the server has seen: one record per request and connection, for tests and for whoever watches the demo. */
import { EventEmitter } from "node:events";
import type { RouteName } from "./http";
import { nextEvent } from "./waiting";

/** One connection. */
export interface ConnectionRecord {
	readonly id: number;
	/** Milliseconds since 1970. */
	readonly opened: number;
	/** Set on a server with TLS. */
	readonly tls?: { readonly version: string; readonly resumed: boolean };
	/** When it ended, milliseconds since 1970. */
	closed?: number;
	/** Requests received on it so far. */
	requests: number;
}

/** One request that has been answered, or whose connection has ended. */
export interface RequestRecord {
	readonly id: number;
	readonly connection: number;
	/** When it began, milliseconds since 1970, and how long it took. */
	readonly at: number;
	readonly milliseconds: number;
	readonly route: RouteName;
	readonly method: string;
	readonly path: string;
	/** As it came, without its question mark. */
	readonly query: string;
	readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
	readonly body: Uint8Array;
	/** 0 when no answer was begun. */
	readonly status: number;
	/** Bytes of the bodies; those sent were handed over, which a client that went need not have received. */
	readonly bytesReceived: number;
	readonly bytesSent: number;
	/** False when the connection ended before the whole answer was handed over. */
	readonly complete: boolean;
	/** Kinds of the faults that struck it. */
	readonly faults: readonly string[];
}

/** Records in order of completion. */
export class RequestLog {
	readonly events = new EventEmitter<{ request: [RequestRecord] }>();
	readonly #records: RequestRecord[] = [];

	get records(): readonly RequestRecord[] {
		return this.#records;
	}

	add(record: RequestRecord): void {
		this.#records.push(record);
		this.events.emit("request", record);
	}

	/** Records of one route. */
	of(route: RouteName): readonly RequestRecord[] {
		return this.#records.filter((record) => record.route === route);
	}

	clear(): void {
		this.#records.length = 0;
	}

	/** The first record that fits, past or to come; rejects after `timeout` milliseconds. */
	until(fits: (record: RequestRecord) => boolean, timeout = 10_000): Promise<RequestRecord> {
		const past = this.#records.find(fits);
		return past ? Promise.resolve(past) : this.next(fits, timeout);
	}

	/** The next record that fits; rejects after `timeout` milliseconds. */
	next(fits: (record: RequestRecord) => boolean = () => true, timeout = 10_000): Promise<RequestRecord> {
		const seen = (): string => this.#records.map(summary).join(", ") || "none";
		return nextEvent(this.events, "request", fits, timeout, () => `no such request within ${timeout} ms; seen: ${seen()}`);
	}
}

const summary = ({ method, path, status }: RequestRecord): string => `${method} ${path} ${status}`;
