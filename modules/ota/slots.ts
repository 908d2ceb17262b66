import { frozen } from "fleetling/frozen/frozen";
import { FleetlingError } from "../error/error";
import { check, espErrors, failure } from "./errors";
import { imageFault, structureFault } from "./image";
import { type NativeInfo, Slots } from "./nativeota";

/**
 * State of a slot in otadata. `undefined`: otadata knows nothing of it, which is how a firmware flashed over a cable starts.
 * `new`: chosen, not yet started. `pending-verify`: on trial. `invalid`: refused by itself. `aborted`: was not confirmed on trial.
 */
export type SlotState = "new" | "pending-verify" | "valid" | "invalid" | "aborted" | "undefined";

const states: readonly SlotState[] = frozen(["new", "pending-verify", "valid", "invalid", "aborted"]);

/** What the firmware in a slot says of itself (esp_app_desc_t). */
export interface Description {
	readonly version: string;
	readonly projectName: string;
	/** For anti-rollback; 0 when not used. */
	readonly secureVersion: number;
	/** Day and time of the build as the compiler writes them; empty in reproducible builds. */
	readonly date: string;
	readonly time: string;
	readonly idfVersion: string;
	/** 64 hexadecimal digits. */
	readonly elfSha256: string;
}

export interface SlotInfo {
	/** Label of the partition: the name by which all functions here know the slot. */
	readonly label: string;
	/** In flash, in bytes. */
	readonly address: number;
	readonly size: number;
	readonly state: SlotState;
	/** Absent when the slot holds no application image. */
	readonly description?: Description;
}

function describe(info: NativeInfo): Description | undefined {
	const { version, projectName, secureVersion, date, time, idfVersion, elfSha256 } = info;
	if (version === undefined || projectName === undefined || secureVersion === undefined) return undefined;
	return {
		version,
		projectName,
		secureVersion,
		date: date ?? "",
		time: time ?? "",
		idfVersion: idfVersion ?? "",
		elfSha256: elfSha256 ?? "",
	};
}

/** What there is in a slot (esp_ota_get_state_partition, esp_ota_get_partition_description). Throws ota.no-slot. */
export function slot(label: string): SlotInfo {
	const info = Slots.info(label);
	if (info === undefined) throw failure(espErrors.notFound, `looking for slot ${label}`);
	const description = describe(info);
	const { address, size } = info;
	const state = states[info.state] ?? "undefined";
	return description === undefined ? { label, address, size, state } : { label, address, size, state, description };
}

function named(label: string | undefined, what: string): SlotInfo {
	if (label === undefined) throw failure(espErrors.notFound, what);
	return slot(label);
}

/** All application partitions: the factory one first, then the OTA slots in order. */
export function slots(): readonly SlotInfo[] {
	return Slots.list().map(slot);
}

/** The slot whose firmware is running (esp_ota_get_running_partition). */
export function running(): SlotInfo {
	return named(Slots.running(), "looking for the running slot");
}

/** The slot that takes the next update (esp_ota_get_next_update_partition). */
export function inactive(): SlotInfo {
	return named(Slots.next(), "looking for a slot for an update");
}

/** The slot that boots next (esp_ota_get_boot_partition): the running one unless another was activated. */
export function next(): SlotInfo {
	return named(Slots.boot(), "looking for the slot that boots next");
}

/**
 * Makes a slot boot next, on trial (esp_ota_set_boot_partition): unless it is confirmed then, the boot after that goes back.
 * The image is verified again first. Nothing is written when the slot is activated already.
 * Mind that ESP-IDF activates an intact image that failed its trial before: remember what failed.
 *
 * Throws image.* when the slot holds no valid image, ota.running for the running slot, ota.on-trial.
 */
export function activate(label: string): void {
	const error = Slots.activate(label);
	if (error === espErrors.validateFailed) throw imageFault(label, slot(label).size);
	check(error, `activating ${label}`);
}

/** Takes back activate(): the running firmware boots next. */
export function deactivate(): void {
	check(Slots.deactivate(), "choosing the running firmware again");
}

/**
 * Ends the trial of the running firmware (esp_ota_mark_app_valid_cancel_rollback). Nothing happens when it is not on trial.
 * Throws ota.activated when another slot has been activated since, which would be confirmed in its place.
 */
export function confirm(): void {
	const error = Slots.confirm();
	if (error === espErrors.invalidState) throw activated("confirming the running firmware");
	check(error, "confirming the running firmware");
}

/**
 * Refuses the running firmware and restarts into the one before it (esp_ota_mark_app_invalid_rollback_and_reboot).
 * Returns only by an exception: ota.no-rollback when there is none, ota.activated when another slot has been activated.
 */
export function rollback(): never {
	const error = Slots.rollback();
	if (error === espErrors.invalidState) throw activated("rolling back");
	throw failure(error, "rolling back");
}

function activated(what: string): FleetlingError {
	const other = Slots.boot() ?? "another slot";
	return new FleetlingError(
		"ota.activated",
		`${what} failed: ${other} was chosen for the next boot; restart or deactivate it first`,
	);
}

/** Whether another slot holds a valid firmware to go back to (esp_ota_check_rollback_is_possible). Verifies it: slow. */
export function canRollBack(): boolean {
	return Slots.canRollBack();
}

/** The slot whose firmware failed its trial last, if its image is intact (esp_ota_get_last_invalid_partition). Slow. */
export function lastInvalid(): SlotInfo | undefined {
	const label = Slots.lastInvalid();
	return label === undefined ? undefined : slot(label);
}

/** Reads from a slot until the buffer is full (esp_partition_read). Throws ota.too-large past the end of the slot. */
export function read(label: string, offset: number, buffer: ArrayBuffer | Uint8Array): void {
	check(Slots.read(label, offset, buffer), `reading ${label}`);
}

/**
 * Verifies the image in a slot: structure, chip, checksum, appended SHA-256, and the signature where secure boot is on
 * (esp_image_verify). Reads and hashes all of it. Throws image.*.
 */
export function verify(label: string): void {
	const { size } = slot(label);
	const error = Slots.verify(label);
	if (error === espErrors.validateFailed) throw imageFault(label, size);
	check(error, `verifying ${label}`);
	const fault = structureFault(label, size);
	if (fault !== undefined) throw fault;
}

/**
 * Makes a slot unbootable: for an image that is intact but must never run, such as one whose package had a wrong signature. The
 * bootloader falls back to any valid image when the one it wants is damaged. Also takes back its activation.
 */
export function invalidate(label: string): void {
	check(Slots.invalidate(label), `invalidating ${label}`);
}
