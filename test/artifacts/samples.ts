/** Artifacts from the real mender-artifact, and what becomes of each on a device. */
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ecKey, rsaKey, type SigningKey } from "./keys";
import { type WriteOptions, write } from "./mender";

/** What is in the folder that samples are made from. */
export class Workbench {
	readonly folder: string;
	readonly keys: Readonly<Record<"rsa" | "ec" | "stranger", SigningKey>> = { rsa: rsaKey(), ec: ecKey(), stranger: ecKey() };
	readonly #contents = new Map<string, Buffer>();

	constructor(folder: string) {
		this.folder = folder;
		mkdirSync(folder, { recursive: true });
		for (const [name, key] of Object.entries(this.keys)) writeFileSync(join(folder, `${name}.pem`), key.privatePEM);
	}

	path(name: string): string {
		return join(this.folder, name);
	}

	/** A file with these bytes, or with noise of this length. */
	file(name: string, content: Buffer | string | number): string {
		const bytes = typeof content === "number" ? randomBytes(content) : Buffer.from(content);
		this.#contents.set(name, bytes);
		writeFileSync(this.path(name), bytes);
		return this.path(name);
	}

	/** Name, length and hash of a file as the device is to report it. */
	expected(name: string): readonly [string, number, string] {
		const bytes = this.#contents.get(name) ?? Buffer.alloc(0);
		return [name, bytes.length, createHash("sha256").update(bytes).digest("hex")];
	}
}

export interface Sample {
	readonly name: string;
	readonly make: (bench: Workbench) => WriteOptions;
	/** Names of the keys in the device's configuration. */
	readonly keys?: readonly (keyof Workbench["keys"])[];
	/** "installed", or the code of the refusal. */
	readonly outcome: string;
	/** Files that the installer gets, where the outcome is "installed". */
	readonly files?: readonly string[];
	/** What the device provides afterwards, as far as it is said here. */
	readonly provides?: Readonly<Record<string, string>>;
	readonly metaData?: object;
}

const longName = `${"n".repeat(130)}.bin`;
const module = (bench: Workbench, more: WriteOptions = {}): WriteOptions => ({
	files: [bench.file("module.bin", 5000)],
	...more,
});
const rootfs = (bench: Workbench, more: WriteOptions = {}): WriteOptions => ({
	kind: "rootfs-image",
	files: [bench.file("rootfs.bin", 70_000)],
	...more,
});
const moduleFiles = ["module.bin"] as const;
const script = (bench: Workbench): string => bench.file("ArtifactInstall_Enter_00", "#!/bin/sh\n");

