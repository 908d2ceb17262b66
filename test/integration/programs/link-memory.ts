/**
 * A management link with actions and files that is opened, lost and opened again many times; tells what memory is in use after each
 * hundred, and what an open one takes.
 */
import { Log } from "fleetling/common/log";
import { HTTPWeb } from "fleetling/common/web";
import { Actions } from "fleetling/management/actions/actions";
import { ExecutionRecord } from "fleetling/management/actions/record";
import { leaf } from "fleetling/management/files/texts";
import { FileTree } from "fleetling/management/files/tree";
import { RDFMActions } from "fleetling/servers/rdfm/actions";
import { RDFMFiles } from "fleetling/servers/rdfm/files";
import { RDFMLink } from "fleetling/servers/rdfm/link";
import device from "fleetling/target";
import { emit, exit, parameters } from "test/harness";
import Timer from "timer";
import { MemoryStore } from "../../unit/fakes/store";
import { memoryAtRest, memoryInUse } from "./memory";

const url = String(parameters.url);
const token = String(parameters.token);
const rounds = Number(parameters.rounds);
const each = Number(parameters.each);
const authorities = parameters.ca as string | undefined;

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => Timer.set(() => resolve(), milliseconds));
const log = new Log({ sink: () => {}, ticks: () => 0 });
const web = new HTTPWeb({ network: device.network, authorities, log: log.tag("web"), reserved: 1 });
let tokens = 0;
const management = {
	authorized(work: (token: string) => Promise<void>): Promise<void> {
		tokens += 1;
		return work(token);
	},
	alert: () => {},
};

function makeLink(): RDFMLink {
	const link = new RDFMLink({ name: "the server", url, web, log: log.tag("rdfm"), management });
	const actions = new Actions({ record: new ExecutionRecord(new MemoryStore()), log: log.tag("actions") });
	link.registry.add(new RDFMActions({ actions, wake: () => {}, renew: () => {}, log: log.tag("rdfm") }));
	const files = new FileTree({ log: leaf("log", () => new Uint8Array(1_000)) });
	link.registry.add(new RDFMFiles({ url, web, log: log.tag("rdfm"), files }));
	return link;
}

const link = makeLink();

/** Opens it, and waits for what the server does with it. */
async function once(): Promise<void> {
	link.start("1.0.0");
	const before = tokens;
	for (let waited = 0; link.state !== "open" && waited < 2000; waited++) await pause(1);
	for (let waited = 0; link.state === "open" && waited < 20; waited++) await pause(1);
	await link.stop();
	if (tokens > before + 2) throw new Error("it has tried more often than it was told to");
}

await once();
const idle = memoryInUse();
link.start("1.0.0");
await pause(100);
const open = memoryInUse();
emit({ slots: open.slotsUsed - idle.slotsUsed, chunks: open.chunksUsed - idle.chunksUsed });
await link.stop();
for (let round = 0; round < rounds; round++) {
	for (let count = 0; count < each; count++) await once();
	// A connection that is kept for the next request is none that was left behind.
	web.close();
	emit({ round, ...(await memoryAtRest()) });
}
exit();
