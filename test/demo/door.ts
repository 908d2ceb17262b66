/**
 * Who may use the page: whoever has its address, in a browser on this machine. The address holds a secret, so that no other
 * site in the same browser, and no other person on the same machine, can drive the device.
 */
import { randomBytes, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

export interface Refusal {
	readonly status: number;
	readonly text: string;
}

/** A request that may be answered: its path behind the secret, without the query. */
export interface Admission {
	readonly path: string;
	/** The name under which this page was asked for. */
	readonly host: string;
}

export class Door {
	readonly #secret = randomBytes(24).toString("base64url");
	#port = 0;

	/** The address to open. */
	open(port: number): string {
		this.#port = port;
		return `http://127.0.0.1:${port}/${this.#secret}/`;
	}

	/**
	 * Judges a request. `acts`: it changes something, and its origin has to be this very page; browsers always tell the
	 * origin of such requests.
	 */
	admit({ headers, url = "" }: IncomingMessage, acts: boolean): Admission | Refusal {
		const { host = "", origin } = headers;
		// Another name that leads here is that of a site which wants to pass for this one (DNS rebinding).
		if (host !== `127.0.0.1:${this.#port}` && host !== `localhost:${this.#port}`)
			return { status: 403, text: "This page is at 127.0.0.1 only." };
		if (origin === undefined ? acts : origin !== `http://${host}`)
			return { status: 403, text: "Only the page itself may ask for this." };
		const [, secret = "", ...rest] = url.replace(/[?#].*/s, "").split("/");
		if (!this.#fits(secret) || rest.length === 0)
			return { status: 404, text: "Nothing is here. Use the whole address that the command printed." };
		return { path: rest.join("/"), host };
	}

	#fits(secret: string): boolean {
		const given = Buffer.from(secret);
		const wanted = Buffer.from(this.#secret);
		return given.length === wanted.length && timingSafeEqual(given, wanted);
	}
}
