import Base64 from "base64";
import { frozen } from "fleetling/frozen/frozen";
import TextEncoder from "text/encoder";
import type { DeviceFacts } from "../../agent/facts";
import type { Grant, Introduction, Server, ServerContext, ServerKind } from "../../agent/server";
import type { Cancellation } from "../../common/cancellation";
import type { Sink } from "../../common/sink";
import { type Answer, delivered, type HeaderList } from "../../common/web";
import type { LogMessage, LogShipper } from "../../management/logs/shipper";
import type { FinalReport } from "../../update/observer";
import type { Offer } from "../../update/offer";
import { RDFMActions } from "./actions";
import { packageAddress } from "./address";
import { failure } from "./failures";
import { RDFMFiles } from "./files";
import { RDFMLink } from "./link";
import { allMetadataOf, authenticationBody, logBatch, metadataOf, parseGrant, parseOffer } from "./messages";
import { RDFMShell } from "./shell";

/**
 * An RDFM server (Antmicro), over its HTTP device API (authentication, update check, download) and its management link. How
 * the real server behaves where its documentation says something else stands beside the code that deals with it.
 */
export class RDFMServer implements Server {
	readonly name: string;
	readonly #context: ServerContext;
	readonly #link: RDFMLink | undefined;
	readonly #shell: RDFMShell | undefined;
	readonly #logs: LogShipper | undefined;

	constructor(context: ServerContext) {
		const { url, web, log, management } = context;
		this.#context = context;
		this.name = `RDFM server ${url}`;
		if (management === undefined) return;
		const link = new RDFMLink({ name: this.name, url, web, log, management });
		this.#link = link;
		const { registry } = link;
		const { actions, files, logs, shell } = management;
		this.#logs = logs?.((messages, cancellation) =>
			management.authorized((token) => this.#report(token, messages, cancellation)),
		);
		if (actions !== undefined) registry.add(new RDFMActions({ actions, wake: context.wake, renew: () => link.renew(), log }));
		if (files !== undefined) registry.add(new RDFMFiles({ url, web, log, files }));
		if (shell === undefined) return;
		this.#shell = new RDFMShell({ url, web, log, management });
		registry.add(this.#shell);
	}

	async authenticate({ facts, identity }: Introduction, cancellation: Cancellation): Promise<Grant> {
		const { clock } = this.#context;
		// The signature is over the bytes of the body as they are sent, so the body is made once and sent as these bytes.
		const body = new TextEncoder().encode(authenticationBody(allMetadataOf(facts), identity.publicPEM, clock.now()));
		const signature = Base64.encode(identity.sign(body));
		const answer = await this.#post("/api/v1/auth/device", body, [["X-RDFM-Device-Signature", signature]], cancellation);
		if (answer.status !== 200) throw failure(this.name, "authentication", answer);
		return parseGrant(answer.body);
	}

	async check(token: string, facts: DeviceFacts, cancellation: Cancellation): Promise<Offer | undefined> {
		const body = new TextEncoder().encode(JSON.stringify(metadataOf(facts)));
		// Not `Bearer <token>` as in RFC 6750: the server answers that with status 500.
		const answer = await this.#post("/api/v1/update/check", body, [["Authorization", `Bearer token=${token}`]], cancellation);
		if (answer.status !== 200 && answer.status !== 204) throw failure(this.name, "update check", answer);
		// Not before: it takes a token, and memory that a firmware on trial may not have to spare.
		this.#link?.start(facts.version);
		this.#logs?.nudge();
		if (answer.status === 204) return undefined;
		const offer = parseOffer(answer.body);
		return { ...offer, url: packageAddress(this.#context.url, offer.url) };
	}

	/** Links are public or carry their own right in their query; the token has no business there. */
	download(_token: string, offer: Offer, sink: Sink, cancellation: Cancellation): Promise<void> {
		return this.#context.web.download({ url: offer.url }, sink, cancellation).then((answer) => {
			if (!delivered(answer)) throw failure(this.name, "download", answer);
		});
	}

	/** 99 at the most: 100 has the server forget the update, which is not over with its download. */
	progress(percent: number): void {
		this.#link?.progress(Math.min(percent, 99));
	}

	ended({ outcome }: FinalReport): void {
		if (outcome === "success") this.#link?.progress(100);
	}

	/** A device that comes back before its server knows that it has gone is refused for a minute. */
	async close(): Promise<void> {
		this.#logs?.stop();
		this.#context.web.close();
		await Promise.all([this.#shell?.stop(), this.#link?.stop()]);
	}

	async #report(token: string, messages: readonly LogMessage[], cancellation: Cancellation): Promise<void> {
		const { web, url } = this.#context;
		const headers: HeaderList = [
			["Content-Type", "application/json"],
			["Authorization", `Bearer token=${token}`],
		];
		const body = new TextEncoder().encode(logBatch(messages));
		const request = { method: "POST", url: `${url}/api/v1/logs`, headers, body, waits: false } as const;
		const answer = await web.exchange(request, cancellation);
		if (answer.status !== 200) throw failure(this.name, "logs", answer);
	}

	#post(path: string, body: Uint8Array, headers: HeaderList, cancellation: Cancellation): Promise<Answer> {
		const { web, url } = this.#context;
		// Another content type makes the server fail with status 500 instead of 415.
		const json: HeaderList = [["Content-Type", "application/json"], ...headers];
		return web.exchange({ method: "POST", url: url + path, headers: json, body }, cancellation);
	}
}

export const rdfm: ServerKind = frozen({
	// The server verifies RSA with PKCS#1 v1.5 only. 2048 bits keep key and signature within one TCP segment.
	keyType: "rsa-2048",
	create: (context) => new RDFMServer(context),
});
