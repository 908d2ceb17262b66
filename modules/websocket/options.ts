import type { FleetlingError } from "fleetling/error/error";
import type { ResolverOptions, SocketOptions } from "fleetling/http/socket";
import type { HeaderList } from "fleetling/http/types";
import type { CloseStatus } from "./closing";
import type { WebSocketLimits, WebSocketTimeouts } from "./limits";

/** What can be read, and where in its message it stands. */
export interface ReadableInfo {
	/** Whether more of the message follows after the bytes that are announced. */
	readonly more: boolean;
	/** Bytes of the message after those that are announced; undefined while another frame follows: nobody knows how many yet. */
	readonly left: number | undefined;
	/** Whether the message is binary; otherwise it is text in UTF-8, which is checked as it is read. */
	readonly binary: boolean;
}

export interface WriteOptions {
	/** Default: false for a string, true for bytes. Bytes that go as text must be UTF-8, though not in each fragment. */
	readonly binary?: boolean;
	/** Whether the message goes on with the next `write`. */
	readonly more?: boolean;
}

/** How a WebSocket ended after its closing handshake. */
export interface Closed extends CloseStatus {
	/**
	 * 1000 to 4999: as the server said. 1005: it said nothing. 1006: after `end`, the server did not answer in time or
	 * ended the connection without a word.
	 */
	readonly code: number;
	/** Whether the server began it. */
	readonly remote: boolean;
}

export interface ConnectOptions {
	/** Name or IP address; an IPv6 address without brackets. */
	readonly host: string;
	readonly port: number;
	/** Says which port may be left out of the Host field. Default: wss on port 443, ws on all others. TLS is a matter of `socket`. */
	readonly scheme?: "ws" | "wss";
	/** Path and query, beginning with "/". */
	readonly path: string;
	/** Sent with the opening handshake, such as Authorization or Origin. */
	readonly headers?: HeaderList;
	/** Subprotocols that the caller speaks, the best first. The server may select one of them, or none. */
	readonly protocols?: readonly string[];
	/** How to connect, as for fleetling/http: `{ io: TCP }` or `{ io: TLSSocket, over: TCP, secure }`. */
	readonly socket: SocketOptions;
	readonly dns: ResolverOptions;
	readonly timeouts?: Partial<WebSocketTimeouts>;
	readonly limits?: Partial<WebSocketLimits>;
}

/**
 * Callbacks have the WebSocket as `this`, and are never called from within one of its methods. An exception that leaves
 * one of them ends the WebSocket with websocket.callback, not the machine.
 */
export interface WebSocketCallbacks<Socket> {
	/** The opening handshake is done. `protocol` is the subprotocol that the server has selected. */
	readonly onOpen?: (this: Socket, protocol: string | undefined) => void;
	/**
	 * `count` bytes of a message can be read, 0 at the end of a message that brings no more. Not called again before all of
	 * them have been read: whoever does not read holds the server back. Without this callback messages are dropped.
	 */
	readonly onReadable?: (this: Socket, count: number, info: ReadableInfo) => void;
	/** `count` bytes can be written: after `onOpen`, and whenever what was written before is on its way. */
	readonly onWritable?: (this: Socket, count: number) => void;
	/** A ping (which has been answered) or a pong has come. */
	readonly onControl?: (this: Socket, kind: "ping" | "pong", payload: ArrayBuffer) => void;
	/** The end, after a closing handshake from either side or after `end`. No callback follows. */
	readonly onClose?: (this: Socket, closed: Closed) => void;
	/** The end, for any other reason. No callback follows. */
	readonly onError?: (this: Socket, error: FleetlingError) => void;
}
