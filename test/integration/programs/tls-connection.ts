/** One connection of tls-client.ts. It lasts until the peer ends it, unless told otherwise. */
export interface Connection {
	readonly port: number;
	readonly address?: string;
	readonly serverName: string;
	readonly ca: string;
	readonly certificate?: string;
	readonly key?: string;
	/** Hands the key over as a Key of fleetling/crypto instead of as PEM. */
	readonly asKey?: boolean;
	readonly handshakeTimeout?: number;
	readonly maxFragmentLength?: 512 | 1024 | 2048 | 4096;
	readonly minimumDate?: number;
	/** Resumes the session that the connection of that index brought. */
	readonly resume?: number;
	/** Damages that session: the byte at this offset is changed; "cut" leaves the first half, "noise" nothing of it. */
	readonly damage?: number | "cut" | "noise";
	/** Text to send when open. */
	readonly send?: string;
	/** Bytes to send when open, of a known pattern. */
	readonly upload?: number;
	/** Bytes of one write at most. */
	readonly block?: number;
	/** Closes after so many bytes have come. */
	readonly until?: number;
	/** Closes as soon as it is open. */
	readonly openOnly?: boolean;
	/** Reads so many bytes at a time, every `pause` milliseconds, outside of the callback. */
	readonly slow?: { readonly bytes: number; readonly pause: number; readonly total: number };
}
