import TextEncoder from "text/encoder";
import { Cancellation } from "../../common/cancellation";
import type { Answer, Web, WebRequest } from "../../common/web";

export interface Call extends Pick<WebRequest, "waits"> {
	/** Absent for the one call that asks for it. */
	readonly token?: string;
	readonly method: "GET" | "POST" | "PUT" | "PATCH";
	/** With its query. */
	readonly path: string;
	/** JSON; bytes where they have been signed. */
	readonly body?: string | Uint8Array;
	readonly signature?: string;
	readonly cancellation?: Cancellation;
}

/** The server's device API: JSON out, whatever the server answers in. */
export class MenderAPI {
	readonly #web: Web;
	readonly #url: string;

	/** @param url base address, without a slash at the end */
	constructor(web: Web, url: string) {
		this.#web = web;
		this.#url = url;
	}

	call({ token, method, path, body, signature, waits, cancellation = new Cancellation() }: Call): Promise<Answer> {
		const headers: [string, string][] = [];
		if (token !== undefined) headers.push(["Authorization", `Bearer ${token}`]);
		if (signature !== undefined) headers.push(["X-MEN-Signature", signature]);
		if (body !== undefined) headers.push(["Content-Type", "application/json"]);
		const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
		const request = { method, url: this.#url + path, headers, ...(bytes && { body: bytes }) };
		return this.#web.exchange(waits === false ? { ...request, waits } : request, cancellation);
	}
}
