/** Images of a device's key-value storage (partition "nvs"), written by the device's own code into a flash of its own. */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { makeFlash } from "../image/flash";
import { makeImage } from "../image/image";
import { parsePartitions } from "../image/partitions";
import { packageVersion, projectName } from "./firmware";
import { hostFolder } from "./paths";
import { programArchive } from "./program";
import { buildRuntime } from "./runtime";
import { compileScripts } from "./scripts";

const storageOffset = 0x9000;

/** What the program answers (targets/host/provision.ts). */
interface Answer {
	readonly event: string;
	readonly text?: string;
}

/**
 * The image of a partition of `size` bytes with these values: keys of the configuration, and ssid, password and hostname.
 *
 * Values go to the program through a pipe, not through its arguments, which everybody on the machine can read.
 *
 * @throws with one sentence, for a value that a device would refuse
 */
export async function makeStorageImage(values: ReadonlyMap<string, string>, size: number): Promise<Buffer> {
	await compileScripts();
	const runtime = await buildRuntime({ bits: 64, mode: "debug" });
	const segments = [{ data: programArchive(join(hostFolder, "provision.ts")) }];
	const partitions = parsePartitions(
		[`nvs, data, nvs, ${storageOffset}, ${size}`, "otadata, data, ota, , 0x2000", "ota_0, app, ota_0, , 2M"].join("\n"),
	);
	// Nobody else can look into it.
	const folder = mkdtempSync(join(tmpdir(), "fleetling-provision-"));
	try {
		const path = join(folder, "flash");
		makeFlash({ path, partitions, contents: { ota_0: makeImage({ version: packageVersion(), projectName, segments }) } });
		const { event, text } = await run(runtime, path, JSON.stringify([...values]));
		if (event !== "provisioned") throw new Error(text ?? "the values could not be written");
		return readFileSync(path).subarray(storageOffset, storageOffset + size);
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

function run(runtime: string, flash: string, message: string): Promise<Answer> {
	return new Promise((resolve, reject) => {
		const child = spawn(runtime, ["--flash", flash, "--events", "3", "--control", "4", "--tethered"], {
			stdio: ["ignore", "pipe", "pipe", "pipe", "pipe"],
		});
		let output = "";
		let answer: Answer | undefined;
		for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => (output += data.toString()));
		createInterface({ input: child.stdio[3] as NodeJS.ReadableStream }).on("line", (line) => {
			const said = JSON.parse(line) as Answer;
			if (said.event === "provisioned" || said.event === "refused") answer = said;
			// It would boot again and wait for the message that it has had.
			else if (said.event === "panic" || said.event === "reset") child.kill("SIGKILL");
		});
		child.on("error", reject);
		child.on("close", (code, signal) => {
			if (answer !== undefined) resolve(answer);
			else reject(new Error(`the values could not be written (${code ?? signal}):\n${output}`));
		});
		const control = child.stdio[4] as NodeJS.WritableStream;
		control.on("error", () => undefined);
		control.write(`${message}\n`);
	});
}
