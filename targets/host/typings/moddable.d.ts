/**
 * The part of Moddable's module interfaces that Fleetling uses, for type checking without an SDK.
 * mcconfig uses the SDK's own typings instead; the shapes agree.
 */

declare function trace(...values: readonly unknown[]): void;

declare module "timer" {
	export default class Timer {
		private constructor();
		private brand: boolean;
		/** Calls back once after `delay` milliseconds (default 0); with `repeat`, again every `repeat` milliseconds. */
		static set(callback: (timer: Timer) => void, delay?: number, repeat?: number): Timer;
		static repeat(callback: (timer: Timer) => void, interval: number): Timer;
		static schedule(timer: Timer, delay?: number, repeat?: number): void;
		static clear(timer: Timer | undefined | null): void;
		/** Blocks for `milliseconds`. */
		static delay(milliseconds: number): void;
	}
}

declare module "time" {
	const Time: {
		/** Sets the wall clock to `seconds` since 1970. */
		set(seconds: number): void;
		/** Milliseconds since an arbitrary moment; monotonic. */
		readonly ticks: number;
		delta(start: number, end?: number): number;
		readonly microseconds?: number;
	};
	export default Time;
}

declare module "base64" {
	export default class Base64 {
		static encode(buffer: ArrayBuffer | Uint8Array | string): string;
		static decode(text: string): ArrayBuffer;
	}
}

declare module "hex" {
	export default class Hex {
		static toString(buffer: ArrayBuffer | Uint8Array, separator?: string): string;
		static toBuffer(text: string, separator?: string): ArrayBuffer;
	}
}

declare module "text/encoder" {
	export default class TextEncoder {
		encode(text: string): Uint8Array<ArrayBuffer>;
		encodeInto(text: string, destination: Uint8Array): { readonly read: number; readonly written: number };
	}
}

declare module "text/decoder" {
	export default class TextDecoder {
		constructor(encoding?: "utf-8", options?: { readonly fatal?: boolean; readonly ignoreBOM?: boolean });
		decode(bytes?: ArrayBuffer | ArrayBufferView, options?: { readonly stream?: boolean }): string;
	}
}

declare module "url" {
	export class URL {
		constructor(url: string, base?: string);
		readonly href: string;
		readonly origin: string;
		readonly protocol: string;
		readonly username: string;
		readonly password: string;
		readonly host: string;
		readonly hostname: string;
		readonly port: string;
		readonly pathname: string;
		readonly search: string;
		readonly hash: string;
	}
	export default URL;
}

declare module "mc/config" {
	const config: Readonly<Record<string, string | number | boolean | undefined>>;
	export default config;
}

declare module "embedded:io/socket/tcp" {
	export interface Options {
		readonly address?: string;
		readonly host?: string;
		readonly port?: number;
		readonly from?: TCP;
		readonly nodelay?: boolean;
		readonly onReadable?: (this: TCP, count: number) => void;
		readonly onWritable?: (this: TCP, count: number) => void;
		readonly onError?: (this: TCP) => void;
		readonly format?: "number" | "buffer";
		readonly target?: unknown;
	}
	export default class TCP {
		constructor(options: Options);
		readonly remoteAddress: string | undefined;
		readonly remotePort: number | undefined;
		target: unknown;
		format: "number" | "buffer";
		read(count?: number): ArrayBuffer | number | undefined;
		read(buffer: ArrayBuffer | Uint8Array): number | undefined;
		write(value: ArrayBuffer | Uint8Array | number): number;
		close(): void;
	}
}

declare module "embedded:io/socket/listener" {
	import type TCP from "embedded:io/socket/tcp";
	export default class Listener {
		constructor(options: {
			readonly port?: number;
			readonly address?: string;
			readonly onReadable?: (this: Listener, count: number) => void;
			readonly target?: unknown;
		});
		readonly port: number;
		/** Takes the next waiting connection. */
		read(): TCP;
		close(): void;
	}
}

declare module "embedded:io/socket/udp" {
	export default class UDP {
		constructor(options: {
			readonly port?: number;
			readonly onReadable?: (this: UDP, count: number) => void;
			readonly onError?: (this: UDP) => void;
			readonly target?: unknown;
		});
		read(): (ArrayBuffer & { readonly address: string; readonly port: number }) | undefined;
		write(address: string, port: number, buffer: ArrayBuffer | Uint8Array): void;
		close(): void;
	}
}

declare module "embedded:network/dns/resolver/udp" {
	export default class Resolver {
		constructor(options: Readonly<Record<string, unknown>>);
		resolve(options: {
			readonly host: string;
			readonly onResolved: (host: string, address: string) => void;
			readonly onError: (host: string) => void;
		}): void;
		close(): void;
	}
}

declare module "embedded:storage/key-value" {
	export type StorageFormat =
		| "buffer"
		| "string"
		| "uint8"
		| "int8"
		| "uint16"
		| "int16"
		| "uint32"
		| "int32"
		| "uint64"
		| "int64";
	export class KeyValue {
		read(key: string): ArrayBuffer | string | number | bigint | undefined;
		write(key: string, value: ArrayBuffer | Uint8Array | string | number | bigint): void;
		delete(key: string): void;
		close(): void;
		format: StorageFormat;
		[Symbol.iterator](): IterableIterator<string>;
	}
	const storage: {
		open(options: { readonly path: string; readonly format?: StorageFormat; readonly mode?: "r" | "r+" }): KeyValue;
	};
	export default storage;
}
