/** Moddable's decompressor (data/zlib). */
declare module "inflate" {
	export default class Inflate {
		/** -15: raw deflate; 15: zlib. */
		constructor(options: { readonly windowBits: 15 | -15 });
		/** Takes the next part of what comes out, at most 1024 bytes, in a buffer of its own. Must not close the inflater. */
		onData: (chunk: ArrayBuffer) => void;
		/** After the last of it; `error` is 0. */
		onEnd: (error: number) => void;
		/** After `push`: bytes that were not needed because what was compressed has ended. */
		readonly strm: { readonly avail_in: number };
		push(bytes: ArrayBuffer | Uint8Array): void;
		/** Idempotent. */
		close(): void;
	}
}
