import type { FleetlingError } from "fleetling/error/error";
import type { TransportConstructor } from "./transport";
import type { PrivateKey, TrustStore } from "./trust";

export interface SecureOptions {
	/** The name that the certificate must hold; sent as SNI. An IP literal is looked for among the certificate's IP addresses. */
	readonly serverName: string;
	readonly trust: TrustStore;
	/** The client's certificate chain as PEM, its own certificate first; only with `key`. */
	readonly certificate?: string;
	readonly key?: PrivateKey;
	/**
	 * What an earlier `onSession` gave. A session that does not fit (another server name, other CA certificates, out of
	 * date, damaged) is ignored: the handshake is then a full one.
	 */
	readonly session?: ArrayBuffer | Uint8Array | undefined;
	/** Milliseconds for TCP connection and handshake together; 20,000 unless told. */
	readonly handshakeTimeout?: number;
	/** Asks the server for records of at most so many bytes (RFC 6066 section 4); few servers comply. */
	readonly maxFragmentLength?: 512 | 1024 | 2048 | 4096;
	/** Milliseconds since 1970 before which it cannot be, such as the time of the build. Otherwise the wall clock counts. */
	readonly minimumDate?: number;
	/**
	 * Called with what is needed to resume the session later, with a short handshake: once in TLS 1.2, for the first ticket
	 * in TLS 1.3. It contains secrets. Keep the newest one, and drop it when a handshake with it fails.
	 */
	readonly onSession?: (session: ArrayBuffer) => void;
}

/** ECMA-419's TCP options, and `secure`. Callbacks have the socket as `this`. */
export interface TLSOptions<Socket> {
	/** The constructor of the connection below, such as ECMA-419's TCP. */
	readonly io: TransportConstructor;
	/** IP address of the server. */
	readonly address: string;
	readonly port: number;
	readonly secure: SecureOptions;
	/** Unless told otherwise true: each write is a whole record or flight, waiting for more would only delay it. */
	readonly nodelay?: boolean;
	/** `count` bytes can be read. Not called again before all of them have been. */
	readonly onReadable?: (this: Socket, count: number) => void;
	/** `count` bytes can be written: after the handshake, and whenever there is more room than was last told. */
	readonly onWritable?: (this: Socket, count: number) => void;
	/** The connection is over and its memory free; called once, nothing after it. `net.closed`: the peer ended it in good order. */
	readonly onError?: (this: Socket, error: FleetlingError) => void;
	readonly target?: unknown;
}
