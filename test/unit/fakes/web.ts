import type { Cancellation } from "fleetling/common/cancellation";
import type { Conversation, Listener } from "fleetling/common/conversation";
import type { Sink } from "fleetling/common/sink";
import type { Answer, AnswerHead, Web, WebRequest } from "fleetling/common/web";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import { FakeConversation } from "./conversation";

export interface Scripted {
	readonly status: number;
	readonly type?: string;
	readonly body?: string | Uint8Array;
	readonly etag?: string;
	/** The header: seconds. */
	readonly retryAfter?: string;
}

/** Answers requests from a script, in order, and keeps what was asked. An error in the script is thrown. */
export class ScriptedWeb implements Web {
	readonly requests: WebRequest[] = [];
	readonly conversations: FakeConversation[] = [];
	readonly script: (Scripted | Error)[];
	closed = 0;
	/** Bodies that came from sources. */
	readonly uploads: Uint8Array[] = [];
	/** Called after each of them. */
	onUpload: (() => void) | undefined;
	/** Set to have no connection for a visit, and for an exchange that does not wait. */
	busy: Error | undefined;

	constructor(...script: (Scripted | Error)[]) {
		this.script = script;
	}

	async exchange(request: WebRequest, cancellation: Cancellation): Promise<Answer> {
		cancellation.throwIfCancelled();
		if (request.waits === false && this.busy !== undefined) throw this.busy;
		if (request.source !== undefined) {
			this.uploads.push(drained(request.source));
			this.onUpload?.();
		}
		const { body, ...head } = this.#next(request);
		return { ...head, body: bytesOf(body) };
	}

	async download(request: WebRequest, sink: Sink, cancellation: Cancellation): Promise<AnswerHead> {
		cancellation.throwIfCancelled();
		const { body, ...head } = this.#next(request);
		const bytes = bytesOf(body);
		if (head.status === 200) {
			sink.begin({ length: bytes.byteLength });
			const size = sink.buffer.byteLength;
			for (let at = 0; at < bytes.byteLength; at += size) sink.block(bytes.subarray(at, at + size));
		}
		return head;
	}

	/** Every one is kept, and does only what the test does with it. */
	converse(request: WebRequest, listener: Listener): Conversation {
		const conversation = new FakeConversation(request, listener);
		this.conversations.push(conversation);
		return conversation;
	}

	visit(request: WebRequest, listener: Listener): Conversation {
		if (this.busy !== undefined) throw this.busy;
		return this.converse(request, listener);
	}

	close(): void {
		this.closed += 1;
	}

	/** The body of request number `index` as text. */
	text(index: number): string {
		return new TextDecoder().decode(this.requests[index]?.body ?? new Uint8Array(0));
	}

	/** A header of request number `index`. */
	header(index: number, name: string): string | undefined {
		return this.requests[index]?.headers?.find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
	}

	#next(request: WebRequest) {
		this.requests.push(request);
		const next = this.script.shift();
		if (next === undefined) throw new Error(`nothing was scripted for ${request.url}`);
		if (next instanceof Error) throw next;
		const headers = new Map<string, string>();
		if (next.type !== undefined) headers.set("content-type", next.type);
		if (next.etag !== undefined) headers.set("etag", next.etag);
		if (next.retryAfter !== undefined) headers.set("retry-after", next.retryAfter);
		return { status: next.status, headers, body: next.body };
	}
}

/** All of a source, in pieces as small as its buffer. */
function drained(source: NonNullable<WebRequest["source"]>): Uint8Array {
	const { length, buffer } = source;
	const whole = new Uint8Array(length);
	for (let at = 0; at < length; at += buffer.length) {
		const piece = buffer.subarray(0, Math.min(buffer.length, length - at));
		source.read(piece, at);
		whole.set(piece, at);
	}
	return whole;
}

function bytesOf(body: string | Uint8Array = ""): Uint8Array {
	return typeof body === "string" ? new TextEncoder().encode(body) : body;
}

export function json(status: number, value: unknown): Scripted {
	return { status, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

/** What the server's framework answers by itself. */
export function html(status: number): Scripted {
	return {
		status,
		type: "text/html; charset=utf-8",
		body: '<!doctype html>\n<html lang=en>\n<title>Error</title>\n<h1>{"token":"x"}</h1>',
	};
}
