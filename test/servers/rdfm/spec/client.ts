/** A plain HTTP client for the server's own tests: one connection per request unless an agent is given, everything visible. */
import { strict as assert } from "node:assert";
import { type Agent, type IncomingHttpHeaders, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Json } from "../json";

/** A request's parts. */
export interface RequestParts {
	readonly method?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly body?: string | Uint8Array;
	/** Sends the body in chunks instead of announcing its length. */
	readonly chunked?: boolean;
	/** Authority for a server with TLS. */
	readonly ca?: string;
	readonly agent?: Agent;
}

/** An answer that has arrived completely. */
export interface Response {
	readonly status: number;
	readonly reason: string;
	readonly headers: IncomingHttpHeaders;
	readonly body: Buffer;
	readonly text: string;
}

/** Sends one request; rejects when the connection fails or the body ends early. */
export function exchange(url: string, parts: RequestParts = {}): Promise<Response> {
	const { method = "GET", headers = {}, body, chunked = false, ca, agent } = parts;
	const length = body === undefined || chunked ? {} : { "Content-Length": String(Buffer.byteLength(body)) };
	const options = { method, headers: { ...length, ...headers }, agent: agent ?? false, ...(ca === undefined ? {} : { ca }) };
	return new Promise((resolve, reject) => {
		const request = (url.startsWith("https:") ? requestHttps : requestHttp)(url, options, (response) => {
			const chunks: Buffer[] = [];
			response.on("data", (chunk: Buffer) => chunks.push(chunk));
			response.on("error", reject);
			response.on("end", () => {
				const whole = Buffer.concat(chunks);
				resolve({
					status: response.statusCode ?? 0,
					reason: response.statusMessage ?? "",
					headers: response.headers,
					body: whole,
					text: whole.toString(),
				});
			});
		});
		request.on("error", reject);
		// Two writes: with one, Node would find out the length by itself.
		if (body !== undefined && chunked) {
			const bytes = Buffer.from(body);
			request.write(bytes.subarray(0, 1));
			request.write(bytes.subarray(1));
		} else if (body !== undefined) request.write(body);
		request.end();
	});
}

/** Sends JSON. */
export const sendJson = (url: string, value: unknown, parts: RequestParts = {}): Promise<Response> =>
	exchange(url, {
		method: "POST",
		body: JSON.stringify(value),
		...parts,
		headers: { "Content-Type": "application/json", ...parts.headers },
	});

/** The answer's JSON. */
export const json = (response: Response): Json => JSON.parse(response.text) as Json;

/** The text of an application error; throws on anything else. */
export function errorText(response: Response): string {
	const value = json(response) as { readonly error?: unknown };
	if (response.headers["content-type"] !== "application/json" || typeof value.error !== "string") {
		throw new Error(`not an application error: ${response.text}`);
	}
	return value.error;
}

/** Fails unless an answer is the framework's HTML. */
export function assertHtml(response: Response, status: number): void {
	assert.equal(response.status, status);
	assert.match(response.headers["content-type"] ?? "", /^text\/html/);
	assert.match(response.text, /^<!doctype html>/);
}
