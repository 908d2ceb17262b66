/**
 * Opens many WebSockets that end in every possible way, and tells what memory is in use after each hundred of them, and
 * what an open one takes. The peer does what the path says; what the client itself does is said here.
 */
import TCP from "embedded:io/socket/tcp";
import Resolver from "embedded:network/dns/resolver/udp";
import type { SocketOptions } from "fleetling/http/socket";
import { TLSSocket, TrustStore } from "fleetling/tls/tls";
import { MessageSocket, WebSocketClient } from "fleetling/websocket/websocket";
import { emit, exit, parameters } from "test/harness";
import Timer from "timer";
import { memoryInUse } from "./memory";

const port = Number(parameters.port);
/** Where nobody listens. */
const closedPort = Number(parameters.closedPort);
const paths = parameters.paths as readonly string[];
const rounds = Number(parameters.rounds);
const each = Number(parameters.each);
const ca = parameters.ca as string | undefined;

const trust = ca === undefined ? undefined : new TrustStore(ca);
const socket: SocketOptions =
	trust === undefined ? { io: TCP } : { io: TLSSocket, over: TCP, secure: { serverName: "localhost", trust } };
const outcomes = new Map<string, number>();
const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
const buffer = new Uint8Array(512);
const turn = (): Promise<void> => new Promise((resolve) => Timer.set(() => resolve()));

const common = (path: string) => ({
	host: "127.0.0.1",
	port: path === "refused" ? closedPort : port,
	path: `/${path}`,
	headers: [["Authorization", "Bearer token=abc"]] as const,
	socket,
	dns: { io: Resolver },
	timeouts: path === "silent" ? { ping: 3, pong: 3 } : path === "mute" ? { handshake: 3 } : { close: 200 },
});

function runClient(path: string): Promise<void> {
	return new Promise((resolve) => {
		const client = new WebSocketClient({
			...common(path),
			onOpen() {
				if (path === "throws") throw new Error("on purpose");
				if (path === "ends") this.end(1001);
				if (path !== "leaves") return;
				this.close();
				count("left");
				resolve();
			},
			onReadable(length, { more, binary }) {
				if (path === "unread") {
					this.close();
					count("left");
					resolve();
					return;
				}
				for (let got = this.read(buffer); got > 0; got = this.read(buffer)) {
					if (this.writable >= got) this.write(buffer.subarray(0, got), { binary, more: true });
				}
				if (!more && this.writable > 0) this.write(length === 0 ? "" : new Uint8Array(0), { binary });
			},
			onClose: ({ code }) => {
				count(`${code}`);
				resolve();
			},
			onError: ({ code }) => {
				count(code);
				resolve();
			},
		});
		if (path !== "early") return;
		client.close();
		count("left");
		resolve();
	});
}

function runMessages(path: string): Promise<void> {
	return new Promise((resolve) => {
		const client = new MessageSocket({
			...common(path),
			onOpen() {
				if (path === "throws") throw new Error("on purpose");
				this.send('{"method":"capability_report","capabilities":{}}');
				if (path === "ends") this.end(1001);
				if (path !== "leaves" && path !== "unread") return;
				this.close();
				count("left");
				resolve();
			},
			onMessage(message) {
				if (this.isOpen) this.send(message);
				return turn();
			},
			onClose: ({ code }) => {
				count(`${code}`);
				resolve();
			},
			onError: ({ code }) => {
				count(code);
				resolve();
			},
		});
		if (path !== "early") return;
		client.close();
		count("left");
		resolve();
	});
}

/** What one open and idle WebSocket takes. */
async function weigh(): Promise<void> {
	const before = memoryInUse();
	const opened: MessageSocket[] = [];
	for (let i = 0; i < 5; i++) {
		await new Promise<void>((resolve) => {
			opened.push(new MessageSocket({ ...common("idle"), onOpen: () => resolve() }));
		});
		await turn();
	}
	const after = memoryInUse();
	emit({
		open: opened.length,
		slots: Math.round((after.slotsUsed - before.slotsUsed) / opened.length),
		chunks: Math.round((after.chunksUsed - before.chunksUsed) / opened.length),
	});
	for (const one of opened) one.close();
}

let index = 0;
await runMessages("normal");
await weigh();
for (let round = 0; round <= rounds; round++) {
	emit({ round, ...memoryInUse() });
	for (let i = 0; i < each; i++) {
		const path = paths[index % paths.length] ?? "";
		await (Math.floor(index++ / paths.length) % 2 === 0 ? runClient(path) : runMessages(path));
		// Its last job and its socket's.
		await turn();
	}
}
emit({ round: rounds + 1, ...memoryInUse() });
emit({ outcomes: Object.fromEntries(outcomes) });
exit();
