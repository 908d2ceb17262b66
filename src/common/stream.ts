import { Connection, type ConnectionListener } from "fleetling/http/connection";
import { defaultTimeouts } from "fleetling/http/http";
import { deadlines } from "./deadlines";
import type { Network, TCPConstructor, TCPOptions } from "./device";

/** A plain TCP connection, as whoever reads and writes it sees it. */
export type Stream = Pick<Connection, "pending" | "writable" | "ended" | "read" | "write" | "close">;

/** What it tells. None of these may throw. */
export type StreamListener = ConnectionListener;

export interface StreamTarget {
	/** Name or IP address. */
	readonly host: string;
	readonly port: number;
	/** Called with the address before anything is sent there; what it throws is what the connection fails with. */
	readonly check: (address: string) => void;
	/** Milliseconds for the connection to be there; `deadlines.streamConnect` when absent. */
	readonly connect?: number;
}

/** Opens a connection. It fails through `listener.ended`, also when it fails at once. */
export function openStream({ tcp, dns }: Pick<Network, "tcp" | "dns">, target: StreamTarget, listener: StreamListener): Stream {
	const { host, port, check, connect = deadlines.streamConnect } = target;
	const connection = new Connection({ host, port, socket: { io: checked(tcp.io, check) }, dns: { ...dns } }, listener);
	connection.open({ ...defaultTimeouts, resolve: deadlines.resolve, connect });
	return connection;
}

/** Sockets that connect to addresses only that pass the check, however a name was resolved. */
function checked(io: TCPConstructor, check: StreamTarget["check"]): TCPConstructor {
	return class extends io {
		constructor(options: TCPOptions) {
			check(options.address);
			super(options);
		}
	};
}
