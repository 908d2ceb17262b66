/** One request from its first byte to the record of its answer: reading, faults, routing, sending. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Fault, Faults } from "./faults";
import { type Request, type Router, splitTarget } from "./http";
import type { Connection } from "./listener";
import type { RequestLog } from "./records";
import { type Delivery, type Interruption, transmit } from "./transmit";

/** What an exchange needs of the server. */
export interface ExchangeWorld {
	readonly router: Pick<Router, "name" | "answer">;
	readonly faults: Faults;
	readonly log: RequestLog;
	readonly expireTokens: () => void;
	/** Headers that depend on the kind of server and on what the client wants of the connection. */
	readonly connectionHeaders: (request: Request) => Readonly<Record<string, string>>;
}

const undelivered: Delivery = { bytes: 0, complete: false };

/** Serves requests and numbers them. */
export class Exchanges {
	readonly #world: ExchangeWorld;
	#lastId = 0;

	constructor(world: ExchangeWorld) {
		this.#world = world;
	}

	/** Never rejects: whatever happens ends in a record. */
	async serve(incoming: IncomingMessage, outgoing: ServerResponse, connection: Connection): Promise<void> {
		const { router, faults, log } = this.#world;
		this.#lastId += 1;
		const id = this.#lastId;
		const at = Date.now();
		const { path, query } = splitTarget(incoming.url ?? "/");
		const route = router.name(path);
		const method = incoming.method ?? "";
		const chunks: Buffer[] = [];
		let struck: readonly Fault[] = [];
		let delivery = undelivered;
		try {
			for await (const chunk of incoming) chunks.push(chunk as Buffer);
			const request: Request = { method, path, query, headers: incoming.headers, body: Buffer.concat(chunks) };
			struck = faults.strike(route, request);
			delivery = await this.#respond(request, struck, outgoing, connection);
		} catch {
			// The client went while it was sending: the record says so.
			connection.abort(false);
		}
		const body = Buffer.concat(chunks);
		log.add({
			id,
			connection: connection.record.id,
			at,
			milliseconds: Date.now() - at,
			route,
			method,
			path,
			query: incoming.url?.split("?")[1] ?? "",
			headers: incoming.headers,
			body,
			status: outgoing.headersSent ? outgoing.statusCode : 0,
			bytesReceived: body.byteLength,
			bytesSent: delivery.bytes,
			complete: delivery.complete,
			faults: struck.map(({ kind }) => kind),
		});
	}

	async #respond(
		request: Request,
		faults: readonly Fault[],
		outgoing: ServerResponse,
		connection: Connection,
	): Promise<Delivery> {
		const { router, expireTokens, connectionHeaders } = this.#world;
		let interruption: Interruption | undefined;
		let pace: number | undefined;
		let answer: ReturnType<Router["answer"]> | undefined;
		for (const fault of faults) {
			if (fault.kind === "expire-tokens") expireTokens();
			if (fault.kind === "delay") await sleep(fault.milliseconds);
			if (fault.kind === "silence") return undelivered;
			if (fault.kind === "drop") {
				connection.abort(fault.reset ?? false);
				return undelivered;
			}
			if (fault.kind === "answer") answer = Promise.resolve(fault.answer);
			if (fault.kind === "cut") interruption = { after: fault.after, end: fault.reset ? "reset" : "close" };
			if (fault.kind === "pace") pace = fault.bytesPerSecond;
			if (fault.kind === "stall") interruption = { after: fault.after, end: "stall" };
		}
		let final = await (answer ?? router.answer(request));
		for (const fault of faults) if (fault.kind === "rewrite") final = fault.change(final);
		return transmit(outgoing, final, connectionHeaders(request), connection, interruption, pace);
	}
}
