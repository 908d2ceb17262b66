/** The flash of the host device from the outside, for tests and measurements. Firmware does not use it. */
declare module "fleetling/host/flash" {
	/** What the bootloader model chose. */
	export interface Boot {
		readonly label: string;
		/** State in otadata; 0xFFFFFFFF without an entry. */
		readonly state: number;
		/** Another slot was selected but holds no valid image. */
		readonly fallback: boolean;
		readonly version: string;
	}

	export type Partition = readonly [label: string, type: number, subtype: number, address: number, size: number];

	/** Of this process; see host_flash_counters_t. */
	export interface Counters {
		readonly operations: number;
		readonly writes: number;
		readonly sectorErases: number;
		readonly blockErases: number;
		readonly bytesWritten: number;
		readonly violations: number;
	}

	const Flash: {
		/** Makes a blank flash in memory with a partition table and opens it. */
		make(size: number, partitions: readonly Partition[]): void;
		open(path: string): void;
		close(): void;
		/** Chooses what runs, as a restart would. */
		boot(): Boot;
		read(address: number, length: number): ArrayBuffer;
		/** Programs, past all protection of partitions; the rules of NOR flash hold. */
		write(address: number, buffer: ArrayBuffer | Uint8Array): void;
		erase(address: number, length: number): void;
		/** Cuts the power at an operation: before it (0), in the middle (1) or after it (2). */
		cut(operation: number, mode: 0 | 1 | 2, seed: number): void;
		readonly counters: Counters;
		region(address: number, length: number): { readonly erases: number; readonly writes: number };
	};
	export default Flash;
}
