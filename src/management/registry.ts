import type { Fields } from "../common/json";

/** One connection to a manager, for whoever has something to say through it. */
export interface Line<Message> {
	readonly isOpen: boolean;
	/** Returns whether the message is on its way: not when the connection is gone or too much waits already. */
	send(message: Message): boolean;
}

/**
 * Something that a manager can have a device do. What is said on the wire is the server's business, and so the messages are
 * of the server's own type.
 */
export interface Facility<Message> {
	/** The server's name for it. */
	readonly capability: string;
	/**
	 * Takes a message from the manager.
	 *
	 * @returns whether it is one of its own
	 * @throws FleetlingError when it is and cannot be understood
	 */
	take(name: string, fields: Fields, line: Line<Message>): boolean;
	/** The connection is gone. `refused` is the server's reason when it was a message of the device's. */
	closed?(refused: string | undefined): void;
}

/** What this device has to offer to its manager. */
export class Registry<Message> {
	readonly #facilities: Facility<Message>[] = [];

	add(facility: Facility<Message>): void {
		this.#facilities.push(facility);
	}

	has(capability: string): boolean {
		return this.#facilities.some((facility) => facility.capability === capability);
	}

	/** Hands a message to whom it is for; returns false when that is nobody. */
	take(name: string, fields: Fields, line: Line<Message>): boolean {
		return this.#facilities.some((facility) => facility.take(name, fields, line));
	}

	closed(refused: string | undefined): void {
		for (const facility of this.#facilities) facility.closed?.(refused);
	}
}
