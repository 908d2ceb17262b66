/** A socket of ECMA-419's TCP shape, plain or TLS. */
export interface Socket {
	/** Copies bytes that have arrived into `buffer`, which must not be larger than what was announced; returns their number. */
	read(buffer: ArrayBuffer | Uint8Array): number | undefined;
	/** Sends a copy of `buffer`, which must not be larger than what was announced; returns how many more bytes can be written. */
	write(buffer: ArrayBuffer | Uint8Array): number | undefined;
	close(): void;
}

/** What the client hands to the constructor of a socket, beside the caller's own options. */
export interface SocketInit {
	/** An IP address; the client has resolved the name. */
	readonly address: string;
	readonly port: number;
	readonly nodelay: boolean;
	/** The client's own: the socket must have it as its property of that name. */
	readonly target: unknown;
	/** Called with the socket as `this`, as are the others. */
	readonly onReadable: (this: TargetSocket, count: number) => void;
	readonly onWritable: (this: TargetSocket, count: number) => void;
	/** Without an error, or with code net.closed: the peer has ended the connection in an orderly way. */
	readonly onError: (this: TargetSocket, error?: unknown) => void;
}

/** A socket with its `target`, as ECMA-419 has it for all of its classes. */
export interface TargetSocket extends Socket {
	readonly target: unknown;
}

/**
 * How the client makes its connections: `io` is constructed with all other entries and those of SocketInit. A TLS
 * socket that itself wants the constructor of the socket below it as `io` gets it from `over`:
 *
 *     { io: TCP }
 *     { io: TLSSocket, over: TCP, secure: { serverName, trust } }
 */
export interface SocketOptions {
	readonly io: new (options: never) => Socket;
	readonly over?: unknown;
	readonly [option: string]: unknown;
}

export interface Resolver {
	resolve(options: {
		readonly host: string;
		readonly onResolved: (host: string, address: string) => void;
		readonly onError: (host: string) => void;
	}): void;
	close(): void;
}

/** How the client resolves names: `io` is constructed with all other entries, for each name. */
export interface ResolverOptions {
	readonly io: new (options: never) => Resolver;
	readonly [option: string]: unknown;
}
