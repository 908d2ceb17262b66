/** The serial port of the console: UART 0, or the chip's own USB port where the build says so. One at a time. */
export default class SerialPort {
	/**
	 * @param options.onReadable bytes have come; it is called again as long as some are left
	 * @throws when the port belongs to the debugger, or when there is no memory
	 */
	constructor(options: { readonly onReadable: () => void });
	/** Copies what has come into `buffer`; returns the number of bytes. */
	read(buffer: Uint8Array): number;
	/** Puts bytes into the port's buffer, as many as there is room for; returns their number. Waits for the hardware in instrumented builds only, 11 ms at most. */
	write(buffer: Uint8Array): number;
	/** Bytes that `write` takes now. */
	readonly room: number;
	/** Idempotent. The driver stays: ESP-IDF's log goes through it. */
	close(): void;
}
