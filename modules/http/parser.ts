import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import TextDecoder from "text/decoder";
import type { Limits } from "./limits";
import { LineReader } from "./lines";
import { COLON, hexadecimal, isBlank, isTextByte, isTokenByte, SEMICOLON } from "./octets";
import { printable } from "./printable";

/** What the parser waits for next. "head" and "framing" want `feed`, "data" wants `advance`, "done" wants nothing. */
export type Phase = "head" | "framing" | "data" | "done";

type State = "status" | "field" | "length" | "chunk-size" | "chunk-data" | "chunk-end" | "trailer" | "until-close" | "done";

const phases: Readonly<Record<State, Phase>> = frozen({
	status: "head",
	field: "head",
	length: "data",
	"chunk-size": "framing",
	"chunk-data": "data",
	"chunk-end": "framing",
	trailer: "framing",
	"until-close": "data",
	done: "done",
});

/** Fields that decide about framing and about the connection: always read, kept only when asked for. */
const framingFields = frozen(["connection", "content-length", "keep-alive", "transfer-encoding"] as const);
type FramingField = (typeof framingFields)[number];

/** XS compiles a regular expression each time it comes to it, so those for every response stand here. */
const statusLine = /^HTTP\/1\.([0-9]) ([1-9][0-9][0-9])(?: |$)/;
const keepAliveTimeout = /(?:^|[,; \t])timeout="?([0-9]{1,6})/i;
const decimal = /^[0-9]+$/;

/** Fifteen decimal or thirteen hexadecimal digits stay below 2^53, where numbers count exactly. */
const decimalDigits = 15;
const hexadecimalDigits = 13;

/**
 * An incremental parser of HTTP/1.1 responses (RFC 9112) that works on bytes, in bounded memory.
 *
 * It does no input of its own and sees only what frames a message: `feed` takes the header section and the chunk
 * framing in pieces of any size, and the bytes of the body never pass through it: as long as `readable` is not zero,
 * that many of the next bytes are body, which the owner of the connection moves where they belong and reports through
 * `advance`. All methods throw a FleetlingError when the peer breaks a rule; the connection is of no use then.
 */
export class ResponseParser {
	/** Of the final response; 0 until its status line has been read. */
	status = 0;
	/** Names in lower case. Fields that occur several times are joined by ", " (RFC 9110 section 5.2). */
	headers = new Map<string, string>();
	/** Length of the body by Content-Length; undefined when it is not known beforehand. */
	contentLength: number | undefined;
	/** Whether the peer will take another request on this connection. Meaningful once the header section is complete. */
	persistent = false;
	/** Milliseconds for which the peer says it keeps an idle connection (Keep-Alive: timeout); undefined when it says nothing. */
	keepAlive: number | undefined;
	/** Whether any byte of the response has arrived. */
	begun = false;
	/** Bytes of the body so far. */
	received = 0;

	#state: State = "done";
	#readable = 0;
	#method = "GET";
	#wanted: readonly string[] | undefined;
	#minor = 1;
	#interim = 0;
	#count = 0;
	#bytes = 0;
	#lengthField: string | undefined;
	#codingField: string | undefined;
	#connectionField = "";

	readonly #limits: Limits;
	readonly #peer: string;
	readonly #lines: LineReader;
	readonly #decoder: TextDecoder;

	/** @param peer what to call the server in errors */
	constructor(limits: Limits, peer: string) {
		this.#limits = limits;
		this.#peer = peer;
		// Not where it is declared: all other fields would lie on the machine's short stack meanwhile.
		this.#decoder = new TextDecoder();
		this.#lines = new LineReader(Math.min(limits.lineBytes, limits.headerBytes), peer);
	}

	/** Prepares for the response to a request with `method`. Only the fields in `wanted` (lower case) are kept, or all of them. */
	begin(method: string, wanted?: readonly string[]): void {
		this.#method = method;
		this.#wanted = wanted;
		this.#interim = 0;
		this.begun = false;
		this.received = 0;
		this.#lines.reset();
		this.beginHead();
	}

