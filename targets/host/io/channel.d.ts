/** What a test program says to the tools that started it, and hears from them. Not part of the device. */
export default class Channel {
	/** JSON handed in by the driver. */
	static readonly parameters: string;
	/** Sends one line of JSON. */
	static emit(text: string): void;
	/** Calls back with every line the driver sends; once per program. */
	static listen(callback: (text: string) => void): void;
	/** Ends the program at once. */
	static exit(code: number): never;
	/** Collects garbage now, so that what is in use can be measured. */
	static collect(): void;
	/** Bytes in use of the C heap. */
	static nativeHeap(): number;
}
