import Base64 from "base64";
import { assert } from "chai";
import { Key } from "fleetling/common/crypto";
import { readKeys } from "fleetling/update/readers/signature";
import { beforeEach, describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { NotingInstaller, readArtifact } from "./reading";
import { type ArtifactParts, artifactBytes, bytesOf } from "./writing";

describe("signed artifact", () => {
	let key: Key | undefined;
	let stranger: Key | undefined;
	beforeEach(async () => {
		key ??= await Key.generate("p-256");
		stranger ??= await Key.generate("p-256");
	});
	const pems = (...keys: readonly (Key | undefined)[]): string[] => keys.map((one) => one?.publicPEM ?? "");

	/** Reads with the key that signs as the one configured, unless other keys are given. */
	function read(parts: ArtifactParts, keys = pems(key)): NotingInstaller {
		const installer = new NotingInstaller();
		readArtifact(artifactBytes(parts), { conditions: { keys }, installers: { "test-file": installer } });
		return installer;
	}
	const signed = (): ArtifactParts => (key ? { key } : {});

	it("is taken with its key, with either of two, and without any", () => {
		for (const keys of [pems(key), pems(stranger, key), pems(key, stranger), []])
			assert.include(read(signed(), keys).calls, "finish");
	});

	it("may have a line end behind its signature", () => {
		const editMembers: ArtifactParts["editMembers"] = (members) =>
			members.map(([name, bytes]) => [name, name === "manifest.sig" ? new Uint8Array([...bytes, 0x0a]) : bytes]);
		assert.include(read({ ...signed(), editMembers }).calls, "finish");
	});

	const refused: readonly (readonly [string, Parameters<typeof rejects>[0], () => ArtifactParts, string])[] = [
		["no signature", "artifact.unsigned", () => ({}), "not signed"],
		["another's signature", "artifact.bad-signature", () => (stranger ? { key: stranger } : {}), "the configured key"],
		["an empty signature", "artifact.bad-signature", () => ({ signature: "" }), "base64"],
		["a signature that is no base64", "artifact.bad-signature", () => ({ signature: "&&&&" }), "base64"],
		["a signature of another length", "artifact.bad-signature", () => ({ signature: "AAAA" }), "not from"],
		["a signature of zeros", "artifact.bad-signature", () => ({ signature: Base64.encode(new Uint8Array(64)) }), "not from"],
		[
			"a signature in DER",
			"artifact.bad-signature",
			() => ({ signature: Base64.encode(key?.sign(bytesOf("x")) ?? new Uint8Array(1)) }),
			"not from",
		],
		["an endless signature", "artifact.too-large", () => ({ signature: "A".repeat(1028) }), "1028"],
		[
			"a signature of something else",
			"artifact.bad-signature",
			() => ({ signature: Base64.encode(key?.sign(bytesOf("x"), "raw") ?? new Uint8Array(1)) }),
			"not from",
		],
		["an augmented part", "artifact.unsigned", () => ({ ...signed(), augment: { files: [["more", "y"]] } }), "augmented"],
		["an augmented part and no signature", "artifact.unsigned", () => ({ augment: { files: [["more", "y"]] } }), "not signed"],
		[
			"a changed manifest",
			"artifact.bad-signature",
			() => ({
				...signed(),
				editMembers: (members) =>
					members.map(([name, bytes]) => [
						name,
						name === "manifest" ? bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte)) : bytes,
					]),
			}),
			"not from",
		],
		[
			"the signature behind the header",
			"artifact.unsigned",
			() => ({
				...signed(),
				editMembers: ([version, manifest, signature, ...rest]) =>
					[version, manifest, ...rest.slice(0, 1), signature, ...rest.slice(1)].flatMap((member) => (member ? [member] : [])),
			}),
			"not signed",
		],
	];
	for (const [what, code, parts, text] of refused)
		it(`is refused with ${what} before anything of it is looked at`, async () => {
			const installer = new NotingInstaller();
			const bytes = artifactBytes(parts());
			await rejects(
				code,
				() => readArtifact(bytes, { conditions: { keys: pems(key) }, installers: { "test-file": installer } }),
				text,
			);
			assert.deepEqual(installer.calls, []);
		});

	it("names the number of keys that do not match", () =>
		rejects("artifact.bad-signature", () => read(signed(), pems(stranger, stranger)), "2 configured keys").then(() => {}));

	it("leaves no key behind", () => {
		// The library's store has 32 places.
		for (let turn = 0; turn < 40; turn++) read(signed(), pems(stranger, key));
	});
});

describe("configured keys", () => {
	it("may be several in one text", async () => {
		const keys = [await Key.generate("p-256"), await Key.generate("p-256")];
		const text = `old:\n${keys[0]?.publicPEM}\nnew:\n${keys[1]?.publicPEM}`;
		assert.deepEqual(
			readKeys(text, "artifactKey").map((pem) => `${pem}\n`),
			keys.map((key) => key.publicPEM),
		);
	});

	for (const text of ["", "secret", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"])
		it(`are refused by name when they are none: "${text.slice(0, 20)}"`, () =>
			rejects("config.invalid", () => readKeys(text, "artifactKey"), "artifactKey").then(() => {}));
});
