import type { HTTPRequest, RequestOptions } from "./types";

/** The body of a request that is not held in memory: asked for piece by piece, as fast as the network takes it. */
export interface BodySource {
	/** Bytes of the whole body. */
	readonly length: number;
	/** Memory that the pieces pass through; its size is that of the largest piece. */
	readonly buffer: Uint8Array;
	/**
	 * Fills all of `bytes` with what is at `position`; asked from the first byte again when the request is repeated. What it
	 * throws ends the request.
	 */
	read(bytes: Uint8Array, position: number): void;
}

/** The options of a request that sends such a body. */
export function sendFrom(source: BodySource): Pick<RequestOptions, "bodyLength" | "onWritable" | "onRestart"> {
	const { length, buffer } = source;
	let position = 0;
	return {
		bodyLength: length,
		onRestart() {
			position = 0;
		},
		onWritable(this: HTTPRequest, count) {
			for (let room = count; room > 0 && position < length; ) {
				const piece = buffer.subarray(0, Math.min(room, buffer.length, length - position));
				source.read(piece, position);
				position += piece.length;
				room = this.write(piece);
			}
		},
	};
}
