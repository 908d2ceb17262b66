/**
 * Slots for firmware on ESP32 and on the host: what is in them, writing one, trial boot, confirmation, rollback.
 *
 * A thin layer over ESP-IDF: each function says which of its calls it rests on. Failures are FleetlingErrors of the groups ota
 * (the device or the call) and image (what is in a slot).
 */
export type { Description, SlotInfo, SlotState } from "./slots";
export {
	activate,
	canRollBack,
	confirm,
	deactivate,
	inactive,
	invalidate,
	lastInvalid,
	next,
	read,
	rollback,
	running,
	slot,
	slots,
	verify,
} from "./slots";
export type { WriterOptions } from "./writer";
export { resumable, tagLength, Writer } from "./writer";
