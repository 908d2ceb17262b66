import { FleetlingError } from "fleetling/error/error";
import { chipName, type ImageHead, readChip, readImageHead } from "../image";
import type { Installed, Installer, Payload } from "../installer";
import type { Slot, Slots, SlotWriter } from "../slots";

/** Installs a firmware image into the inactive slot. */
export class SlotImageInstaller implements Installer {
	readonly #slots: Slots;
	readonly #slot: Slot;
	#writer: SlotWriter | undefined;
	#head: ImageHead | undefined;
	#written = 0;

	constructor(slots: Slots) {
		this.#slots = slots;
		this.#slot = slots.inactive();
	}

	begin(payload: Payload, head: Uint8Array): void {
		if (payload.size !== undefined) this.#checkSize(payload.size);
		const image = readImageHead(head);
		this.#checkOrigin(image);
		this.#head = image;
		this.#writer = this.#slots.write(payload.size);
	}

	write(bytes: Uint8Array): void {
		this.#written += bytes.byteLength;
		this.#checkSize(this.#written);
		this.#writer?.write(bytes);
	}

	finish(): Installed {
		this.#writer?.finish();
		this.#writer = undefined;
		const slots = this.#slots;
		return { version: this.#head?.version ?? "", slot: this.#slot.label, activate: () => slots.activate() };
	}

	abort(): void {
		this.#writer?.close();
		this.#writer = undefined;
	}

	#checkSize(bytes: number): void {
		if (bytes <= this.#slot.size) return;
		throw new FleetlingError(
			"update.too-large",
			`the image has ${bytes} bytes or more and slot ${this.#slot.label} holds ${this.#slot.size}; make the firmware smaller`,
		);
	}

	/** A sane image of something else must not get as far as the flash. */
	#checkOrigin(image: ImageHead): void {
		const running = this.#slots.running();
		const header = new Uint8Array(24);
		this.#slots.read(running.label, 0, header);
		const chip = readChip(header);
		if (image.chip !== chip)
			throw new FleetlingError(
				"image.wrong-chip",
				`the image is for ${chipName(image.chip)} and this device is ${chipName(chip)}; check the device type of the package`,
			);
		const project = running.description?.project;
		if (project !== undefined && image.project !== project)
			throw new FleetlingError(
				"update.wrong-project",
				`the image is "${image.project}" and this device runs "${project}"; check the device type of the package`,
			);
		if (image.version === running.description?.version)
			throw new FleetlingError(
				"update.same-version",
				`the package holds version ${image.version}, which is running; give the package on the server the version that its image has`,
			);
	}
}
