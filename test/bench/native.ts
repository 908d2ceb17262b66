/** Compiles the C programs of this folder with the flags that the runtime is compiled with (targets/host/tools/runtime.ts). */
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildFolder, root } from "../../targets/host/tools/paths";

const sources = join(root, "test/bench/native");
const folder = join(buildFolder, "bench");
const common = ["-std=gnu11", "-D_GNU_SOURCE", "-g", "-pthread", "-fno-strict-aliasing", "-O2", "-Wall", "-Wextra", "-Werror"];
const libraries = ["-lmbedtls", "-lmbedx509", "-lmbedcrypto"];

function compile(output: string, args: readonly string[]): string {
	mkdirSync(folder, { recursive: true });
	const path = join(folder, output);
	const result = spawnSync("gcc", [...common, ...args, "-o", path], { cwd: sources, encoding: "utf8" });
	if (result.status !== 0) throw new Error(`${output} does not compile:\n${result.stderr}`);
	return path;
}

export type NativeProgram = "bench-update" | "bench-handshake" | "bench-crypto";

/** Path of a program, compiled anew: that takes less than a second. */
export const buildProgram = (name: NativeProgram): string => compile(name, [`${name}.c`, "client.c", ...libraries]);

/** A library to be loaded before all others into a runtime of that size. */
export const buildPreload = (bits: 32 | 64): string =>
	compile(`heap-${bits}.so`, [...(bits === 32 ? ["-m32", "-D_FILE_OFFSET_BITS=64"] : []), "-shared", "-fPIC", "heap.c", "-ldl"]);

/** A library to be loaded before all others, which hashes by the processor's instructions. */
export const buildAccelerator = (): string => compile("accelerator.so", ["-shared", "-fPIC", "accelerator.c"]);
