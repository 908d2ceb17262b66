/** What the device makes of artifacts from the real mender-artifact, whole and damaged. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { menderArtifact, run as runMender, write } from "../artifacts/mender";
import { makeSample, samples, Workbench } from "../artifacts/samples";
import { tarRegions } from "../artifacts/tar";
import { writeArtifact } from "../artifacts/writer";
import { type ProgramEvent, runXS } from "../xs/driver";

const main = "test/integration/programs/artifact-read.ts";
const tool = menderArtifact();

interface Job {
	readonly name: string;
	readonly path: string;
	readonly keys: readonly string[];
	readonly piece: number;
	readonly bits?: readonly number[];
}

/** Runs all jobs in one program; the events by the jobs' names. */
async function readAll(folder: string, jobs: readonly Job[]): Promise<Map<string, ProgramEvent>> {
	const program = await runXS({ main, parameters: { folder, jobs }, timeout: 240_000 });
	const end = await program.done;
	assert.equal(end.code, 0, end.output);
	return new Map(program.events.map((event) => [String(event.name), event]));
}

function temporary(): Workbench {
	return new Workbench(mkdtempSync(join(tmpdir(), "fleetling-artifacts-")));
}

describe("artifacts from mender-artifact", function () {
	this.timeout(300_000);
	let bench: Workbench;
	let results: Map<string, ProgramEvent>;
	const files = new Map<string, readonly (readonly [string, number, string])[]>();

	before(async function () {
		if ("missing" in tool) {
			process.stdout.write(`      skipped: ${tool.missing}\n`);
			this.skip();
		}
		bench = temporary();
		const jobs = samples.flatMap((sample): Job[] => {
			const path = makeSample(bench, sample).slice(bench.folder.length + 1);
			files.set(
				sample.name,
				(sample.files ?? []).map((name) => bench.expected(name)),
			);
			const keys = (sample.keys ?? []).map((name) => bench.keys[name].publicPEM);
			return [4096, 333].map((piece) => ({ name: `${sample.name}, ${piece}`, path, keys, piece }));
		});
		results = await readAll(bench.folder, jobs);
	});
	after(() => bench && rmSync(bench.folder, { recursive: true, force: true }));

	for (const { name, outcome, provides, metaData } of samples)
		it(`${name}: ${outcome}`, () => {
			for (const piece of [4096, 333]) {
				const result = results.get(`${name}, ${piece}`);
				assert.equal(result?.code, outcome, String(result?.text));
				if (outcome !== "installed") {
					assert.equal(result?.begun, 0, "something was installed");
					continue;
				}
				assert.deepEqual(result?.files, files.get(name));
				if (metaData) assert.deepEqual(result?.metaData, metaData);
				const provided = result?.provides as Record<string, string>;
				for (const [key, value] of Object.entries(provides ?? {})) assert.equal(provided[key], value);
			}
		});
});

