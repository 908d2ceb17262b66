import { assert } from "chai";
import type { Provides } from "fleetling/update/readers/json";
import { applyProvides, matches } from "fleetling/update/readers/provides";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { NotingInstaller, readArtifact } from "./reading";
import { type ArtifactParts, artifactBytes, bytesOf, plainInfo } from "./writing";

const files = [["file", "x"]] as const;

/** An artifact whose header-info or type-info is changed. */
function info(change: object): ArtifactParts {
	return { headerInfo: { ...plainInfo, ...change } };
}

function typeInfo(value: object | string): ArtifactParts {
	return { payloads: [{ typeInfo: value, files }] };
}

const nested = (levels: number): string => `{"a":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`;

describe("artifact header", () => {
	for (const type of [undefined, null, "", "test-file"])
		it(`may say type ${String(type)} in type-info`, () => void readArtifact(artifactBytes(typeInfo({ type }))));

	const refused: readonly (readonly [string, Parameters<typeof rejects>[0], ArtifactParts, string])[] = [
		["no JSON", "artifact.bad-header", { headerInfo: "{" }, "not JSON"],
		["JSON that is no object", "artifact.bad-header", { headerInfo: "[]" }, "not a JSON object"],
		["text that is not UTF-8", "artifact.bad-header", { headerInfo: "\ud800" }, "header-info"],
		["too many levels", "artifact.bad-header", { headerInfo: nested(9) }, "deeper than 8"],
		["a text that is too long", "artifact.too-large", { headerInfo: " ".repeat(4097) }, "4097"],
		["no payloads", "artifact.bad-header", info({ payloads: [] }), "no payloads"],
		["payloads that are no list", "artifact.bad-header", info({ payloads: {} }), "payloads"],
		["a payload that is no object", "artifact.bad-header", info({ payloads: ["x"] }), "no object"],
		["a type that is no text", "artifact.bad-header", info({ payloads: [{ type: 1 }] }), '"type"'],
		["no type", "artifact.bad-header", { ...info({ payloads: [{ type: null }] }), ...typeInfo({ type: null }) }, "no type"],
		[
			"too many payloads",
			"artifact.bad-header",
			info({ payloads: Array.from({ length: 5 }, () => ({ type: "t" })) }),
			"5 payloads",
		],
		["no name", "artifact.bad-header", info({ artifact_provides: {} }), "artifact_name"],
		["no provides", "artifact.bad-header", info({ artifact_provides: null }), "artifact_name"],
		["a name that is no text", "artifact.bad-header", info({ artifact_provides: { artifact_name: ["a"] } }), "artifact_name"],
		["a name that is too long", "artifact.bad-header", info({ artifact_provides: { artifact_name: "n".repeat(257) } }), "256"],
		[
			"a name with half a character, which no question for an update could hold",
			"artifact.bad-header",
			{ headerInfo: JSON.stringify({ ...plainInfo, artifact_provides: { artifact_name: "\ud800" } }) },
			"Unicode",
		],
		["no device type", "artifact.bad-header", info({ artifact_depends: { device_type: [] } }), "device_type"],
		["no depends", "artifact.bad-header", info({ artifact_depends: undefined }), "device_type"],
		["a device type that is no text", "artifact.bad-header", info({ artifact_depends: { device_type: [1] } }), "device_type"],
		["a type-info of another type", "artifact.bad-header", typeInfo({ type: "other" }), '"other"'],
		["a type-info that is no JSON", "artifact.bad-header", typeInfo("x"), "type-info of payload 0"],
		["clears that are no list", "artifact.bad-header", typeInfo({ clears_artifact_provides: "*" }), "clears"],
		["meta-data that are no JSON", "artifact.bad-header", { payloads: [{ metaData: "x", files }] }, "meta-data of payload 0"],
		["meta-data that are too long", "artifact.too-large", { payloads: [{ metaData: " ".repeat(5000), files }] }, "5000"],
		["a script", "artifact.scripts", { extra: [["scripts/ArtifactInstall_Enter_00", "#!/bin/sh"]] }, "ArtifactInstall_Enter_00"],
		["something else", "artifact.bad-header", { extra: [["headers/0000/files", "x"]] }, "headers/0000/files"],
		["meta-data first", "artifact.bad-header", { extra: [["headers/0000/meta-data", "{}"]] }, "place"],
		["a second header-info", "artifact.bad-header", { extra: [["header-info", "{}"]] }, "place"],
		["type-info of a payload that is not there", "artifact.bad-header", { extra: [["headers/0001/type-info", "{}"]] }, "place"],
		["no type-info", "artifact.bad-header", { payloads: [] }, "type-info of payload 0"],
	];
	for (const [what, code, parts, text] of refused)
		it(`is refused with ${what}`, () => rejects(code, () => readArtifact(artifactBytes(parts)), text).then(() => {}));

	it("is read in spite of keys that objects have anyway", async () => {
		const odd =
			'{"payloads":[{"type":"test-file"}],"artifact_provides":{"artifact_name":"n","__proto__":"p"},"artifact_depends":{"device_type":["this-device"]}}';
		const { change } = readArtifact(artifactBytes({ headerInfo: odd }));
		assert.deepEqual(Object.keys(change?.provides ?? {}).sort(), ["__proto__", "artifact_name", "test-file.version"]);
		await rejects(
			"artifact.unmet-depends",
			() => readArtifact(artifactBytes(typeInfo({ artifact_depends: { constructor: "x" } }))),
			"nothing of that name",
		);
		await rejects(
			"artifact.unmet-depends",
			() => readArtifact(artifactBytes(typeInfo('{"artifact_depends":{"__proto__":"x"}}'))),
			"__proto__",
		);
	});
});

