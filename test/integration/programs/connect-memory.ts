/**
 * Mender's device connect, opened, lost and opened again many times, with whatever the server and its managers do meanwhile; tells
 * what memory is in use after each round, and what an open one takes.
 */
import { Log } from "fleetling/common/log";
import { HTTPWeb } from "fleetling/common/web";
import { filesRoot } from "fleetling/management/files/directory";
import { Intake } from "fleetling/management/files/intake";
import { leaf } from "fleetling/management/files/texts";
import { FileTree } from "fleetling/management/files/tree";
import { Forwarder } from "fleetling/management/forward/forwarder";
import { ConnectLink } from "fleetling/servers/mender/connect/link";
import device from "fleetling/target";
import { emit, exit, parameters } from "test/harness";
import Timer from "timer";
import { FakePowers } from "../../unit/fakes/powers";
import { shellOf } from "../../unit/servers/connect-bench";
import { MemoryFiles } from "../../unit/update/installers/memory-files";
import { memoryAtRest, memoryInUse } from "./memory";

const url = String(parameters.url);
const token = String(parameters.token);
const rounds = Number(parameters.rounds);
const each = Number(parameters.each);
const authorities = parameters.ca as string | undefined;

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => Timer.set(() => resolve(), milliseconds));
const log = new Log({ sink: () => {}, ticks: () => 0 });
const web = new HTTPWeb({ network: device.network, authorities, log: log.tag("web"), reserved: 1 });
const directory = new MemoryFiles({ "a.bin": "0123456789abcdef".repeat(600) });

const link = new ConnectLink({
	...{ name: "the server", url, web, log: log.tag("mender"), wake: () => {}, report: () => {} },
	management: {
		authorized: (work) => work(token),
		alert: () => {},
		shell: shellOf(new FakePowers()),
		files: new FileTree({ files: filesRoot(directory), log: leaf("log", () => new Uint8Array(1_000)) }),
		intake: new Intake(directory),
		forwarder: new Forwarder(device.network, "local"),
	},
});

/** Opens it, and waits for what the server does with it. */
async function once(): Promise<void> {
	link.start();
	for (let waited = 0; link.state !== "open" && waited < 2000; waited++) await pause(1);
	for (let waited = 0; link.state === "open" && waited < 25; waited++) await pause(1);
	await link.stop();
}

await once();
const idle = memoryInUse();
link.start();
await pause(100);
const open = memoryInUse();
emit({ slots: open.slotsUsed - idle.slotsUsed, chunks: open.chunksUsed - idle.chunksUsed });
await link.stop();
for (let round = 0; round < rounds; round++) {
	for (let count = 0; count < each; count++) await once();
	// A connection that is kept for the next request is none that was left behind.
	web.close();
	const figures = await memoryAtRest();
	emit({ round, open: directory.open, ...figures });
}
exit();
