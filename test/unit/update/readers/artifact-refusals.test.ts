import { assert } from "chai";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { NotingInstaller, readArtifact } from "./reading";
import { type ArtifactParts, artifactBytes, bytesOf, noise, plainInfo, tar } from "./writing";

describe("artifact", () => {
	const two = { ...plainInfo, payloads: [{ type: "test-file" }, { type: "other" }] };
	const edit = (editMembers: ArtifactParts["editMembers"]): Uint8Array => artifactBytes(editMembers && { editMembers });
	const renamed = (from: string, to: string): Uint8Array =>
		edit((members) => members.map(([name, bytes]) => [name === from ? to : name, bytes]));
	const content = (of: string, change: (bytes: Uint8Array) => Uint8Array): Uint8Array =>
		edit((members) => members.map(([name, bytes]) => [name, name === of ? change(bytes) : bytes]));
	const without = (name: string): Uint8Array => edit((members) => members.filter(([found]) => found !== name));
	const lines = (editManifest: (lines: string[]) => string[]): Uint8Array => artifactBytes({ editManifest });
	const flipped = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
	/** Where in the header archive the last character of the artifact's name is: another one makes another good header. */
	const nameAt = (bytes: Uint8Array): number => {
		const name = bytesOf("release-2");
		let at = 0;
		while (!name.every((byte, index) => bytes[at + index] === byte)) at++;
		return at + name.byteLength - 1;
	};
	const zeros = "0".repeat(64);

	const refused: readonly (readonly [string, Parameters<typeof rejects>[0], Uint8Array, string])[] = [
		["another format", "artifact.unsupported-version", artifactBytes({ version: '{"format":"else","version":3}' }), '"else"'],
		["version 2", "artifact.unsupported-version", artifactBytes({ version: '{"format":"mender","version":2}' }), '"2"'],
		["version 4", "artifact.unsupported-version", artifactBytes({ version: '{"format":"mender","version":4}' }), '"4"'],
		[
			"a version that is a text",
			"artifact.unsupported-version",
			artifactBytes({ version: '{"format":"mender","version":"3x"}' }),
			"3x",
		],
		["a version that is no JSON", "artifact.bad-header", artifactBytes({ version: "3" }), "version"],
		["a long version", "artifact.too-large", artifactBytes({ version: " ".repeat(257) }), "257"],
		["no manifest", "artifact.out-of-order", without("manifest"), "before its manifest"],
		["no header", "artifact.out-of-order", without("header.tar"), "before its header"],
		["no data", "artifact.missing-file", without("data/0000.tar"), "0 of 1"],
		["nothing but a version", "artifact.missing-file", edit((members) => members.slice(0, 1)), "0 of 1"],
		[
			"the version at the end",
			"artifact.out-of-order",
			edit(([version, ...rest]) => [...rest, ...(version ? [version] : [])]),
			"before its version",
		],
		[
			"the manifest twice",
			"artifact.out-of-order",
			edit((members) => members.flatMap((member) => (member[0] === "manifest" ? [member, member] : [member]))),
			"twice",
		],
		[
			"the header behind the data",
			"artifact.out-of-order",
			edit(([version, manifest, header, data]) =>
				[version, manifest, data, header].flatMap((member) => (member ? [member] : [])),
			),
			"before its header",
		],
		["something else", "artifact.out-of-order", edit((members) => [...members, ["more", bytesOf("x")]]), '"more"'],
		["a header without its suffix", "artifact.out-of-order", renamed("header.tar", "header"), '"header"'],
		["a folder in a name", "artifact.out-of-order", renamed("version", "./version"), '"./version"'],
		["payload 1 without payload 0", "artifact.out-of-order", renamed("data/0000.tar", "data/0001.tar"), "payload 0"],
		[
			"a payload too many",
			"artifact.out-of-order",
			edit((members) => [...members, ["data/0001.tar", tar([])]]),
			"only 1 payloads",
		],
		[
			"a payload too few",
			"artifact.missing-file",
			artifactBytes({
				headerInfo: two,
				payloads: [{ files: [] }, { typeInfo: {}, files: [] }],
				editMembers: (members) => members.slice(0, -1),
			}),
			"1 of 2",
		],
		["xz", "artifact.unsupported-compression", renamed("data/0000.tar", "data/0000.tar.xz"), "xz"],
		[
			"zstd",
			"artifact.unsupported-compression",
			artifactBytes({
				editMembers: (members) => members.map(([name, bytes]) => [name.replace("header.tar", "header.tar.zst"), bytes]),
			}),
			"zstd",
		],
		[
			"a compression that does not exist",
			"artifact.unsupported-compression",
			renamed("data/0000.tar", "data/0000.tar.foo"),
			".foo",
		],
		["gzip that is none", "artifact.bad-gzip", renamed("data/0000.tar", "data/0000.tar.gz"), "not compressed with gzip"],
		[
			"a changed version",
			"artifact.wrong-checksum",
			content("version", () => bytesOf('{"format":"mender", "version":3}')),
			'"version"',
		],
		[
			"a changed header",
			"artifact.wrong-checksum",
			content("header.tar", (bytes) => flipped(bytes, nameAt(bytes))),
			'"header.tar"',
		],
		["a changed file", "artifact.wrong-checksum", content("data/0000.tar", (bytes) => flipped(bytes, 600)), '"data/0000/file"'],
		[
			"a file of another name",
			"artifact.not-in-manifest",
			content("data/0000.tar", () => tar([["file2", noise(2000)]])),
			"file2",
		],
		[
			"a file too many",
			"artifact.not-in-manifest",
			content("data/0000.tar", () =>
				tar([
					["file", noise(2000)],
					["more", ""],
				]),
			),
			"more",
		],
		[
			"a file twice",
			"artifact.not-in-manifest",
			content("data/0000.tar", () =>
				tar([
					["file", noise(2000)],
					["file", noise(2000)],
				]),
			),
			"file",
		],
		["a file too few", "artifact.missing-file", content("data/0000.tar", () => tar([])), "data/0000/file"],
		["a path in a payload", "artifact.bad-payload", content("data/0000.tar", () => tar([["../file", noise(2000)]])), "../file"],
		[
			"no checksum of the version",
			"artifact.not-in-manifest",
			lines((all) => all.filter((line) => !line.endsWith("  version"))),
			"version",
		],
		[
			"no checksum of the header",
			"artifact.not-in-manifest",
			lines((all) => all.filter((line) => !line.endsWith("  header.tar"))),
			"header.tar",
		],
		[
			"no checksum of a file",
			"artifact.not-in-manifest",
			lines((all) => all.filter((line) => !line.includes("  data/"))),
			"file",
		],
		["a checksum of what is not there", "artifact.missing-file", lines((all) => [...all, `${zeros}  data/0000/ghost`]), "ghost"],
		[
			"a checksum of a payload that is not there",
			"artifact.bad-manifest",
			lines((all) => [...all, `${zeros}  data/0001/ghost`]),
			"no such payload",
		],
		["a checksum twice", "artifact.bad-manifest", lines((all) => [...all, ...all.slice(0, 1)]), "twice"],
		[
			"a checksum of the augmented header",
			"artifact.bad-manifest",
			lines((all) => [...all, `${zeros}  header-augment.tar`]),
			"no place",
		],
		["a checksum of the data archive", "artifact.bad-manifest", lines((all) => [...all, `${zeros}  data/0000.tar`]), "no place"],
		["a checksum of a path", "artifact.bad-manifest", lines((all) => [...all, `${zeros}  data/0000/../x`]), "no place"],
		[
			"one space in the manifest",
			"artifact.bad-manifest",
			lines((all) => all.map((line) => line.replace("  ", " "))),
			"two spaces",
		],
		["a short checksum", "artifact.bad-manifest", lines((all) => all.map((line) => line.slice(1))), "line 1"],
		[
			"a checksum that is not hexadecimal",
			"artifact.bad-manifest",
			lines((all) => all.map((line) => `g${line.slice(1)}`)),
			"line 1",
		],
		["an empty line", "artifact.bad-manifest", lines((all) => [...all, ""]), "line 4"],
		["an endless line", "artifact.bad-manifest", lines((all) => [...all, "a".repeat(1000)]), "line 4"],
		["no line end", "artifact.bad-manifest", content("manifest", (bytes) => bytes.slice(0, -1)), "no end"],
		["an empty manifest", "artifact.bad-manifest", content("manifest", () => new Uint8Array(0)), "missing"],
		["a manifest that is too large", "artifact.too-large", content("manifest", () => new Uint8Array(8193)), "8193"],
		[
			"too many files",
			"artifact.too-large",
			artifactBytes({ payloads: [{ files: Array.from({ length: 33 }, (_, at) => [`f${at}`, ""] as const) }] }),
			"32",
		],
		[
			"an unknown payload",
			"update.unknown-payload",
			artifactBytes({ headerInfo: { ...plainInfo, payloads: [{ type: "docker" }] }, payloads: [{ typeInfo: {}, files: [] }] }),
			"docker",
		],
		[
			"no end of the header archive",
			"artifact.truncated",
			artifactBytes({
				editManifest: (all) => all,
				editMembers: (members) =>
					members.map(([name, bytes]) => [name, name === "data/0000.tar" ? bytes.slice(0, -1024) : bytes]),
			}),
			"data/0000.tar",
		],
		["half of it", "artifact.truncated", artifactBytes().subarray(0, 7000), "stops"],
		["all but its end", "artifact.truncated", artifactBytes().slice(0, -1024), "stops"],
	];
	for (const [what, code, bytes, text] of refused)
		for (const piece of [1, 4096])
			it(`is refused with ${what}, in pieces of ${piece}`, async () => {
				const installer = new NotingInstaller();
				await rejects(
					code,
					() => readArtifact(bytes, { installers: { "test-file": installer, other: new NotingInstaller() }, piece }),
					text,
				);
				assert.notInclude(installer.calls, "activate");
			});
});
