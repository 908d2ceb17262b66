import {
	activate,
	canRollBack,
	confirm,
	deactivate,
	inactive,
	invalidate,
	read,
	resumable,
	rollback,
	running,
	type SlotInfo,
	slots,
	Writer,
} from "fleetling/ota/ota";
import type { Slot, SlotMark, Slots, SlotWriter } from "./slots";

/** The device's own slots: the one place in src that calls fleetling/ota. */
export class OTASlots implements Slots {
	running(): Slot {
		return slotOf(running());
	}

	inactive(): Slot {
		return slotOf(inactive());
	}

	find(label: string): Slot | undefined {
		const found = slots().find((slot) => slot.label === label);
		return found && slotOf(found);
	}

	read(label: string, offset: number, buffer: Uint8Array): void {
		read(label, offset, buffer);
	}

	write(size: number | undefined, mark?: SlotMark): SlotWriter {
		return new Writer({ ...(size !== undefined && { size }), ...mark });
	}

	resumable(tag: Uint8Array): number {
		return resumable(tag);
	}

	invalidate(): void {
		invalidate(inactive().label);
	}

	activate(): void {
		activate(inactive().label);
	}

	deactivate(): void {
		deactivate();
	}

	confirm(): void {
		confirm();
	}

	canRollBack(): boolean {
		return canRollBack();
	}

	rollBack(): void {
		rollback();
	}
}

function slotOf({ label, size, state, description }: SlotInfo): Slot {
	if (description === undefined) return { label, size, state };
	const { version, projectName } = description;
	return { label, size, state, description: { version, project: projectName } };
}
