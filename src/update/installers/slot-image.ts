import { FleetlingError } from "fleetling/error/error";
import { chipName } from "fleetling/ota/format";
import { type ImageHead, readChip, readImageHead } from "../image";
import type { Installed, Installer, InstallerKinds, Payload } from "../installer";
import type { Slot, Slots, SlotWriter } from "../slots";
import { checkSecureVersion, checkStructure } from "./image-checks";

export interface SlotImageOptions {
	/**
	 * Names of projects (esp_app_desc) whose images may be installed besides that of the running one: for a device that
	 * changes from one product's firmware to another's.
	 */
	readonly projects?: readonly string[];
	/** Images of a lower secure version (esp_app_desc) are refused, whether or not the chip's own anti-rollback is on. */
	readonly minimumSecureVersion?: number;
}

/** The payload type of an image that is not in an artifact. */
export const imageType = "esp32-image";

/**
 * Installers of firmware images for `esp32-image` and for other names of the same thing: "rootfs-image" is what
 * mender-artifact and rdfm-artifact write by default, "zephyr-image" what other small clients use. What the image is, it
 * has to say itself either way.
 */
export function slotImages(aliases: readonly string[] = [], options: SlotImageOptions = {}): InstallerKinds {
	const make = (slots: Slots): Installer => new SlotImageInstaller(slots, options);
	return Object.fromEntries([imageType, ...aliases].map((type) => [type, make]));
}

/** Installs a firmware image into the inactive slot. */
export class SlotImageInstaller implements Installer {
	/** The trial boot and the way back are for an image: nothing else of its package would go back with it. */
	readonly alone = true;
	readonly #slots: Slots;
	readonly #options: SlotImageOptions;
	readonly #slot: Slot;
	#writer: SlotWriter | undefined;
	#head: ImageHead | undefined;
	#written = 0;

	constructor(slots: Slots, options: SlotImageOptions = {}) {
		this.#slots = slots;
		this.#options = options;
		this.#slot = slots.inactive();
	}

	begin(payload: Payload, head: Uint8Array): void {
		if (payload.size !== undefined) this.#checkSize(payload.size);
		const image = readImageHead(head);
		checkStructure(head, payload.size);
		this.#checkOrigin(image);
		const { minimumSecureVersion: least } = this.#options;
		if (least !== undefined) checkSecureVersion(head, least);
		this.#head = image;
		this.#writer = this.#slots.write(payload.size);
	}

	write(bytes: Uint8Array): void {
		this.#written += bytes.byteLength;
		this.#checkSize(this.#written);
		this.#writer?.write(bytes);
	}

	finish(): Installed {
		const image = this.#head;
		if (image === undefined)
			throw new FleetlingError("image.truncated", "the package holds no image; write it again with the .bin that the build made");
		this.#writer?.finish();
		this.#writer = undefined;
		const slots = this.#slots;
		return { version: image.version, slot: this.#slot.label, activate: () => slots.activate() };
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
		const others = this.#options.projects ?? [];
		if (project !== undefined && image.project !== project && !others.includes(image.project))
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