describe("artifacts from mender-artifact, one bit changed", function () {
	this.timeout(600_000);
	let bench: Workbench;

	before(function () {
		if ("missing" in tool) {
			process.stdout.write(`      skipped: ${tool.missing}\n`);
			this.skip();
		}
		bench = temporary();
		bench.file("module.bin", 20_000);
	});
	after(() => bench && rmSync(bench.folder, { recursive: true, force: true }));

	/** Bits of a region: all of a small one, a sample of a large one. */
	const bitsOf = (start: number, size: number): number[] => {
		const step = Math.max(1, Math.floor((size * 8) / 150)) | 1;
		return Array.from({ length: Math.floor((size * 8) / step) }, (_, index) => start * 8 + index * step);
	};

	interface Changed {
		readonly bit: number;
		readonly code: string;
		readonly files?: unknown;
	}

	/** Reads an artifact with bits of each member changed, and of its header: what becomes of each, by member. */
	async function damage(name: string, keys: readonly string[]): Promise<Map<string, readonly Changed[]>> {
		const path = `${name}.mender`;
		const jobs = tarRegions(readFileSync(bench.path(path))).flatMap((region) => [
			{ name: `header of ${region.name}`, path, keys, piece: 4096, bits: bitsOf(region.header, 512) },
			{ name: region.name, path, keys, piece: 4096, bits: bitsOf(region.start, region.size) },
		]);
		const events = await readAll(bench.folder, jobs);
		const resultsOf = (member: string, bits: readonly number[]): Changed[] => {
			const results = events.get(member)?.results as readonly Omit<Changed, "bit">[];
			return bits.map((bit, at) => ({ bit, code: "", ...results[at] }));
		};
		return new Map(jobs.map((job) => [job.name, resultsOf(job.name, job.bits)]));
	}

	/** The checksum of a tar header may have spaces for zeros in front, and a space for the NUL behind it. */
	const isFilling = (bit: number): boolean => [148, 149, 154, 155].includes((bit >> 3) % 512);

	const codes = (results: readonly { code: string }[] | undefined): string[] =>
		[...new Set(results?.map(({ code }) => code))].sort();

	for (const kind of ["ec", "rsa"] as const)
		it(`signed (${kind}), not compressed: refused whichever it is`, async () => {
			write(bench.path(`${kind}.mender`), { files: [bench.path("module.bin")], key: bench.path(`${kind}.pem`) });
			const found = await damage(kind, [bench.keys[kind].publicPEM]);
			assert.deepEqual(codes(found.get("manifest.sig")), ["artifact.bad-signature"]);
			assert.ok(
				codes(found.get("manifest")).every((code) =>
					["artifact.bad-signature", "artifact.bad-manifest", "artifact.not-in-manifest", "artifact.wrong-checksum"].includes(
						code,
					),
				),
			);
			for (const [member, results] of found)
				for (const { bit, code, files } of results) {
					if (code !== "installed") continue;
					assert.ok(isFilling(bit), `bit ${bit} of ${member} was changed and nobody saw it`);
					assert.deepEqual(files, [bench.expected("module.bin")]);
				}
		});

	it("unsigned, gzip: refused, but for what gzip says of time and system and its CRC of the payload", async () => {
		write(bench.path("gzip.mender"), { files: [bench.path("module.bin")], compression: "gzip" });
		const regions = tarRegions(readFileSync(bench.path("gzip.mender")));
		const path = "gzip.mender";
		const data = regions.find(({ name }) => name === "data/0000.tar.gz");
		assert.ok(data);
		const one = (name: string, start: number, size: number): Job => ({
			name,
			path,
			keys: [],
			piece: 4096,
			bits: Array.from({ length: size * 8 }, (_, bit) => start * 8 + bit),
		});
		const end = data.start + data.size;
		const found = await readAll(bench.folder, [
			one("magic, method", data.start, 3),
			one("time, level, system", data.start + 4, 6),
			{ ...one("deflate", data.start + 10, 0), bits: bitsOf(data.start + 10, data.size - 18) },
			one("CRC", end - 8, 4),
			one("length", end - 4, 4),
			...regions
				.filter(({ name }) => name !== data.name && name !== "manifest")
				.map((region): Job => ({ ...one(region.name, 0, 0), bits: bitsOf(region.start, region.size) })),
		]);
		const accepted = ["time, level, system", "CRC"];
		for (const [name, { results }] of found)
			assert.equal(
				codes(results as { code: string }[]).includes("installed"),
				accepted.includes(name),
				`${name}: ${codes(results as { code: string }[])}`,
			);
		for (const name of accepted)
			for (const { files } of found.get(name)?.results as { files: unknown }[])
				assert.deepEqual(files, [bench.expected("module.bin")]);
	});

	it("cut off anywhere: refused", async () => {
		write(bench.path("whole.mender"), { files: [bench.path("module.bin")] });
		const whole = readFileSync(bench.path("whole.mender"));
		const lengths = Array.from({ length: 60 }, (_, index) => Math.floor((whole.length * index) / 60)).concat(
			whole.length - 512,
			whole.length - 1,
		);
		for (const length of lengths) writeFileSync(bench.path(`cut-${length}.mender`), whole.subarray(0, length));
		const jobs = lengths.map((length): Job => ({ name: String(length), path: `cut-${length}.mender`, keys: [], piece: 4096 }));
		const found = await readAll(bench.folder, jobs);
		for (const length of lengths) assert.equal(found.get(String(length))?.code, "artifact.truncated", `${length} bytes`);
	});
});

describe("artifacts of our own writer", function () {
	this.timeout(120_000);
	const bench = temporary();
	after(() => rmSync(bench.folder, { recursive: true, force: true }));
	const content = Buffer.from("the payload");
	const file = { name: "file", content };
	const payloads = [
		{ type: "test-module", files: [file], provides: { "app.version": "2" }, clears: ["app.*"], metaData: { x: 1 } },
	];

	for (const compression of ["none", "gzip"] as const)
		for (const kind of ["rsa", "ec"] as const)
			it(`(${compression}, ${kind}) hold before the real mender-artifact`, function () {
				if ("missing" in tool) {
					process.stdout.write(`      skipped: ${tool.missing}\n`);
					this.skip();
				}
				const key = bench.keys[kind];
				const path = bench.path("own.mender");
				writeFileSync(path, writeArtifact({ name: "own", group: "g", deviceTypes: ["a", "b"], payloads, compression, key }));
				writeFileSync(bench.path("public.pem"), key.publicPEM);
				runMender(["validate", "-k", bench.path("public.pem"), path]);
				const text = runMender(["read", path]);
				assert.match(text, /Name: own/);
				assert.match(text, /app\.version: "?2"?/);
			});

	it("may be RDFM's, and have several payloads, on the device", async () => {
		const several = [
			{ type: "test-module", files: [file] },
			{ type: "rootfs-image", files: [{ name: "image", content }] },
		];
		writeFileSync(bench.path("rdfm.rdfm"), writeArtifact({ format: "rdfm", name: "n", deviceTypes: ["this-device"], payloads }));
		writeFileSync(
			bench.path("several.mender"),
			writeArtifact({ name: "n", deviceTypes: ["this-device"], payloads: several, compression: "gzip" }),
		);
		const jobs = ["rdfm.rdfm", "several.mender"].map((path): Job => ({ name: path, path, keys: [], piece: 4096 }));
		const found = await readAll(bench.folder, jobs);
		assert.deepEqual(
			(found.get("rdfm.rdfm")?.files as unknown[][]).map(([name]) => name),
			["file"],
		);
		assert.deepEqual(
			(found.get("several.mender")?.files as unknown[][]).map(([name]) => name),
			["file", "image"],
		);
	});
});
