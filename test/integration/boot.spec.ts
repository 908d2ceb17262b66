/** Which firmware boots: every transition of ESP-IDF's rules, and otadata byte by byte. */
import assert from "node:assert/strict";
import { layout, makeVersion, Workshop } from "../idf/devices";
import { decodeOtadata, type Entry, encodeEntry, sectorSize, states } from "../idf/otadata";
import { restart, Shell } from "../idf/shell";

const one = makeVersion("1.0.0");
const two = makeVersion("2.0.0", 30_000);
const both = { ota_0: one, ota_1: two };
const factory = { factory: makeVersion("0.9.0") };
const broken = Buffer.from(two);
broken.writeUInt8(broken.readUInt8(5000) ^ 1, 5000);

type Otadata = readonly [Entry | undefined, Entry | undefined];

/** Sequence 1, valid, and sequence 2, on trial. The last four bytes are the checksums that any ESP32 has for 1 and 2. */
const recorded = {
	firstBoot: `01000000${"ff".repeat(20)}020000009a984347`,
	onTrial: `02000000${"ff".repeat(20)}010000007437f655`,
} as const;

describe("boot model", function () {
	this.timeout(120_000);
	const workshop = new Workshop();
	after(() => workshop.close());

	const otadataOf = (path: string): Otadata => decodeOtadata(workshop.read(path, layout.otadata, 2 * sectorSize), 0);

	/** One boot of a device; gives back what ran and what otadata holds then. */
	async function boot(path: string): Promise<{ readonly label: unknown; readonly state: unknown; readonly fallback: unknown }> {
		const shell = await Shell.open(path);
		const { label, state, fallback, error } = await shell.run("boot");
		await shell.close();
		return error === "ESP_OK" ? { label, state, fallback } : { label: error, state: undefined, fallback: undefined };
	}

	describe("otadata", () => {
		it("the first boot of all writes the entry that a chip writes", async () => {
			const path = workshop.device();
			await boot(path);
			assert.equal(workshop.read(path, layout.otadata, 32).toString("hex"), recorded.firstBoot);
			assert.equal(encodeEntry({ sequence: 1, state: states.valid }).toString("hex"), recorded.firstBoot);
			assert.ok(workshop.read(path, layout.otadata + 32, sectorSize - 32).every((byte) => byte === 0xff));
		});
		it("a trial is marked before the firmware runs", async () => {
			const path = workshop.device({
				contents: both,
				otadata: [
					{ sequence: 1, state: states.valid },
					{ sequence: 2, state: states.new },
				],
			});
			await boot(path);
			assert.equal(workshop.read(path, layout.otadata + sectorSize, 32).toString("hex"), recorded.onTrial);
		});
	});

	interface Transition {
		readonly name: string;
		readonly contents?: Readonly<Record<string, Uint8Array>>;
		readonly table?: "slots" | "factory";
		readonly before: readonly [Entry | Uint8Array | undefined, Entry | Uint8Array | undefined];
		readonly label: string;
		readonly state: number;
		readonly fallback?: boolean;
		readonly after: Otadata;
	}
	const valid = (sequence: number): Entry => ({ sequence, state: states.valid });
	const withState = (sequence: number, state: Entry["state"]): Entry => ({ sequence, state });
	const wrongCRC = Buffer.from(encodeEntry(withState(2, states.valid)));
	wrongCRC.writeUInt8(0, 31);

	const transitions: readonly Transition[] = [
		{
			name: "blank otadata: ota_0, which is made valid",
			before: [undefined, undefined],
			label: "ota_0",
			state: states.valid,
			after: [valid(1), undefined],
		},
		{
			name: "blank otadata with a factory firmware: that one, and otadata stays blank",
			table: "factory",
			contents: { ...both, ...factory },
			before: [undefined, undefined],
			label: "factory",
			state: states.undefined,
			after: [undefined, undefined],
		},
		{
			name: "blank otadata and a broken ota_0: ota_1, which is made valid",
			contents: { ota_0: broken, ota_1: two },
			before: [undefined, undefined],
			label: "ota_1",
			state: states.valid,
			fallback: true,
			after: [valid(2), undefined],
		},
		{
			name: "one valid entry: its slot",
			before: [undefined, valid(2)],
			label: "ota_1",
			state: states.valid,
			after: [undefined, valid(2)],
		},
		{
			name: "two valid entries: the higher sequence",
			before: [valid(3), valid(2)],
			label: "ota_0",
			state: states.valid,
			after: [valid(3), valid(2)],
		},
		{
			name: "sequences go on beyond the number of slots",
			before: [valid(7), valid(8)],
			label: "ota_1",
			state: states.valid,
			after: [valid(7), valid(8)],
		},
		{
			name: "new becomes pending",
			before: [valid(1), withState(2, states.new)],
			label: "ota_1",
			state: states.pending,
			after: [valid(1), withState(2, states.pending)],
		},
		{
			name: "pending becomes aborted, and the older slot boots",
			before: [valid(1), withState(2, states.pending)],
			label: "ota_0",
			state: states.valid,
			after: [valid(1), withState(2, states.aborted)],
		},
		{
			name: "aborted and invalid slots do not boot",
			before: [valid(1), withState(2, states.invalid)],
			label: "ota_0",
			state: states.valid,
			after: [valid(1), withState(2, states.invalid)],
		},
		{
			name: "undefined is as good as valid",
			before: [withState(1, states.undefined), undefined],
			label: "ota_0",
			state: states.undefined,
			after: [withState(1, states.undefined), undefined],
		},
		{
			name: "an entry with a wrong CRC does not count",
			before: [valid(1), wrongCRC],
			label: "ota_0",
			state: states.valid,
			after: [valid(1), undefined],
		},
		{
			name: "only an entry with a wrong CRC: the slots are tried in order, otadata is left alone",
			before: [undefined, wrongCRC],
			label: "ota_0",
			state: states.undefined,
			after: [undefined, undefined],
		},
		{
			name: "both aborted without a factory firmware: ota_0 all the same",
			before: [withState(1, states.aborted), withState(2, states.aborted)],
			label: "ota_0",
			state: states.aborted,
			after: [withState(1, states.aborted), withState(2, states.aborted)],
		},
		{
			name: "both aborted with a factory firmware: that one",
			table: "factory",
			contents: { ...both, ...factory },
			before: [withState(1, states.aborted), withState(2, states.pending)],
			label: "factory",
			state: states.undefined,
			after: [withState(1, states.aborted), withState(2, states.aborted)],
		},
		{
			name: "the chosen image is broken: the other slot, and the trial is over",
			contents: { ota_0: one, ota_1: broken },
			before: [valid(1), withState(2, states.new)],
			label: "ota_0",
			state: states.valid,
			fallback: true,
			after: [valid(1), withState(2, states.pending)],
		},
		{
			name: "the valid image is broken: the slot above it",
			contents: { ota_0: broken, ota_1: two },
			before: [valid(1), undefined],
			label: "ota_1",
			state: states.undefined,
			fallback: true,
			after: [valid(1), undefined],
		},
		{
			name: "the chosen image is broken: factory before the slots above",
			table: "factory",
			contents: { ota_0: broken, ota_1: two, ...factory },
			before: [valid(1), undefined],
			label: "factory",
			state: states.undefined,
			fallback: true,
			after: [valid(1), undefined],
		},
	];
	describe("selection", () => {
		for (const {
			name,
			contents = both,
			table = "slots",
			before: otadata,
			label,
			state,
			fallback = false,
			after,
		} of transitions) {
			it(name, async () => {
				const path = workshop.device({ contents, table, otadata });
				assert.deepEqual(await boot(path), { label, state, fallback });
				assert.deepEqual(otadataOf(path), after);
			});
		}
		it("nothing bootable is a clear failure", async () => {
			const shell = await Shell.open(workshop.device({ contents: { ota_0: broken, ota_1: broken } }));
			const answer = await shell.fails("ESP_ERR_NOT_FOUND", "boot");
			assert.match(String(answer.text), /no partition holds a firmware image/);
			await shell.close();
		});
		it("a flash without a partition table is a clear failure", async () => {
			const shell = await Shell.open(workshop.write("blank", Buffer.alloc(0x10000, 0xff)));
			const answer = await shell.fails("ESP_ERR_INVALID_STATE", "boot");
			assert.match(String(answer.text), /no valid partition table/);
			await shell.close();
		});
		it("a damaged partition table is found by its MD5", async () => {
			const path = workshop.device();
			const shell = await Shell.open(path);
			await shell.ok("write", 0x8000 + 12, "00");
			await shell.fails("ESP_ERR_INVALID_STATE", "boot");
			await shell.close();
		});
	});

	describe("images that must not boot", () => {
		const patched = (at: number, byte: number): Buffer => {
			const image = Buffer.from(one);
			image.writeUInt8(byte, at);
			return image;
		};
		const images: Readonly<Record<string, Uint8Array>> = {
			"another magic number": patched(0, 0xea),
			"another chip": patched(12, 5),
			"a newer chip revision": patched(16, 2),
			"older chip revisions only": patched(18, 0),
			"too many segments": patched(1, 17),
			"a segment of odd length": patched(28, 3),
			"a segment beyond the partition": patched(31, 1),
			"a segment that cannot be mapped": patched(24, 0x24),
			"one wrong byte of data": patched(4000, one.readUInt8(4000) ^ 1),
			"a wrong checksum": patched(one.length - 33, one.readUInt8(one.length - 33) ^ 1),
			"a wrong SHA-256": patched(one.length - 1, one.readUInt8(one.length - 1) ^ 1),
			"its end missing": one.subarray(0, one.length - 40),
		};
		for (const [name, image] of Object.entries(images)) {
			it(name, async () => {
				assert.equal((await boot(workshop.device({ contents: { ota_0: image } }))).label, "ESP_ERR_NOT_FOUND");
			});
		}
		it("an image without appended hash boots by its checksum, as on a chip", async () => {
			const image = Buffer.from(one.subarray(0, one.length - 32));
			image.writeUInt8(0, 23);
			assert.equal((await boot(workshop.device({ contents: { ota_0: image } }))).label, "ota_0");
			image.writeUInt8(image.readUInt8(4000) ^ 1, 4000);
			assert.equal((await boot(workshop.device({ contents: { ota_0: image } }))).label, "ESP_ERR_NOT_FOUND");
		});
	});

	it("tells where the segments are and what the image says of itself", async () => {
		const shell = await Shell.open(workshop.device());
		const answer = await shell.ok("boot");
		assert.equal(answer.version, "1.0.0");
		assert.equal(answer.length, one.length);
		assert.equal(answer.digest, one.toString("hex", one.length - 32));
		assert.deepEqual(answer.segments, [
			[0x3f400020, 32, 256],
			[0x400d0000 + 296, 296, 20_000],
		]);
		await shell.close();
	});

	it("from update to rollback and back, as a whole", async () => {
		const path = workshop.device({ contents: both });
		const step = async (...commands: (readonly (string | number)[])[]): Promise<void> => {
			const shell = await Shell.open(path);
			await shell.ok("boot");
			for (const words of commands) await shell.ok(...words);
			await shell.close();
		};
		await step(["set_boot", "ota_1"]);
		assert.deepEqual(otadataOf(path), [valid(1), withState(2, states.new)]);
		await step(["valid"]);
		assert.deepEqual(otadataOf(path), [valid(1), valid(2)]);
		const shell = await Shell.open(path);
		assert.equal((await shell.ok("boot")).label, "ota_1");
		assert.equal((await shell.ok("can_rollback")).possible, true);
		assert.equal(await shell.ends("invalid"), restart);
		assert.deepEqual(otadataOf(path), [valid(1), withState(2, states.invalid)]);
		assert.equal((await boot(path)).label, "ota_0");
		await step(["set_boot", "ota_1"], ["valid"]);
		assert.deepEqual(otadataOf(path), [valid(1), valid(2)], "set_boot of an aborted but intact slot succeeds");
	});
});
