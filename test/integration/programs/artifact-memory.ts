/** Takes a package from the host's files as a download does, into a slot that forgets it: what that costs. */
import { SHA256 } from "fleetling/common/crypto";
import Channel from "fleetling/host/channel";
import Files from "fleetling/host/files";
import System from "fleetling/host/system";
import { readImageHead } from "fleetling/update/image";
import { slotImages } from "fleetling/update/installers/slot-image";
import type { PackageReader, ReaderContext } from "fleetling/update/reader";
import { artifact } from "fleetling/update/readers/artifact";
import { rawImage } from "fleetling/update/readers/raw-image";
import type { Slot, Slots, SlotWriter } from "fleetling/update/slots";
import { emit, exit, parameters } from "test/harness";
import Time from "time";

const { folder, path, image, keys, blockBytes, hashed } = parameters as {
	readonly folder: string;
	readonly path: string;
	/** A file that begins like the image, for what the running firmware says of itself. */
	readonly image: string;
	readonly keys: readonly string[];
	readonly blockBytes: number;
	/** Whether the package as a whole is hashed too. */
	readonly hashed: boolean;
};

Files.use(folder);
const head = new Uint8Array(512);
const first = Files.openFile({ path: image });
first.read(head, 0);
first.close();

let written = 0;
const slot: Slot = { label: "ota_1", size: 1 << 30, state: "undefined" };
const writer: SlotWriter = {
	write(block) {
		written += block.byteLength;
	},
	finish() {},
	close() {},
};
const forgetful = {
	running: () => ({ ...slot, label: "ota_0", description: { version: "older", project: readImageHead(head).project } }),
	inactive: () => slot,
	read: (_label: string, offset: number, buffer: Uint8Array) => buffer.set(head.subarray(offset, offset + buffer.byteLength)),
	write: () => writer,
	activate() {},
} as unknown as Slots;

const installers = slotImages(["rootfs-image"]);
const context = (size: number): ReaderContext => ({
	size,
	installer: (type) => {
		const installer = installers[type]?.(forgetful);
		if (installer === undefined) throw new RangeError(type);
		return installer;
	},
});

const file = Files.openFile({ path });
const { size } = file.status();
const buffer = new Uint8Array(blockBytes);
const kinds = [rawImage, artifact(() => ({ deviceType: "this-device", provides: {}, keys }))];
const hash = new SHA256();
let reader: PackageReader | undefined;
const nativeBefore = Channel.nativeHeap();
let nativePeak = 0;
const begin = Time.microseconds ?? 0;
let reading = 0;
for (let at = 0; at < size; ) {
	const before = Time.microseconds ?? 0;
	const count = file.read(buffer, at);
	reading += (Time.microseconds ?? 0) - before;
	const block = count === blockBytes ? buffer : buffer.subarray(0, count);
	reader ??= kinds.find((kind) => kind.recognises(block))?.open(context(size));
	if (hashed) hash.update(block);
	reader?.write(block);
	if (at % (1 << 18) === 0) nativePeak = Math.max(nativePeak, Channel.nativeHeap() - nativeBefore);
	at += count;
}
const installed = reader?.finish();
const microseconds = (Time.microseconds ?? 0) - begin - reading;
hash.close();
file.close();
emit({ event: "taken", size, written, microseconds, nativePeak, version: installed?.version, memory: System.memory({}) });
exit();
