/** Where the files of one run are: in memory if there is room, so that no disk disturbs the measurements. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Two flash files, a package, and what the peers write. */
const needed = 1 << 30;

function roomy(path: string): boolean {
	try {
		const { bavail, bsize } = statfsSync(path);
		return bavail * bsize >= needed;
	} catch {
		return false;
	}
}

export class Workspace {
	readonly folder: string;

	constructor() {
		const parent = roomy("/dev/shm") ? "/dev/shm" : tmpdir();
		this.folder = mkdtempSync(join(parent, "fleetling-bench-"));
	}

	/** For tables: where files were written. */
	get kind(): string {
		return this.folder.startsWith("/dev/shm") ? "files in memory (/dev/shm)" : "files in the temporary folder";
	}

	path(name: string): string {
		return join(this.folder, name);
	}

	remove(): void {
		rmSync(this.folder, { recursive: true, force: true });
	}
}
