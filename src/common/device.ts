/**
 * What Fleetling needs from the thing it runs on, in the ECMA-419 manner: constructors that can be handed on
 * (`io`), and small interfaces for what ECMA-419 has no words for. A target provides one as the default export of
 * "fleetling/target"; a test can hand in another.
 */

import type { Directory } from "./files";

/** ECMA-419 TCP constructor options that Fleetling uses. */
export interface TCPOptions {
	readonly address: string;
	readonly port: number;
	readonly nodelay?: boolean;
	readonly onReadable?: (this: TCPSocket, count: number) => void;
	readonly onWritable?: (this: TCPSocket, count: number) => void;
	readonly onError?: (this: TCPSocket, error?: unknown) => void;
	readonly target?: unknown;
}

export interface TCPSocket {
	/** Copies what has arrived into `buffer`; returns the number of bytes. */
	read(buffer: ArrayBuffer | Uint8Array): number | undefined;
	/** Returns how many more bytes can be written now. */
	write(buffer: ArrayBuffer | Uint8Array): number | undefined;
	close(): void;
}

export type TCPConstructor = new (options: TCPOptions) => TCPSocket;

export interface Resolver {
	resolve(options: {
		readonly host: string;
		readonly onResolved: (host: string, address: string) => void;
		readonly onError: (host: string) => void;
	}): void;
	close(): void;
}

export interface Network {
	readonly tcp: { readonly io: TCPConstructor };
	readonly dns: { readonly io: new (options: Readonly<Record<string, unknown>>) => Resolver };
	/** The address the factory gave to the main network interface, "aa:bb:cc:dd:ee:ff". */
	readonly mac: string;
}

/** One domain of the key-value storage (ECMA-419; NVS on a device). Keys have at most 15 characters (NVS). */
export interface KeyValueStore {
	read(key: string): ArrayBuffer | string | number | bigint | undefined;
	/** Stores and commits. NVS is flash: write rarely. */
	write(key: string, value: ArrayBuffer | Uint8Array | string | number | bigint): void;
	delete(key: string): void;
	close(): void;
}

export interface Storage {
	open(options: {
		readonly path: string;
		readonly format: "buffer" | "string" | "uint32";
		readonly mode?: "r" | "r+";
	}): KeyValueStore;
}

/** Why the firmware is running: what ended the boot before this one. */
export type ResetReason = "power-on" | "restart" | "panic" | "watchdog" | "brown-out" | "other";

export interface MemoryFigures {
	/** Bytes of the XS machine in use and reserved: slots, chunks, stack. */
	readonly slotsUsed: number;
	readonly slotsPeak: number;
	readonly chunksUsed: number;
	readonly chunksPeak: number;
	readonly stackPeak: number;
	/** The limit that the manifest's `creation` sets for the whole machine; 0 when there is none. */
	readonly limit: number;
	/** Free native heap in bytes where the target knows it. */
	readonly heapFree?: number;
}

export interface SystemControl {
	/** What ended the boot before this one. */
	readonly resetReason: ResetReason;
	/** Name of the target, e.g. "host" or "esp32c3". */
	readonly target: string;
	/** Version of the XS engine, e.g. "13.3.0". */
	readonly engine: string;
	/** Erases the key-value storage, keys included. Its domains cannot be used any more; a restart has to follow. */
	forget(): void;
	/** Restarts the device; does not return to the caller's event loop. */
	restart(): void;
	/**
	 * Nothing can go on until a person has changed something, `reason` says what. A host program ends with it; a device
	 * stays on for its console and has no such method.
	 */
	readonly halt?: ((reason: string) => void) | undefined;
	/** Milliseconds since the firmware started; monotonic. */
	ticks(): number;
	memory(): MemoryFigures;
}

export interface WallClock {
	/** Milliseconds since 1970, never earlier than the build. */
	now(): number;
	/** Sets the clock from a trusted source. */
	set(milliseconds: number): void;
}

/** A serial port, as far as a console needs it. */
export interface SerialPort {
	/** Copies what has come into `buffer`; returns the number of bytes. */
	read(buffer: Uint8Array): number;
	/** Puts bytes into the port's buffer, as many as there is room for; returns their number. */
	write(bytes: Uint8Array): number;
	/** Bytes that `write` takes now. */
	readonly room: number;
}

/** A partition of the flash that is only read. */
export interface Partition {
	/** Bytes. */
	readonly size: number;
	/** Fills all of `bytes` from `position` on, or throws. */
	read(bytes: Uint8Array, position: number): void;
}

export interface Device {
	readonly network: Network;
	readonly storage: Storage;
	/** Where files are kept, on a device that has such a place. */
	readonly files?: Directory | undefined;
	/** Where ESP-IDF leaves a core dump (partition of type data, subtype coredump), on a device that has such a place. */
	readonly coreDump?: Partition | undefined;
	readonly system: SystemControl;
	readonly clock: WallClock;
	/**
	 * Opens the serial port for log and console, on a device that has one. `onReadable` is called when bytes have come, as long as
	 * some are left. Throws when the port is somebody else's, e.g. a debugger's.
	 */
	readonly serial?: ((onReadable: () => void) => SerialPort) | undefined;
}
