import { assert } from "chai";
import type { FleetlingError } from "fleetling/error/error";
import type { Installed } from "fleetling/update/installer";
import type { PackageReader } from "fleetling/update/reader";
import { artifact } from "fleetling/update/readers/artifact";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { NotingInstaller, readArtifact, thisDevice } from "./reading";
import { type ArtifactParts, artifactBytes, noise, plainInfo, tar } from "./writing";

const two = { ...plainInfo, payloads: [{ type: "test-file" }, { type: "other" }] };

describe("artifact", () => {
	const long = `${"n".repeat(130)}.bin`;
	const files = [
		["first.bin", noise(3000)],
		[long, noise(1025, 2)],
		["empty", new Uint8Array(0)],
		["small", noise(100, 3)],
	] as const;

	for (const compression of ["none", "gzip"] as const) {
		const bytes = artifactBytes({ compression, payloads: [{ metaData: '{"a":{"b":1}}', files }] });
		for (const piece of [1, 3, 100, 512, 513, 1000, 4096, 16384])
			it(`(${compression}) reaches its installer byte for byte, in pieces of ${piece}`, () => {
				const installer = new NotingInstaller();
				readArtifact(bytes, { installers: { "test-file": installer }, piece });
				assert.deepEqual(
					installer.files.map((file) => [file.name, file.type, file.size]),
					[
						["first.bin", "test-file", 3000],
						[long, "test-file", 1025],
						["empty", "test-file", 0],
						["small", "test-file", 100],
					],
				);
				for (const [at, [, content]] of files.entries()) assert.deepEqual(installer.files[at]?.bytes, [...content]);
				for (const { head, size = 0 } of installer.files) assert.isAtLeast(head, Math.min(size, 512));
				assert.deepEqual(installer.files[0]?.metaData, { a: { b: 1 } });
				assert.deepEqual(installer.calls.slice(-3), ["begin small", "endFile", "finish"]);
			});
	}

	it("tells its name and what it changes, and activates nothing by itself", () => {
		const installer = new NotingInstaller();
		const installed = readArtifact(artifactBytes(), { installers: { "test-file": installer } });
		assert.equal(installed.version, "release-2");
		assert.equal(installed.slot, "");
		assert.isTrue(installed.immediate);
		assert.deepEqual(installed.change, {
			provides: { "test-file.version": "2", artifact_name: "release-2" },
			clears: ["test-file.*"],
		});
		assert.notInclude(installer.calls, "activate");
		assert.notInclude(installer.calls, "abort");
		installed.activate();
		assert.include(installer.calls, "activate");
	});

	it("takes version and slot from what is in a slot", () => {
		const installer = new NotingInstaller({ installed: { version: "2.0.0", slot: "ota_1", immediate: false } });
		const installed = readArtifact(artifactBytes(), { installers: { "test-file": installer } });
		assert.include(installed, { version: "2.0.0", slot: "ota_1", immediate: false });
		assert.equal(installed.change?.provides.artifact_name, "release-2");
	});

	it("may be RDFM's", () => {
		const typeInfo = { type: null };
		const bytes = artifactBytes({ version: '{"format":"rdfm","version":3}', payloads: [{ typeInfo, files: [["f", "x"]] }] });
		assert.deepEqual(readArtifact(bytes).change?.clears, ["*"]);
	});

	it("may have meta-data that are empty, and a payload without files", () => {
		const installer = new NotingInstaller();
		readArtifact(artifactBytes({ payloads: [{ metaData: "", files: [] }] }), { installers: { "test-file": installer } });
		assert.deepEqual(installer.calls, ["finish"]);
	});

	it("may have several payloads, which are activated together", () => {
		const calls: string[] = [];
		const noting = (name: string, fails = false): Partial<Installed> => ({
			activate() {
				calls.push(`activate ${name}`);
				if (fails) throw new RangeError(name);
			},
			revert: () => void calls.push(`revert ${name}`),
			commit: () => void calls.push(`commit ${name}`),
			discard: () => void calls.push(`discard ${name}`),
		});
		const bytes = artifactBytes({
			headerInfo: two,
			payloads: [
				{ files: [["a", "1"]] },
				{
					typeInfo: {},
					files: [
						["a", "2"],
						["b", "3"],
					],
				},
			],
		});
		const first = new NotingInstaller({ installed: noting("first") });
		const second = new NotingInstaller({ installed: noting("second") });
		const installed = readArtifact(bytes, { installers: { "test-file": first, other: second } });
		assert.deepEqual(second.calls, ["begin a", "endFile", "begin b", "endFile", "finish"]);
		installed.activate();
		installed.revert?.();
		installed.commit?.();
		assert.deepEqual(calls.splice(0), [
			"activate first",
			"activate second",
			"revert second",
			"revert first",
			"commit first",
			"commit second",
		]);
		const broken = new NotingInstaller({ installed: noting("broken", true) });
		const half = readArtifact(bytes, { installers: { "test-file": first, other: broken } });
		assert.throws(() => half.activate(), RangeError);
		half.discard?.();
		assert.deepEqual(calls.splice(0), ["activate first", "activate broken", "revert first", "discard first", "discard broken"]);
		const unfinished = new NotingInstaller();
		unfinished.finish = () => {
			throw new RangeError("full");
		};
		assert.throws(() => readArtifact(bytes, { installers: { "test-file": first, other: unfinished } }), RangeError);
		assert.deepEqual(calls, ["discard first"]);
	});

	const starts: readonly (readonly [string, ArtifactParts, boolean, boolean])[] = [
		["an image", {}, true, true],
		["an image that is compressed", { compression: "gzip" }, true, false],
		["files", {}, false, false],
	];
	for (const [what, parts, single, known] of starts)
		for (const piece of [1, 100, 512, 4096])
			it(`${known ? "tells" : "does not tell"} where ${what} begins, in pieces of ${piece}`, () => {
				const content = noise(1500, 9);
				const bytes = artifactBytes({ ...parts, payloads: [{ files: [["image", content]] }] });
				let reader: PackageReader | undefined;
				let start: number | undefined;
				const installer = new NotingInstaller({
					single,
					onBegin: () => {
						start = reader?.payloadStart;
					},
				});
				readArtifact(bytes, {
					installers: { "test-file": installer },
					piece,
					onOpen: (opened) => {
						reader = opened;
					},
				});
				if (known) assert.deepEqual([...bytes.subarray(start, (start ?? 0) + 1500)], [...content]);
				else assert.isUndefined(start);
			});

	it("is recognised by its first block", () => {
		const kind = artifact(() => ({ deviceType: thisDevice, provides: {} }));
		const bytes = artifactBytes();
		assert.isTrue(kind.recognises(bytes.subarray(0, 512)));
		assert.isFalse(kind.recognises(bytes.subarray(0, 511)));
		assert.isFalse(kind.recognises(tar([["versions", ""]])));
		assert.isFalse(kind.recognises(new Uint8Array(4096)));
	});

	it("may hold 32 files", () => {
		const many = Array.from({ length: 32 }, (_, at) => [`f${at}`, ""] as const);
		const installer = new NotingInstaller();
		readArtifact(artifactBytes({ payloads: [{ files: many }] }), { installers: { "test-file": installer } });
		assert.equal(installer.files.length, 32);
	});

	it("is refused with two files where the installer takes one, and with company where it takes none", async () => {
		const single = new NotingInstaller({ single: true });
		const bytes = artifactBytes({
			payloads: [
				{
					files: [
						["a", "1"],
						["b", "2"],
					],
				},
			],
		});
		await rejects("artifact.bad-payload", () => readArtifact(bytes, { installers: { "test-file": single } }), '"b"', "one file");
		assert.deepEqual(single.calls, ["begin a", "abort"]);
		const alone = new NotingInstaller({ alone: true });
		const pair = artifactBytes({ headerInfo: two, payloads: [{ files: [["a", "1"]] }, { typeInfo: {}, files: [["b", "2"]] }] });
		const other = new NotingInstaller();
		await rejects("artifact.bad-payload", () => readArtifact(pair, { installers: { "test-file": alone, other } }), "on its own");
		assert.deepEqual(alone.calls, []);
	});

	it("in which a byte is changed, wherever, is refused, but for the filling of checksums", () => {
		const bytes = artifactBytes({ payloads: [{ metaData: "{}", files: [["file", noise(700)]] }] });
		// One in five, other ones in each block of 512: all of them would take minutes with the sanitizers on a busy machine.
		for (let at = 0; at < bytes.byteLength; at += 5) {
			const damaged = bytes.slice();
			damaged[at] = (damaged[at] ?? 0) ^ 0x10;
			const installer = new NotingInstaller();
			let refusal: unknown;
			try {
				readArtifact(damaged, { installers: { "test-file": installer } });
			} catch (error) {
				refusal = error;
			}
			if (refusal !== undefined) continue;
			// A zero in front may be a space.
			assert.include([148, 149], at % 512, `byte ${at}`);
			assert.deepEqual(installer.files[0]?.bytes, [...noise(700)]);
		}
	});

	it("compressed is refused when any byte of its header is changed", () => {
		const bytes = artifactBytes({ compression: "gzip" });
		// Damage shows at once, or by the checksum at the end.
		const codes = ["artifact.bad-gzip", "artifact.bad-tar", "artifact.bad-header", "artifact.wrong-checksum"];
		const [start, size] = [2560, 2600];
		for (let at = start; at < start + size; at += 3) {
			const damaged = bytes.slice();
			damaged[at] = (damaged[at] ?? 0) ^ 1;
			let code: string | undefined;
			try {
				readArtifact(damaged);
			} catch (error) {
				code = (error as FleetlingError).code;
			}
			assert.include(codes, code, `byte ${at}`);
		}
	});
});
