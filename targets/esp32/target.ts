/** The ESP32 family as a device: what src/ gets to see of it. */
import TCP from "embedded:io/socket/tcp";
import storage from "embedded:storage/key-value";
import type { Device, Partition, Storage, TCPConstructor } from "fleetling/common/device";
import type { Directory } from "fleetling/common/files";
import Chip from "fleetling/esp32/chip";
import { SystemClock } from "fleetling/esp32/clock";
import SerialPort from "fleetling/esp32/console/serialport";
import network from "fleetling/esp32/network/interface";
import NameResolver from "fleetling/esp32/network/name-resolver";
import Modules from "modules";

/** The SDK's typings leave out that a read can be without a value. */
const keyValues = storage as unknown as Storage;

/** Made with the first use: while the firmware is being preloaded there is no clock, no flash and no file system. */
let clock: SystemClock | undefined;
let files: Directory | undefined;
let filesTried = false;
let dump: Partition | undefined;

/** Mounts the file system, and formats it when there is none. A device without that partition has no files. */
function mount(): Directory | undefined {
	if (!filesTried) {
		filesTried = true;
		try {
			files = Modules.importNow("embedded:storage/files") as Directory;
		} catch (error) {
			trace(`no files: ${String(error)}\n`);
		}
	}
	return files;
}

function coreDump(): Partition | undefined {
	const size = Chip.coreDumpSize();
	if (size === 0) return undefined;
	dump ??= {
		size,
		read(bytes, position) {
			Chip.coreDumpRead(bytes, position);
		},
	};
	return dump;
}

const timeOfDay = (): SystemClock => {
	clock ??= new SystemClock(keyValues);
	return clock;
};

const device: Device = {
	network: Object.freeze({
		tcp: Object.freeze({ io: TCP as unknown as TCPConstructor }),
		dns: Object.freeze({ io: NameResolver }),
		get mac(): string {
			return Chip.mac(network.ethernet);
		},
	}),
	storage: keyValues,
	get files(): Directory | undefined {
		return mount();
	},
	get coreDump(): Partition | undefined {
		return coreDump();
	},
	system: Object.freeze({
		get resetReason() {
			return Chip.resetReason();
		},
		get target(): string {
			return Chip.name();
		},
		get engine(): string {
			return Chip.engine();
		},
		forget(): void {
			Chip.forget();
		},
		restart(): void {
			Chip.restart();
		},
		ticks(): number {
			return Chip.ticks();
		},
		memory() {
			return Chip.memory({});
		},
	}),
	clock: Object.freeze({
		now(): number {
			return timeOfDay().now();
		},
		set(milliseconds: number): void {
			timeOfDay().set(milliseconds);
		},
	}),
	serial: (onReadable) => new SerialPort({ onReadable }),
};

export default Object.freeze(device);
