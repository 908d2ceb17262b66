/** The real mender-artifact (Debian package of that name), as a maker and judge of samples. */
import { execFileSync } from "node:child_process";

/** Its version, or why it cannot be used. */
export function menderArtifact(): { readonly version: string } | { readonly missing: string } {
	try {
		return { version: run(["--version"]).trim() };
	} catch {
		return { missing: "mender-artifact is not installed (Debian package mender-artifact)" };
	}
}

/** Runs it; throws with what it says when it fails. */
export function run(args: readonly string[]): string {
	return execFileSync("mender-artifact", [...args], { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export interface WriteOptions {
	readonly kind?: "module-image" | "rootfs-image" | "bootstrap-artifact";
	readonly name?: string;
	readonly deviceTypes?: readonly string[];
	/** Of a module-image. */
	readonly type?: string;
	readonly files?: readonly string[];
	readonly compression?: "none" | "gzip" | "lzma";
	/** Path of a private key. */
	readonly key?: string;
	/** Further arguments. */
	readonly more?: readonly string[];
}

/** Writes an artifact to `path`. */
export function write(path: string, options: WriteOptions): void {
	const { kind = "module-image", name = "release-2", deviceTypes = ["this-device"], files = [], compression = "none" } = options;
	const type = options.type ?? (kind === "module-image" ? "test-module" : undefined);
	run([
		"write",
		kind,
		"--artifact-name",
		name,
		...deviceTypes.flatMap((deviceType) => ["--device-type", deviceType]),
		...(type === undefined ? [] : ["--type", type]),
		...files.flatMap((file) => ["--file", file]),
		...(kind === "bootstrap-artifact" ? [] : ["--compression", compression]),
		...(options.key === undefined ? [] : ["--key", options.key]),
		...(options.more ?? []),
		"--output-path",
		path,
	]);
}
