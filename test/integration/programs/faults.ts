/**
 * Updates, as many at a time as the driver asks for, by the engine, HTTP, TLS and sockets of a device. Only the slots are not
 * flash: they hash what is written. Deadlines are those of a network that answers at once or not at all.
 */
import TCP from "embedded:io/socket/tcp";
import Resolver from "embedded:network/dns/resolver/udp";
import type { Cancellation } from "fleetling/common/cancellation";
import { SHA256 } from "fleetling/common/crypto";
import type { Network, TCPConstructor } from "fleetling/common/device";
import { Log } from "fleetling/common/log";
import type { Sink } from "fleetling/common/sink";
import { sleep } from "fleetling/common/time";
import { delivered, HTTPWeb } from "fleetling/common/web";
import { FleetlingError } from "fleetling/error/error";
import { failure } from "fleetling/servers/rdfm/failures";
import { slotImages } from "fleetling/update/installers/slot-image";
import { verbatim } from "fleetling/update/reader";
import { rawImage } from "fleetling/update/readers/raw-image";
import type { Slot, SlotWriter } from "fleetling/update/slots";
import { Updater } from "fleetling/update/updater";
import Hex from "hex";
import { emit, onMessage, parameters } from "test/harness";
import Time from "time";
import type { FaultJob, FaultResult } from "../../faults/faults-steps";
import { FakeSlots } from "../../unit/fakes/slots";
import { MemoryStore } from "../../unit/fakes/store";

const { authorities, timeouts, polls } = parameters as {
	readonly authorities?: string;
	readonly timeouts: Readonly<Record<string, number>>;
	/** How often the same offer is taken up when the network was to blame. */
	readonly polls: number;
};

/** What all sockets of one update have read. */
interface Received {
	bytes: number;
}

/** A network that counts what a device takes in: what is still on its way when it gives up is nobody's. */
function networkOf(received: Received): Pick<Network, "tcp" | "dns"> {
	class CountedTCP extends (TCP as unknown as TCPConstructor) {
		override read(buffer: ArrayBuffer | Uint8Array): number | undefined {
			const count = super.read(buffer);
			received.bytes += count ?? 0;
			return count;
		}
	}
	return { tcp: { io: CountedTCP }, dns: { io: Resolver } } as unknown as Pick<Network, "tcp" | "dns">;
}

/** A slot that knows the hash of what was written to it. */
class HashingSlots extends FakeSlots {
	sha256 = "";

	override inactive(): Slot {
		return { ...super.inactive(), size: 1 << 24 };
	}

	override resumable(): number {
		return 0;
	}

	override write(): SlotWriter {
		const hash = new SHA256();
		return {
			write: (block) => void hash.update(block),
			finish: () => {
				this.sha256 = Hex.toString(hash.digest()).toLowerCase();
			},
			close: () => hash.close(),
		};
	}
}

async function update({ id, url, sha256, size }: FaultJob): Promise<FaultResult> {
	const start = Time.ticks;
	const slots = new HashingSlots();
	const errors: string[] = [];
	const log = new Log({ sink: () => undefined, ticks: () => Time.ticks, levels: { level: "none", tags: {} } }).tag("update");
	const received: Received = { bytes: 0 };
	const web = new HTTPWeb({ network: networkOf(received), log, timeouts, ...(authorities !== undefined && { authorities }) });
	let restarts = 0;
	const updater = new Updater({
		slots,
		store: new MemoryStore(),
		log,
		packages: () => ({ readers: [verbatim(rawImage)], installers: slotImages() }),
		random: () => 0,
		ticks: () => Time.ticks,
		clock: () => 1_800_000_000_000,
		resetReason: "restart",
		restart: () => {
			restarts++;
		},
	});
	updater.boot(1_000);
	const open = async (sink: Sink, cancellation: Cancellation): Promise<void> => {
		try {
			const answer = await web.download({ url }, sink, cancellation);
			if (!delivered(answer)) throw failure("the server", "download", answer);
		} catch (error) {
			errors.push(error instanceof FleetlingError ? error.code : String(error));
			throw error;
		}
	};
	const ended = (outcome: string, text: string): FaultResult => {
		web.close();
		const intact = slots.sha256 === sha256;
		return { id, outcome, text, received: received.bytes, intact, errors, milliseconds: Time.delta(start) };
	};
	for (let poll = 1; ; poll++) {
		try {
			const result = await updater.install({ id: String(id), url, sha256, size }, { blockBytes: 4096, open });
			if (restarts > 0) return ended("installed", "");
			const error = "error" in result ? result.error : undefined;
			return ended(error?.code ?? result.kind, String(error));
		} catch (error) {
			// The network is to blame: the next poll takes the offer up again.
			const code = error instanceof FleetlingError ? error.code : "not a FleetlingError";
			if (poll === polls || !(error instanceof FleetlingError)) return ended(code, String(error));
			await sleep(100);
		}
	}
}

onMessage((message) => {
	const job = message as FaultJob;
	const broken = (error: unknown): FaultResult => {
		const text = error instanceof Error ? `${error.name}: ${error.message}\n${error.stack}` : String(error);
		return { id: job.id, outcome: "exception", text, received: 0, intact: false, errors: [], milliseconds: 0 };
	};
	void update(job)
		.catch(broken)
		.then((result) => emit({ event: "result", ...result }));
});
emit({ event: "ready" });
