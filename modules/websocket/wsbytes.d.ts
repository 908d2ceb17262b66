/** What a WebSocket does to every byte, and its one hash, in C: a loop in JavaScript costs a device 100 times as much. */
export default class WSBytes {
	/** SHA-1 (20 bytes), or the status of PSA when the library cannot. */
	static sha1(bytes: ArrayBuffer | Uint8Array): ArrayBuffer | number;
	/**
	 * Masks `length` bytes of `frame` from index `payload` where they are, with the four bytes before them (RFC 6455
	 * section 5.3).
	 */
	static mask(frame: Uint8Array, payload: number, length: number): void;
	/**
	 * Goes on checking UTF-8 (RFC 3629) with the first `length` of `bytes`.
	 *
	 * @param state 0 at the beginning of a text, then what the call before returned
	 * @returns 0 between characters, a positive number inside of one, -1 as soon as no valid text can come of it
	 */
	static utf8(state: number, bytes: ArrayBuffer | Uint8Array, length: number): number;
}
