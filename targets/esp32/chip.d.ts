import type { MemoryFigures, ResetReason } from "fleetling/common/device";

/** What there is of the chip and of ESP-IDF that the SDK has no module for. */
export default class Chip {
	private constructor();
	/** esp_reset_reason() */
	static resetReason(): ResetReason;
	/** esp_restart(); does not return. */
	static restart(): never;
	/** Erases the NVS partition. Every domain that is open is dead afterwards. Throws when the flash fails. */
	static forget(): void;
	/** Milliseconds since the chip started (esp_timer). */
	static ticks(): number;
	/** Fills in the figures and returns them. */
	static memory(figures: object): MemoryFigures & { readonly heapLeast: number; readonly nativeStackFree: number };
	/** The factory's address of the Wi-Fi station, or of Ethernet. */
	static mac(ethernet: boolean): string;
	/** "esp32c3" */
	static name(): string;
	/** Version of XS, "17.0.0". */
	static engine(): string;
	/** Sets the clock of the system, to the millisecond. */
	static setTime(milliseconds: number): void;
	/** When this firmware was compiled, in milliseconds since 1970. */
	static buildTime(): number;
	/** Bytes of the partition for core dumps; 0 without one. */
	static coreDumpSize(): number;
	/** Fills `bytes` from `position` in that partition on. Throws when that is not all within it, or the flash fails. */
	static coreDumpRead(bytes: Uint8Array, position: number): void;
	/** Whether this firmware was built for a bootloader that rolls back (CONFIG_BOOTLOADER_APP_ROLLBACK_ENABLE). */
	static rollbackPossible(): boolean;
}
