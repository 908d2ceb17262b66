/** What reading a package costs: memory that does not grow with it, and time beside that of a raw image. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeImage } from "../../targets/host/image/image";
import { ecKey } from "../artifacts/keys";
import { writeArtifact } from "../artifacts/writer";
import { runXS } from "../xs/driver";

const main = "test/integration/programs/artifact-memory.ts";
const mebibyte = 1 << 20;
const sizes = [1, 32] as const;
/**
 * How the same image is packed. `slack` is for what may vary between two runs; `native` is the budget of the C heap, the
 * inflater's window (32 KB) and tables (11 KB) included.
 */
const forms = [
	{ name: "raw", compression: undefined, signed: false, slack: 0, native: 0 },
	{ name: "artifact", compression: "none", signed: false, slack: 0, native: 1024 },
	// The key that verifies is a key of the library while it does.
	{ name: "signed", compression: "none", signed: true, slack: 0, native: 6 * 1024 },
	// Its blocks of 1 KB are garbage at once; how many there are when it is collected varies by one or two.
	{ name: "gzip", compression: "gzip", signed: true, slack: 2048, native: 48 * 1024 },
] as const;
type Form = (typeof forms)[number];

interface Taken {
	readonly size: number;
	readonly written: number;
	readonly microseconds: number;
	readonly nativePeak: number;
	readonly memory: { readonly slotsPeak: number; readonly chunksPeak: number; readonly stackPeak: number };
}

describe("reading a package", function () {
	this.timeout(300_000);
	const folder = mkdtempSync(join(tmpdir(), "fleetling-reading-"));
	const key = ecKey();
	const lengths = new Map<number, number>();

	before(() => {
		for (const size of sizes) {
			// Half of it compresses, as half of a firmware does.
			const data = Buffer.concat([randomBytes((size * mebibyte) / 2), Buffer.alloc((size * mebibyte) / 2, "firmware")]);
			const image = makeImage({ version: "2.0.0", projectName: "fleetling", segments: [{ data }] });
			lengths.set(size, image.length);
			const payloads = [{ type: "rootfs-image", files: [{ name: "firmware.bin", content: Buffer.from(image) }] }];
			for (const { name, compression, signed } of forms) {
				const description = { name: "n", deviceTypes: ["this-device"], payloads, ...(signed && { key }) };
				const bytes = compression === undefined ? image : writeArtifact({ ...description, compression });
				writeFileSync(join(folder, `${name}-${size}`), bytes);
			}
		}
	});
	after(() => rmSync(folder, { recursive: true, force: true }));

	async function take({ name, signed }: Form, size: number, hashed = true): Promise<Taken> {
		const keys = signed ? [key.publicPEM] : [];
		const program = await runXS({
			main,
			parameters: { folder, path: `${name}-${size}`, image: `raw-${size}`, keys, blockBytes: 4096, hashed },
			// As little as the firmware has for everything, so that garbage is collected as it would be there.
			arguments: ["--limits"],
			creation: { static: 1 << 16 },
			timeout: 120_000,
		});
		const end = await program.done;
		assert.equal(end.code, 0, end.output);
		return program.events.find(({ event }) => event === "taken") as unknown as Taken;
	}

	for (const form of forms)
		it(`(${form.name}) takes the same memory for 1 and for 32 MiB`, async () => {
			const [small, large] = [await take(form, 1), await take(form, 32)];
			assert.equal(small.written, lengths.get(1));
			assert.equal(large.written, lengths.get(32));
			for (const part of ["slotsPeak", "chunksPeak", "stackPeak"] as const)
				assert.ok(
					Math.abs(large.memory[part] - small.memory[part]) <= form.slack,
					`${part}: ${large.memory[part]} after ${small.memory[part]}`,
				);
			assert.ok(large.nativePeak <= small.nativePeak + 1024, `native: ${large.nativePeak} after ${small.nativePeak} bytes`);
			assert.ok(large.nativePeak <= form.native, `native: ${large.nativePeak} of ${form.native} bytes`);
			const rates = [large, await take(form, 32, false)].map(({ written, microseconds }) => (written / microseconds).toFixed(0));
			const { slotsPeak, chunksPeak, stackPeak } = large.memory;
			process.stdout.write(
				`      slots ${slotsPeak}, chunks ${chunksPeak}, stack ${stackPeak}, native ${large.nativePeak} bytes; ${rates[0]} MB/s of image, ${rates[1]} without the hash of the package\n`,
			);
		});
});
