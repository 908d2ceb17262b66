/** The opening handshake (RFC 6455 section 4). */

import Base64 from "base64";
import { randomBytes } from "fleetling/crypto/random";
import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { Connection, Scanner } from "fleetling/http/connection";
import { checkHead, formatHead } from "fleetling/http/head";
import { defaultLimits as httpLimits } from "fleetling/http/limits";
import { ResponseParser } from "fleetling/http/parser";
import { printable } from "fleetling/http/printable";
import type { HeaderList } from "fleetling/http/types";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import { badUse, RefusedError } from "./failure";
import WSBytes from "./wsbytes";

/** What both sides append to the key before they hash it (section 1.3). */
const salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const keyBytes = 16;
const LF = 0x0a;

/** Headers that the client sets itself: others could make it believe what it has not asked for. */
const ownHeaders = /^(?:upgrade$|sec-websocket-)/i;
/** RFC 6455 asks for a token; Mender's "protomsg/msgpack" is none and is what its server selects. */
const protocolPattern = /^[!#$%&'*+\-./0-9:A-Z^_`a-z|~]+$/;

/** What is looked at in an accepting answer. */
const answerHeaders = frozen([
	"upgrade",
	"connection",
	"sec-websocket-accept",
	"sec-websocket-protocol",
	"sec-websocket-extensions",
]);
/** What a refusing answer says about when and how to try again. */
const keptHeaders = frozen(["retry-after", "date", "www-authenticate", "location", "content-type", "sec-websocket-version"]);

export interface HandshakeOptions {
	readonly path: string;
	/** Value of the Host field, which also names the server in errors. */
	readonly authority: string;
	readonly headers: HeaderList;
	readonly protocols: readonly string[];
	readonly excerptBytes: number;
}

/** Value of Sec-WebSocket-Accept that proves a server has understood `key`. */
export function acceptFor(key: string): string {
	const digest = WSBytes.sha1(new TextEncoder().encode(key + salt));
	if (digest instanceof ArrayBuffer) return Base64.encode(digest);
	throw new FleetlingError(
		"websocket.unsupported",
		`a WebSocket needs SHA-1, which the crypto library does not offer (PSA status ${digest}); build it with PSA_WANT_ALG_SHA_1`,
	);
}

/** One opening handshake: the request to send, and the reader of the answer. */
export class Handshake implements Scanner {
	/** Whether the server has accepted. What it sends from then on are frames. */
	accepted = false;
	/** The subprotocol that the server has selected; undefined when it has selected none. */
	protocol: string | undefined;

	/** What is still to be sent of the request. */
	#request: Uint8Array;
	readonly #options: HandshakeOptions;
	readonly #accept: string;
	readonly #parser: ResponseParser;
	#excerpt: Uint8Array | undefined;
	#length = 0;

	/** @throws FleetlingError http.bad-request, websocket.bad-use, websocket.unsupported */
	constructor(options: HandshakeOptions) {
		const { path, authority, headers, protocols } = options;
		checkHead("GET", path, headers);
		for (const [name] of headers)
			if (ownHeaders.test(name)) throw badUse(`the header ${name} is set by the WebSocket itself; leave it out`);
		for (const [index, protocol] of protocols.entries()) {
			if (!protocolPattern.test(protocol) || protocols.indexOf(protocol) !== index)
				throw badUse(`the subprotocols must be different names without blanks and commas, "${printable(protocol)}" is not one`);
		}
		this.#options = options;
		const key = Base64.encode(randomBytes(keyBytes));
		this.#accept = acceptFor(key);
		this.#parser = new ResponseParser(httpLimits, authority);
		this.#parser.begin("GET", [...answerHeaders, ...keptHeaders]);
		const own: HeaderList = [
			["Upgrade", "websocket"],
			["Connection", "Upgrade"],
			["Sec-WebSocket-Key", key],
			["Sec-WebSocket-Version", "13"],
			...(protocols.length === 0 ? [] : [["Sec-WebSocket-Protocol", protocols.join(", ")] as const]),
		];
		const head = { method: "GET", path, authority, headers: [...own, ...headers], length: undefined, keepAlive: true };
		this.#request = new TextEncoder().encode(formatHead(head));
	}

	/** Hands as much of the request to the connection as that takes. */
	flush(connection: Connection): void {
		while (this.#request.length > 0 && connection.writable > 0) {
			const count = Math.min(this.#request.length, connection.writable);
			connection.write(this.#request.subarray(0, count));
			this.#request = this.#request.subarray(count);
		}
	}

	/**
	 * Takes the answer from `bytes`, from `start` to before `end`.
	 *
	 * @returns the index of the first byte that was not taken: the first of the frames once `accepted`
	 * @throws RefusedError when the answer is another one, as soon as enough of its body has come to tell why;
	 * FleetlingError websocket.bad-handshake or http.bad-response when it breaks the rules
	 */
	feed(bytes: Uint8Array, start: number, end: number): number {
		while (start < end && !this.accepted) {
			if (this.#parser.phase === "data") start += this.body(bytes, start, end);
			else start = this.line(bytes, start, end);
			if (this.#parser.phase === "done" && !this.accepted) throw this.refused();
		}
		return start;
	}

	/**
	 * Nothing more will come of the answer: the connection has ended, or time has.
	 *
	 * @returns what it refused with, as far as it came; undefined when its headers did not come
	 */
	refusal(): RefusedError | undefined {
		return this.#parser.phase === "head" ? undefined : this.refused();
	}

	/**
	 * Gives the parser one line, so that it is known where it stopped when it throws: for 101, with which its own requests
	 * cannot go on, it does so at the end of the header section.
	 */
	private line(bytes: Uint8Array, start: number, end: number): number {
		const found = bytes.indexOf(LF, start);
		const stop = found < 0 || found >= end ? end : found + 1;
		try {
			return this.#parser.feed(bytes, start, stop);
		} catch (error) {
			if (!(error instanceof FleetlingError) || error.code !== "http.unsupported") throw error;
			// An answer in a coding that cannot be read is an answer nevertheless.
			if (this.#parser.status !== 101) throw this.refused();
		}
		this.check();
		this.accepted = true;
		return stop;
	}

	/** Section 4.1, what the client has to check in the answer. */
	private check(): void {
		const { headers } = this.#parser;
		const listed = (name: string, token: string): boolean =>
			(headers.get(name) ?? "").split(",").some((entry) => entry.trim().toLowerCase() === token);
		if (!listed("upgrade", "websocket")) throw this.bad("switches to another protocol than WebSocket");
		if (!listed("connection", "upgrade")) throw this.bad("leaves Upgrade out of its Connection header");
		if (headers.get("sec-websocket-accept") !== this.#accept)
			throw this.bad("has not understood the handshake: its Sec-WebSocket-Accept is wrong");
		if ((headers.get("sec-websocket-extensions") ?? "") !== "") throw this.bad("uses an extension that was not offered");
		const protocol = headers.get("sec-websocket-protocol");
		if (protocol !== undefined && !this.#options.protocols.includes(protocol))
			throw this.bad(`selects the subprotocol "${printable(protocol)}", which was not offered`);
		this.protocol = protocol;
	}

	/** Keeps the beginning of the body of an answer that refuses; returns how many bytes that took. */
	private body(bytes: Uint8Array, start: number, end: number): number {
		const { excerptBytes } = this.#options;
		this.#excerpt ??= new Uint8Array(excerptBytes);
		const count = Math.min(end - start, this.#parser.readable, excerptBytes - this.#length);
		this.#excerpt.set(bytes.subarray(start, start + count), this.#length);
		this.#length += count;
		this.#parser.advance(count);
		if (this.#length === excerptBytes) throw this.refused();
		return count;
	}

	/** The error for an answer that is no WebSocket. */
	refused(): RefusedError {
		const { status, headers } = this.#parser;
		const excerpt = this.#excerpt === undefined ? "" : new TextDecoder().decode(this.#excerpt.subarray(0, this.#length));
		const kept = new Map(keptHeaders.flatMap((name) => (headers.has(name) ? [[name, headers.get(name) ?? ""] as const] : [])));
		const [path = ""] = this.#options.path.split("?", 1);
		const words = excerpt === "" ? "" : `: ${printable(excerpt.replace(/\s+/g, " ").trim())}`;
		return new RefusedError(
			`${this.#options.authority} does not open a WebSocket at ${printable(path)} but answers ${status}${words}; ${advice(status)}`,
			status,
			kept,
			excerpt,
		);
	}

	private bad(what: string): FleetlingError {
		return new FleetlingError(
			"websocket.bad-handshake",
			`${this.#options.authority} ${what}; check that the address and path belong to a WebSocket server`,
		);
	}
}

/** What to do about a refusal, by the class of its status. */
function advice(status: number): string {
	if (status === 401 || status === 403) return "check the credentials";
	if (status >= 300 && status < 400) return "redirects are not followed, correct the address";
	if (status >= 500) return "try again later";
	return "check the path, and that the server offers WebSockets";
}