describe("artifact for this device", () => {
	const provides: Provides = { artifact_name: "release-1", artifact_group: "beta", "rootfs-image.version": "7" };
	const read = (parts: ArtifactParts): void => void readArtifact(artifactBytes(parts), { conditions: { provides } });
	const header = (depends: object): ArtifactParts => info({ artifact_depends: { device_type: ["this-device"], ...depends } });

	const met: readonly (readonly [string, ArtifactParts])[] = [
		["the last of several device types", info({ artifact_depends: { device_type: ["a", "b", "this-device"] } })],
		["a device type that is a text", info({ artifact_depends: { device_type: "this-device" } })],
		["one of several names", header({ artifact_name: ["release-0", "release-1"] })],
		["the group", header({ artifact_group: ["beta"] })],
		["a text in type-info", typeInfo({ artifact_depends: { "rootfs-image.version": "7" } })],
		["one of a list in type-info", typeInfo({ artifact_depends: { "rootfs-image.version": ["6", "7"] } })],
	];
	for (const [what, parts] of met) it(`may depend on ${what}`, () => read(parts));

	const unmet: readonly (readonly [string, Parameters<typeof rejects>[0], ArtifactParts, string])[] = [
		[
			"other device types",
			"artifact.wrong-device",
			info({ artifact_depends: { device_type: ["a", "this-device-2"] } }),
			'"this-device-2"',
		],
		["another name", "artifact.unmet-depends", header({ artifact_name: ["release-0"] }), '"release-1"'],
		["another group", "artifact.unmet-depends", header({ artifact_group: ["gamma"] }), '"beta"'],
		["another value", "artifact.unmet-depends", typeInfo({ artifact_depends: { "rootfs-image.version": ["5", "6"] } }), '"7"'],
		[
			"what is not there",
			"artifact.unmet-depends",
			typeInfo({ artifact_depends: { "rdfm.software.supports_xdelta": "true" } }),
			"nothing of that name",
		],
		["nothing possible", "artifact.unmet-depends", header({ artifact_name: [] }), "nothing"],
	];
	for (const [what, code, parts, text] of unmet)
		it(`is refused before its first byte when it depends on ${what}`, async () => {
			const installer = new NotingInstaller();
			const run = { conditions: { provides }, installers: { "test-file": installer } };
			await rejects(code, () => readArtifact(artifactBytes(parts), run), text);
			assert.deepEqual(installer.calls, []);
		});

	it("changes what the device provides", () => {
		const current = {
			artifact_name: "1",
			artifact_group: "beta",
			"rootfs-image.version": "7",
			"rootfs-image.checksum": "ab",
			"other.version": "3",
		};
		const change = {
			provides: { artifact_name: "2", "rootfs-image.version": "8" },
			clears: ["artifact_group", "rootfs-image.*"],
		};
		assert.deepEqual(applyProvides(current, change), { artifact_name: "2", "rootfs-image.version": "8", "other.version": "3" });
		assert.deepEqual(applyProvides(current, { provides: { artifact_name: "2" }, clears: ["*"] }), { artifact_name: "2" });
	});

	const patterns = [
		["a.b", "a.b", true],
		["a.b", "a.bc", false],
		["a.*", "a.b.c", true],
		["a.*", "ab", false],
		["*", "", true],
		["", "", true],
		["", "a", false],
		["*.version", "a.b.version", true],
		["a*b*c", "a1b2b3c", true],
		["a*b*c", "a1b2b3", false],
		["**", "x", true],
	] as const;
	for (const [pattern, name, expected] of patterns)
		it(`says that "${name}" is ${expected ? "" : "not "}of the form "${pattern}"`, () =>
			assert.equal(matches(pattern, name), expected));

	it("is not held up by a pattern with many stars", () =>
		assert.isFalse(matches(`${"a*".repeat(60)}c`, "a".repeat(255).concat("b"))));
});