/** Every kind of artifact with the outcome that it has to have. */
export const samples: readonly Sample[] = [
	{
		name: "module, none, unsigned",
		make: module,
		outcome: "installed",
		files: moduleFiles,
		provides: { artifact_name: "release-2", "rootfs-image.test-module.version": "release-2" },
	},
	{
		name: "module, gzip, unsigned",
		make: (bench) => module(bench, { compression: "gzip" }),
		outcome: "installed",
		files: moduleFiles,
	},
	{ name: "module, xz", make: (bench) => module(bench, { compression: "lzma" }), outcome: "artifact.unsupported-compression" },
	{
		name: "rootfs, none, unsigned",
		make: rootfs,
		outcome: "installed",
		files: ["rootfs.bin"],
		provides: { "rootfs-image.version": "release-2" },
	},
	{
		name: "rootfs, gzip, unsigned",
		make: (bench) => rootfs(bench, { compression: "gzip" }),
		outcome: "installed",
		files: ["rootfs.bin"],
	},
	{ name: "rootfs, xz", make: (bench) => rootfs(bench, { compression: "lzma" }), outcome: "artifact.unsupported-compression" },
	{
		name: "compresses well, gzip",
		make: (bench) => ({ files: [bench.file("text.txt", "the same again and again ".repeat(20_000))], compression: "gzip" }),
		outcome: "installed",
		files: ["text.txt"],
	},

	{
		name: "signed with RSA-3072",
		make: (bench) => module(bench, { key: bench.path("rsa.pem") }),
		keys: ["rsa"],
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "signed with RSA-3072, gzip",
		make: (bench) => module(bench, { key: bench.path("rsa.pem"), compression: "gzip" }),
		keys: ["rsa"],
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "signed with P-256",
		make: (bench) => module(bench, { key: bench.path("ec.pem") }),
		keys: ["ec"],
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "signed with P-256, gzip, rootfs",
		make: (bench) => rootfs(bench, { key: bench.path("ec.pem"), compression: "gzip" }),
		keys: ["ec"],
		outcome: "installed",
		files: ["rootfs.bin"],
	},
	{
		name: "signed with the second of two keys",
		make: (bench) => module(bench, { key: bench.path("ec.pem") }),
		keys: ["rsa", "ec"],
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "signed, and no key configured",
		make: (bench) => module(bench, { key: bench.path("ec.pem") }),
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "signed with another key of the same kind",
		make: (bench) => module(bench, { key: bench.path("stranger.pem") }),
		keys: ["ec"],
		outcome: "artifact.bad-signature",
	},
	{
		name: "signed with another kind of key",
		make: (bench) => module(bench, { key: bench.path("stranger.pem") }),
		keys: ["rsa"],
		outcome: "artifact.bad-signature",
	},
	{ name: "unsigned, and a key configured", make: module, keys: ["rsa"], outcome: "artifact.unsigned" },

	{
		name: "for several device types",
		make: (bench) => module(bench, { deviceTypes: ["this-device", "other"] }),
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "for several device types, ours last",
		make: (bench) => module(bench, { deviceTypes: ["a", "b", "this-device"] }),
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "for another device type",
		make: (bench) => module(bench, { deviceTypes: ["other"] }),
		outcome: "artifact.wrong-device",
	},
	{
		name: "depends on our artifact",
		make: (bench) => module(bench, { more: ["-N", "release-0", "-N", "release-1"] }),
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "depends on another artifact",
		make: (bench) => module(bench, { more: ["-N", "release-0"] }),
		outcome: "artifact.unmet-depends",
	},
	{
		name: "depends on our group",
		make: (bench) => module(bench, { more: ["-G", "beta"] }),
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "depends on another group",
		make: (bench) => module(bench, { more: ["-G", "gamma"] }),
		outcome: "artifact.unmet-depends",
	},
	{
		name: "depends on what is provided",
		make: (bench) => module(bench, { more: ["-d", "rootfs-image.version:7"] }),
		outcome: "installed",
		files: moduleFiles,
	},
	{
		name: "depends on another value",
		make: (bench) => module(bench, { more: ["-d", "rootfs-image.version:8"] }),
		outcome: "artifact.unmet-depends",
	},
	{
		name: "depends on what is not there",
		make: (bench) => module(bench, { more: ["-d", "bootloader:2"] }),
		outcome: "artifact.unmet-depends",
	},

	{
		name: "provides and clears",
		make: (bench) => module(bench, { more: ["-p", "app:2", "-g", "stable", "--clears-provides", "rootfs-image.*"] }),
		outcome: "installed",
		files: moduleFiles,
		provides: { app: "2", artifact_group: "stable" },
	},
	{
		name: "with meta-data",
		make: (bench) => module(bench, { more: ["-m", bench.file("meta.json", '{"b":{"c":[1,2]},"a":"x"}')] }),
		outcome: "installed",
		files: moduleFiles,
		metaData: { a: "x", b: { c: [1, 2] } },
	},
	{
		name: "with a long name",
		make: (bench) => ({ files: [bench.file(longName, 777)] }),
		outcome: "installed",
		files: [longName],
	},
	{
		name: "with a long name, gzip",
		make: (bench) => ({ files: [bench.file(longName, 777)], compression: "gzip" }),
		outcome: "installed",
		files: [longName],
	},
	{
		name: "with several files",
		make: (bench) => ({ files: [bench.file("a", 1), bench.file("b", 512), bench.file("c", 0), bench.file("d", 5000)] }),
		outcome: "installed",
		files: ["a", "b", "c", "d"],
	},
	{ name: "with no file", make: () => ({}), outcome: "installed", files: [] },
	{ name: "with no file, gzip", make: () => ({ compression: "gzip" }), outcome: "installed", files: [] },
	{ name: "with a script", make: (bench) => module(bench, { more: ["-s", script(bench)] }), outcome: "artifact.scripts" },
	{
		name: "with a script, gzip",
		make: (bench) => module(bench, { compression: "gzip", more: ["-s", script(bench)] }),
		outcome: "artifact.scripts",
	},
	{ name: "of a type that is not known", make: (bench) => module(bench, { type: "docker" }), outcome: "update.unknown-payload" },
	{ name: "bootstrap", make: () => ({ kind: "bootstrap-artifact" }), outcome: "artifact.bad-header" },

	{
		name: "augmented",
		make: (bench) => module(bench, augment(bench)),
		outcome: "installed",
		files: ["module.bin", "added.bin"],
		provides: { added: "1" },
	},
	{
		name: "augmented, gzip",
		make: (bench) => module(bench, { ...augment(bench), compression: "gzip" }),
		outcome: "installed",
		files: ["module.bin", "added.bin"],
	},
	{
		name: "augmented, signed, no key configured",
		make: (bench) => module(bench, { ...augment(bench), key: bench.path("rsa.pem") }),
		outcome: "installed",
		files: ["module.bin", "added.bin"],
	},
	{
		name: "augmented, signed, and a key configured",
		make: (bench) => module(bench, { ...augment(bench), key: bench.path("rsa.pem") }),
		keys: ["rsa"],
		outcome: "artifact.unsigned",
	},
	{
		name: "augmented with a dependency that does not hold",
		make: (bench) => module(bench, augment(bench, "rootfs-image.version:8")),
		outcome: "artifact.unmet-depends",
	},
];

function augment(bench: Workbench, depends = "rootfs-image.version:7"): WriteOptions {
	const more = [
		"--augment-type",
		"test-module",
		"--augment-file",
		bench.file("added.bin", 3000),
		"--augment-depends",
		depends,
		"--augment-provides",
		"added:1",
	];
	return { more };
}

/** Makes one and returns its path. */
export function makeSample(bench: Workbench, { name, make }: Sample): string {
	const path = bench.path(`${name.replace(/\W+/g, "-")}.mender`);
	write(path, make(bench));
	return path;
}
