/** The serial port of a device on the host: a pseudo-terminal (`--console`), to which a terminal program attaches. One at a time. */
export default class PtyPort {
	/** Whether the device was given one. */
	static readonly available: boolean;
	/** @param options.onReadable bytes have come; it is called again as long as some are left */
	constructor(options: { readonly onReadable: () => void });
	/** Copies what has come into `buffer`; returns the number of bytes. */
	read(buffer: Uint8Array): number;
	/** Puts bytes into the port's buffer, as many as there is room for; returns their number. What nobody is there to see is lost, as on every serial port. */
	write(buffer: Uint8Array): number;
	/** Bytes that `write` takes now. */
	readonly room: number;
	/** Idempotent. */
	close(): void;
}