describe("augmented artifact", () => {
	const open = {
		headerInfo: { ...plainInfo, payloads: [{ type: null }] },
		payloads: [{ typeInfo: { type: null, artifact_provides: { p: "base" } }, files }],
	};
	const augmentedInfo = JSON.stringify({ ...plainInfo, artifact_provides: { artifact_name: "forged" } });

	it("gives a payload its type, and adds provides, meta-data and files, but changes nothing", () => {
		const installer = new NotingInstaller();
		const added = {
			type: "test-file",
			artifact_provides: { p: "added", q: "added" },
			artifact_depends: { artifact_name: "release-1" },
		};
		const header = [
			["header-info", augmentedInfo],
			["headers/0000/type-info", JSON.stringify(added)],
			["headers/0000/meta-data", '{"m":1}'],
		] as const;
		const bytes = artifactBytes({ ...open, augment: { header, files: [["more", "y"]] } });
		const { change, version } = readArtifact(bytes, { installers: { "test-file": installer } });
		assert.deepEqual(
			installer.files.map((file) => [file.name, file.metaData]),
			[
				["file", { m: 1 }],
				["more", { m: 1 }],
			],
		);
		assert.deepEqual(change?.provides, { p: "base", q: "added", artifact_name: "release-2" });
		assert.equal(version, "release-2");
	});

	it("may bring files alone, or say nothing of the type", () => {
		const installer = new NotingInstaller();
		readArtifact(artifactBytes({ augment: { files: [["more", "y"]] } }), { installers: { "test-file": installer } });
		assert.equal(installer.files.length, 2);
		readArtifact(artifactBytes({ augment: { header: [["headers/0000/type-info", "{}"]] } }));
	});

	const refused: readonly (readonly [string, Parameters<typeof rejects>[0], ArtifactParts, string])[] = [
		[
			"another type",
			"artifact.bad-header",
			{ augment: { header: [["header-info", '{"payloads":[{"type":"other"}]}']] } },
			"changes the type",
		],
		[
			"another number of payloads",
			"artifact.bad-header",
			{ augment: { header: [["header-info", '{"payloads":[{},{}]}']] } },
			"2 payloads",
		],
		[
			"the type left open",
			"artifact.bad-header",
			{ ...open, augment: { header: [["header-info", '{"payloads":[{"type":""}]}']] } },
			"open",
		],
		[
			"dependencies that do not hold",
			"artifact.unmet-depends",
			{ augment: { header: [["headers/0000/type-info", '{"artifact_depends":{"x":"y"}}']] } },
			'"x"',
		],
		["a script", "artifact.scripts", { augment: { header: [["scripts/x", ""]] } }, "scripts/x"],
		["a type-info too many", "artifact.bad-header", { augment: { header: [["headers/0001/type-info", "{}"]] } }, "place"],
		["a file twice", "artifact.bad-manifest", { payloads: [{ files }], augment: { files } }, "twice"],
		[
			"the version, which is not to be changed,",
			"artifact.bad-manifest",
			{
				augment: { files: [["x", ""]] },
				editMembers: (members) =>
					members.map(([name, bytes]) => [name, name === "manifest-augment" ? bytesOf(`${"0".repeat(64)}  version\n`) : bytes]),
			},
			"no place",
		],
		[
			"an augmented header that nothing lists",
			"artifact.not-in-manifest",
			{
				augment: { header: [["header-info", augmentedInfo]] },
				editMembers: (members) => members.filter(([name]) => name !== "manifest-augment"),
			},
			"header-augment.tar",
		],
	];
	for (const [what, code, parts, text] of refused)
		it(`is refused with ${what}`, () => rejects(code, () => readArtifact(artifactBytes(parts)), text).then(() => {}));
});
