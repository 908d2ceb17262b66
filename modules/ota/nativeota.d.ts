/** ESP-IDF's esp_err_t: 0 is success. */
export type EspError = number;

/** What ESP-IDF knows of an application partition, in plain values. */
export interface NativeInfo {
	readonly label: string;
	readonly address: number;
	readonly size: number;
	/** esp_ota_img_states_t, or -1 without an entry in otadata. */
	readonly state: number;
	/** Absent when there is no application description. */
	readonly version?: string;
	readonly projectName?: string;
	readonly secureVersion?: number;
	readonly date?: string;
	readonly time?: string;
	readonly idfVersion?: string;
	readonly elfSha256?: string;
}

/** Thin natives over esp_ota_*, esp_partition_* and esp_image_verify. Slots are named by the label of their partition. */
export declare const Slots: {
	/** Labels of all application partitions: the factory one first, then the OTA slots in order. */
	list(): string[];
	running(): string | undefined;
	boot(): string | undefined;
	next(): string | undefined;
	info(label: string): NativeInfo | undefined;
	/** Fills the buffer. */
	read(label: string, offset: number, buffer: ArrayBuffer | Uint8Array): EspError;
	verify(label: string): EspError;
	activate(label: string): EspError;
	/** Chooses the running firmware again for the next boot. */
	deactivate(): EspError;
	confirm(): EspError;
	/** Returns only when it failed. */
	rollback(): EspError;
	canRollBack(): boolean;
	lastInvalid(): string | undefined;
	invalidate(label: string): EspError;
	/** Chip number for which this firmware was built, as in the header of images. */
	chip(): number;
};

/** Writes a slot and erases ahead of the writing. */
export class SlotWriter {
	constructor();
	/** `size` 0: not known. `tag` is 16 bytes, or undefined for no progress marks. */
	open(label: string, offset: number, size: number, tag: ArrayBuffer | Uint8Array | undefined): EspError;
	write(buffer: ArrayBuffer | Uint8Array): EspError;
	finish(): EspError;
	/** May be called again. */
	close(): void;
	position(): number;
	static resumable(label: string, tag: ArrayBuffer | Uint8Array): number;
}
