/** One build at a time, however many commands were started. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { buildFolder } from "./paths";

function holderIsAlive(path: string): boolean {
	try {
		const pid = Number(readFileSync(path, "utf8"));
		if (!(pid > 0)) return true; // being written
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return (error as NodeJS.ErrnoException).code === "EPERM";
	}
}

export async function withLock<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
	mkdirSync(buildFolder, { recursive: true });
	const path = join(buildFolder, `${name}.lock`);
	for (let waited = 0; ; waited++) {
		try {
			writeFileSync(path, String(process.pid), { flag: "wx" });
			break;
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
			if (!holderIsAlive(path)) {
				rmSync(path, { force: true });
				continue;
			}
			if (waited === 20) process.stderr.write(`waiting for another command that is building (${name})\n`);
			await sleep(250);
		}
	}
	try {
		return await work();
	} finally {
		rmSync(path, { force: true });
	}
}
