/** What websocket-client.ts is told to do, and what it tells of each step. Shared with the specs. */

export interface Step {
	readonly id: number;
	readonly port: number;
	readonly path: string;
	/** Name or address; 127.0.0.1 unless told. */
	readonly host?: string;
	readonly secure?: boolean;
	readonly headers?: readonly (readonly [string, string])[];
	readonly protocols?: readonly string[];
	readonly timeouts?: Readonly<Record<string, number>>;
	readonly limits?: Readonly<Record<string, number>>;
	/**
	 * "echo" sends whole messages back, "stream" sends bytes back as they come and as the network takes them, "read" only
	 * reads.
	 */
	readonly mode: "echo" | "stream" | "read";
	/** Sent when it is open: texts, or numbers of bytes of a pattern. */
	readonly send?: readonly (string | number)[];
	/** Milliseconds that each part takes to be read, in mode "read". */
	readonly slow?: number;
	/** After so many messages, ends with this code and reason. */
	readonly end?: { readonly after: number; readonly code?: number; readonly reason?: string };
	/** After so many messages, closes without a word to anybody here. */
	readonly leave?: number;
}

export interface Told {
	readonly id: number;
	readonly opened: boolean;
	readonly protocol?: string;
	/** Number of messages that came in, and of their bytes. */
	readonly messages: number;
	readonly received: number;
	/** Of all bytes of all messages. */
	readonly sha256: string;
	/** The first messages as text. */
	readonly texts: readonly string[];
	readonly closed?: { readonly code: number; readonly reason: string; readonly remote: boolean };
	readonly code?: string;
	readonly message?: string;
	/** Of a refused handshake. */
	readonly status?: number;
	readonly excerpt?: string;
	readonly pings: number;
	/** Milliseconds. */
	readonly took: number;
}
