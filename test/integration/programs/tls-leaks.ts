/** Makes many connections of all kinds one after the other, and tells what they leave behind. */
import TCP from "embedded:io/socket/tcp";
import Channel from "fleetling/host/channel";
import System from "fleetling/host/system";
import { TLSSocket, type TransportConstructor, TrustStore } from "fleetling/tls/tls";
import { emit, exit, parameters } from "test/harness";
import Timer from "timer";

interface Plan {
	readonly ca: string;
	readonly certificate: string;
	readonly key: string;
	/** A server that says hello and ends, one that sends noise, one that hangs up. */
	readonly good: number;
	readonly noise: number;
	readonly closing: number;
	/** Connections before memory is first looked at, and after. */
	readonly warmUp: number;
	readonly connections: number;
}

const plan = parameters as unknown as Plan;
const outcomes = new Map<string, number>();
const buffer = new Uint8Array(1024);
let session: ArrayBuffer | undefined;

type Kind = "full" | "resumed" | "identified" | "wrong-name" | "noise" | "closing" | "left";

const kinds: readonly Kind[] = [
	"full",
	"resumed",
	"resumed",
	"resumed",
	"identified",
	"wrong-name",
	"noise",
	"closing",
	"left",
	"resumed",
];
const ports: Readonly<Partial<Record<Kind, number>>> = { noise: plan.noise, closing: plan.closing };

function measure(event: string): void {
	// What is finalised in one collection is freed in the next.
	Channel.collect();
	Channel.collect();
	const memory = System.memory({});
	emit({
		event,
		slots: memory.slotsUsed,
		chunks: memory.chunksUsed,
		native: Channel.nativeHeap(),
		outcomes: Object.fromEntries(outcomes),
	});
}

function connect(kind: Kind, done: () => void): void {
	const trust = new TrustStore(plan.ca);
	const finish = (result: string): void => {
		const name = `${kind}: ${result}`;
		outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
		trust.close();
		Timer.set(() => done());
	};
	new TLSSocket({
		io: TCP as unknown as TransportConstructor,
		address: "127.0.0.1",
		port: ports[kind] ?? plan.good,
		secure: {
			serverName: kind === "wrong-name" ? "other.test" : "server.test",
			trust,
			session: kind === "resumed" ? session : undefined,
			...(kind === "identified" ? { certificate: plan.certificate, key: plan.key } : {}),
			onSession: (fresh) => {
				if (kind !== "identified") session = fresh;
			},
		},
		onReadable(count) {
			while (count > 0) count -= this.read(buffer);
		},
		onWritable() {
			if (kind !== "left") return;
			// Given up by the program itself, with data still to come.
			this.close();
			finish("closed here");
		},
		onError(error) {
			finish(error.code);
		},
	});
}

function run(index: number): void {
	if (index === plan.warmUp) measure("before");
	if (index === plan.warmUp + plan.connections) {
		measure("after");
		exit();
	}
	connect(kinds[index % kinds.length] ?? "full", () => run(index + 1));
}

run(0);
