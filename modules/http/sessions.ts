/**
 * Remembers one TLS session for each origin, so that the next connection to it resumes instead of making a full
 * handshake: a few hundred bytes against thousands on the wire and, on a slow chip, seconds of public-key arithmetic.
 *
 * It lives longer than connections and clients, and is bounded: the origin that has not been used for longest is
 * forgotten.
 */
export class SessionMemory {
	readonly #sessions = new Map<string, ArrayBuffer>();
	readonly #limit: number;

	/** @param limit number of origins; a session takes 200 to 2,000 bytes */
	constructor(limit = 2) {
		this.#limit = limit;
	}

	/**
	 * The `secure` option of a TLS socket for `origin`, made from the options that all connections share: each time a socket
	 * reads `session` from it, it gets the latest one, and what `onSession` brings is remembered.
	 */
	secure<T extends object>(
		origin: string,
		shared: T,
	): T & { readonly session: ArrayBuffer | undefined; onSession(session: ArrayBuffer): void } {
		const sessions = this.#sessions;
		const remember = (session: ArrayBuffer) => this.remember(origin, session);
		return {
			...shared,
			get session() {
				return sessions.get(origin);
			},
			onSession: remember,
		};
	}

	/** To be called when a connection to `origin` failed: it may be the session that the server chokes on. */
	forget(origin: string): void {
		this.#sessions.delete(origin);
	}

	private remember(origin: string, session: ArrayBuffer): void {
		this.#sessions.delete(origin);
		this.#sessions.set(origin, session);
		if (this.#sessions.size <= this.#limit) return;
		for (const oldest of this.#sessions.keys()) {
			this.#sessions.delete(oldest);
			return;
		}
	}
}
