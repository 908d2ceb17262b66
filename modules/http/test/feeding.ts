/** Feeds a parser with a text cut into pieces, as a connection would. */
import { FleetlingError } from "fleetling/error/error";
import { defaultLimits, type Limits } from "fleetling/http/limits";
import { ResponseParser } from "fleetling/http/parser";

export interface Fed {
	/** Code of the error, or undefined when the response was complete. */
	readonly error: string | undefined;
	readonly text: string;
	readonly status: number;
	readonly body: string;
	readonly headers: Readonly<Record<string, string>>;
	readonly persistent: boolean;
	/** Bytes after the end of the response. */
	readonly surplus: string;
}

/** One byte for each character. */
export function bytesOf(text: string): Uint8Array {
	return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function textOf(bytes: Uint8Array): string {
	let text = "";
	for (const byte of bytes) text += String.fromCharCode(byte);
	return text;
}

export interface Feeding {
	readonly method?: string;
	readonly wanted?: readonly string[];
	readonly limits?: Partial<Limits>;
	/** Ascending positions at which the text is cut. */
	readonly cuts?: readonly number[];
	/** Whether the connection ends after the text. */
	readonly closed?: boolean;
}

export function feed(text: string, { method = "GET", wanted, limits, cuts = [], closed = false }: Feeding = {}): Fed {
	const parser = new ResponseParser({ ...defaultLimits, ...limits }, "server.test");
	parser.begin(method, wanted);
	const bytes = bytesOf(text);
	let body = "";
	let surplus = "";
	let failure: FleetlingError | undefined;
	const piece = (from: number, to: number): void => {
		while (from < to) {
			if (parser.phase === "done") {
				surplus += textOf(bytes.subarray(from, to));
				return;
			}
			if (parser.phase === "data") {
				const count = Math.min(parser.readable, to - from);
				body += textOf(bytes.subarray(from, from + count));
				parser.advance(count);
				from += count;
			} else from = parser.feed(bytes, from, to);
		}
	};
	try {
		let from = 0;
		for (const cut of [...cuts, bytes.length]) {
			piece(from, cut);
			from = cut;
		}
		if (closed) parser.end();
	} catch (error) {
		if (!(error instanceof FleetlingError)) throw error;
		failure = error;
	}
	return {
		error: failure?.code ?? (parser.phase === "done" ? undefined : "incomplete"),
		text: failure?.message ?? "",
		status: parser.status,
		body,
		headers: Object.fromEntries(parser.headers),
		persistent: parser.persistent,
		surplus,
	};
}

/** All ways of cutting in two, and byte by byte. */
export function* allCuts(length: number): Generator<readonly number[]> {
	yield [];
	for (let cut = 1; cut < length; cut++) yield [cut];
	yield Array.from({ length: Math.max(0, length - 1) }, (_, index) => index + 1);
}