	get phase(): Phase {
		return phases[this.#state];
	}

	/** Number of the next bytes of the connection that are body; Infinity for a body that ends with the connection. */
	get readable(): number {
		return this.#readable;
	}

	/** Whether the body ends with the connection. */
	get untilClose(): boolean {
		return this.#state === "until-close";
	}

	/**
	 * Takes framing from `bytes`, from `start` to before `end`, and stops where a body or the end of the message begins,
	 * and after the header section.
	 *
	 * @returns the index of the first byte that was not taken
	 */
	feed(bytes: Uint8Array, start: number, end: number): number {
		const head = phases[this.#state] === "head";
		if (start < end) this.begun = true;
		while (start < end) {
			const phase = phases[this.#state];
			if (phase === "data" || phase === "done" || (head && phase !== "head")) break;
			// What follows the data of a chunk is an empty line; anything else is found out by its second byte.
			const next = this.#state === "chunk-end" ? this.#lines.take(bytes, start, end, 0) : this.#lines.take(bytes, start, end);
			if (next < 0) return end;
			start = next;
			this.line();
		}
		return start;
	}

	/** Reports that `count` bytes of the body have been moved. */
	advance(count: number): void {
		this.received += count;
		this.#readable -= count;
		if (this.#readable === 0) this.#state = this.#state === "chunk-data" ? "chunk-end" : "done";
	}

	/**
	 * Reports that the connection has ended in an orderly way.
	 *
	 * @throws FleetlingError when the response was not complete (RFC 9112 section 8)
	 */
	end(): void {
		switch (this.#state) {
			case "done":
				return;
			case "until-close":
				this.#readable = 0;
				this.#state = "done";
				return;
			case "status":
			case "field":
				throw new FleetlingError(
					"net.closed",
					this.begun
						? `${this.#peer} closed the connection in the middle of its response's headers; try again later`
						: `${this.#peer} closed the connection without an answer; try again later`,
				);
			default: {
				const announced = this.contentLength === undefined ? "the last chunk" : `all of ${this.contentLength} bytes`;
				throw new FleetlingError(
					"http.body-short",
					`${this.#peer} closed the connection after ${this.received} bytes of the body, before ${announced}; fetch the rest again`,
				);
			}
		}
	}

	private beginHead(): void {
		this.#state = "status";
		this.#readable = 0;
		this.status = 0;
		this.headers = new Map();
		this.contentLength = undefined;
		this.keepAlive = undefined;
		this.persistent = false;
		this.#minor = 1;
		this.#count = 0;
		this.#bytes = 0;
		this.#lengthField = undefined;
		this.#codingField = undefined;
		this.#connectionField = "";
	}

	private line(): void {
		const lines = this.#lines;
		switch (this.#state) {
			case "status":
				this.countLine();
				this.statusLine();
				return;
			case "field":
				this.countLine();
				if (lines.from === lines.to) this.endOfHead();
				else this.field(true);
				return;
			case "trailer":
				this.countLine();
				if (lines.from === lines.to) this.#state = "done";
				else this.field(false);
				return;
			case "chunk-size":
				this.chunkSize();
				return;
			case "chunk-end":
				if (!lines.strict) throw this.bad("does not end a chunk of its body with a line end");
				this.#state = "chunk-size";
				return;
		}
	}

	private countLine(): void {
		const { from, to } = this.#lines;
		this.#bytes += to - from + 2;
		if (this.#bytes > this.#limits.headerBytes) {
			throw new FleetlingError(
				"http.head-too-large",
				`${this.#peer} sent more than ${this.#limits.headerBytes} bytes of headers; raise limits.headerBytes if the server is right`,
			);
		}
	}

	/** RFC 9112 section 4. The space after the status code is often left out with the reason, and is not missed. */
	private statusLine(): void {
		const { source, from, to } = this.#lines;
		const match = statusLine.exec(this.text(from, Math.min(to, from + 13)));
		if (match === null) throw this.bad("does not begin its response with an HTTP/1 status line");
		this.checkText(source, from, to);
		this.#minor = match[1] === "0" ? 0 : 1;
		this.status = Number(match[2]);
		this.#state = "field";
	}

	/** RFC 9112 section 5. A folded line (obsolete) and blanks before the colon are refused: both have hidden fields from proxies. */
	private field(keep: boolean): void {
		const { source, from } = this.#lines;
		let to = this.#lines.to;
		if (++this.#count > this.#limits.headerCount) {
			throw new FleetlingError(
				"http.head-too-large",
				`${this.#peer} sent more than ${this.#limits.headerCount} header fields; raise limits.headerCount if the server is right`,
			);
		}
		let colon = from;
		while (colon < to && isTokenByte(source[colon] ?? 0)) colon++;
		if (colon === from || colon === to || source[colon] !== COLON) throw this.bad("sent a malformed header field");
		let start = colon + 1;
		while (start < to && isBlank(source[start])) start++;
		while (to > start && isBlank(source[to - 1])) to--;
		this.checkText(source, start, to);
		if (!keep) return;
		const name = this.text(from, colon).toLowerCase();
		const framing = (framingFields as readonly string[]).includes(name);
		const wanted = this.#wanted === undefined || this.#wanted.includes(name);
		if (!framing && !wanted) return;
		const value = this.text(start, to);
		if (framing) this.framingField(name as FramingField, value);
		if (!wanted) return;
		const earlier = this.headers.get(name);
		this.headers.set(name, earlier === undefined ? value : `${earlier}, ${value}`);
	}

	private framingField(name: FramingField, value: string): void {
		switch (name) {
			case "content-length":
				// Equal values might be taken as one (RFC 9110 section 8.6); a server that repeats itself is not worth the risk.
				if (this.#lengthField !== undefined) throw this.bad("sent Content-Length more than once");
				this.#lengthField = value;
				return;
			case "transfer-encoding":
				this.#codingField = this.#codingField === undefined ? value : `${this.#codingField},${value}`;
				return;
			case "connection":
				this.#connectionField += `,${value.toLowerCase()}`;
				return;
			case "keep-alive": {
				const timeout = keepAliveTimeout.exec(value);
				if (timeout !== null) this.keepAlive = Number(timeout[1]) * 1000;
				return;
			}
		}
	}

	private endOfHead(): void {
		const { status } = this;
		if (status < 200) {
			// 101 would hand the connection over to another protocol, which nobody has asked for.
			if (status === 101)
				throw new FleetlingError("http.unsupported", `${this.#peer} switches to another protocol without being asked`);
			if (++this.#interim > this.#limits.interim) throw this.bad(`sent more than ${this.#limits.interim} interim responses`);
			this.beginHead();
			return;
		}
		const options = this.#connectionField.split(",").map((option) => option.trim());
		this.persistent = !options.includes("close") && (this.#minor > 0 || options.includes("keep-alive"));
		this.bodyRules();
	}

	/** RFC 9112 section 6.3: how long the body is. */
	private bodyRules(): void {
		const length = this.announcedLength();
		const coding = this.#codingField;
		if (this.#method === "HEAD" || this.status === 304) {
			// The fields describe what GET would have brought (RFC 9110 section 8.6).
			this.contentLength = length;
			this.#state = "done";
			return;
		}
		if (this.status === 204) {
			// A 204 has no body. If the fields say otherwise, nobody knows what follows: the connection is given up.
			if (coding !== undefined || (length ?? 0) > 0) this.persistent = false;
			this.#state = "done";
			return;
		}
		if (coding !== undefined) {
			if (coding.trim().toLowerCase() !== "chunked") {
				throw new FleetlingError(
					"http.unsupported",
					`${this.#peer} answers with the transfer coding "${printable(coding)}"; only chunked is supported`,
				);
			}
			// Section 6.1: an HTTP/1.0 sender does not know transfer codings, so the framing is not to be trusted.
			if (this.#minor === 0) throw this.bad("sent Transfer-Encoding in an HTTP/1.0 response");
			// Section 6.3 rule 3: chunked wins over Content-Length, but the pair is how responses are smuggled past a proxy.
			if (length !== undefined) this.persistent = false;
			this.#state = "chunk-size";
			return;
		}
		if (length !== undefined) {
			this.contentLength = length;
			this.#readable = length;
			this.#state = length === 0 ? "done" : "length";
			return;
		}
		this.persistent = false;
		this.#readable = Number.POSITIVE_INFINITY;
		this.#state = "until-close";
	}

	private announcedLength(): number | undefined {
		const value = this.#lengthField;
		if (value === undefined) return undefined;
		if (value.length > decimalDigits || !decimal.test(value))
			throw this.bad("sent a Content-Length that is not a plausible number");
		return Number(value);
	}

	/** RFC 9112 section 7.1: hexadecimal size, extensions ignored. A bare LF is not accepted in framing. */
	private chunkSize(): void {
		const { source, from, to, strict } = this.#lines;
		let size = 0;
		let digits = 0;
		let position = from;
		for (; position < to; position++) {
			const digit = hexadecimal(source[position] ?? 0);
			if (digit < 0) break;
			size = size * 16 + digit;
			if (size > 0) digits++;
			if (digits > hexadecimalDigits) throw this.bad("sent a chunk of impossible size");
		}
		const any = position > from;
		while (position < to && isBlank(source[position])) position++;
		if (!strict || !any || (position < to && source[position] !== SEMICOLON)) throw this.bad("sent a malformed chunk size");
		this.checkText(source, position, to);
		if (size > 0) {
			this.#readable = size;
			this.#state = "chunk-data";
			return;
		}
		this.#count = 0;
		this.#bytes = 0;
		this.#state = "trailer";
	}

	/** Field values hold no control characters but HTAB (RFC 9110 section 5.5); a CR or NUL in one is an attack or noise. */
	private checkText(source: Uint8Array, from: number, to: number): void {
		for (let i = from; i < to; i++) {
			if (!isTextByte(source[i] ?? 0)) throw this.bad("sent a control character in its headers");
		}
	}

	private text(from: number, to: number): string {
		return this.#decoder.decode(this.#lines.source.subarray(from, to));
	}

	private bad(what: string): FleetlingError {
		return new FleetlingError(
			"http.bad-response",
			`${this.#peer} ${what}; check that the address and port belong to an HTTP server`,
		);
	}
}
