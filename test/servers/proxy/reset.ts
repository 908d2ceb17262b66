/** Ending a TCP connection with RST so that the peer notices. */
import type { Socket } from "node:net";

/**
 * Milliseconds between the last data and RST. A reader that learns of both in one poll takes the reset for an ordinary end
 * (libuv does, and so may a device); whoever asks for a reset wants it seen as one.
 */
const apart = 25;

/** Resets a connection shortly after what has been written to it. */
export function reset(socket: Socket): void {
	setTimeout(() => {
		if (!socket.destroyed) socket.resetAndDestroy();
	}, apart);
}
