import type { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { Closed, MessageSocket } from "fleetling/websocket/websocket";

export { RefusedError } from "fleetling/websocket/websocket";

/** A WebSocket for whole messages, as whoever talks through it sees it. */
export type Conversation = Pick<MessageSocket, "isOpen" | "idle" | "fits" | "send" | "end" | "close">;

/** How a conversation ended: after goodbyes, or for another reason. */
export type ConversationEnd = Closed | FleetlingError;

/** What a conversation tells. An exception that leaves one of these ends the conversation, not the machine. */
export interface Listener {
	/** @param protocol the subprotocol that the server has selected; undefined when it has selected none */
	opened(protocol?: string): void;
	/** Text as a string, binary as bytes. Nothing more comes before a promise that is returned has settled. */
	received(message: string | ArrayBuffer): void | Promise<void>;
	/** Everything that was sent is on its way, after some of it had to wait. */
	drained?(): void;
	/** The end, also of one that could not be opened. Nothing follows. */
	ended(end: ConversationEnd): void;
}

const listenerOf = (socket: MessageSocket): Listener => socket.target as Listener;

/** Made once: closures for each conversation would cost a device more than the rest of it. */
export const conversationCallbacks = frozen({
	onOpen(this: MessageSocket, protocol: string | undefined): void {
		listenerOf(this).opened(protocol);
	},
	onMessage(this: MessageSocket, message: string | ArrayBuffer): void | Promise<void> {
		return listenerOf(this).received(message);
	},
	onDrain(this: MessageSocket): void {
		listenerOf(this).drained?.();
	},
	onClose(this: MessageSocket, closed: Closed): void {
		listenerOf(this).ended(closed);
	},
	onError(this: MessageSocket, error: FleetlingError): void {
		listenerOf(this).ended(error);
	},
});
