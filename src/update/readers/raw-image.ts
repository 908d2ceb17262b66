import { frozen } from "fleetling/frozen/frozen";
import { isImage } from "../image";
import type { Installed, Installer } from "../installer";
import type { PackageReader, ReaderContext, ReaderKind } from "../reader";

const payloadType = "esp32-image";

/** A package that is nothing but a firmware image, as the build makes it. */
export const rawImage: ReaderKind = frozen({
	name: "ESP application image",
	recognises: isImage,
	open: (context) => new RawImageReader(context),
});

class RawImageReader implements PackageReader {
	readonly #size: number | undefined;
	readonly #installer: Installer;
	#begun = false;

	constructor(context: ReaderContext) {
		this.#size = context.size;
		this.#installer = context.installer(payloadType);
	}

	write(bytes: Uint8Array): void {
		if (!this.#begun) {
			this.#begun = true;
			this.#installer.begin({ type: payloadType, size: this.#size }, bytes);
		}
		this.#installer.write(bytes);
	}

	finish(): Installed {
		return this.#installer.finish();
	}

	abort(): void {
		this.#installer.abort();
	}
}
