/** Opens WebSockets as the driver describes them, one after the other, and tells how each of them went. */
import TCP from "embedded:io/socket/tcp";
import Resolver from "embedded:network/dns/resolver/udp";
import { SHA256 } from "fleetling/crypto/sha256";
import type { FleetlingError } from "fleetling/error/error";
import type { SocketOptions } from "fleetling/http/socket";
import { TLSSocket, TrustStore } from "fleetling/tls/tls";
import { type Closed, MessageSocket, RefusedError, WebSocketClient } from "fleetling/websocket/websocket";
import Hex from "hex";
import { emit, exit, onMessage, parameters } from "test/harness";
import TextEncoder from "text/encoder";
import Time from "time";
import Timer from "timer";
import type { Step, Told } from "./websocket-steps";

const ca = parameters.ca as string | undefined;
const trust = ca === undefined ? undefined : new TrustStore(ca);
const buffer = new Uint8Array(4096);
const keptTexts = 20;

/** What is told of one WebSocket, as it goes. */
class Report {
	readonly #step: Step;
	readonly #hash = new SHA256();
	readonly #start = Time.ticks;
	readonly #texts: string[] = [];
	readonly #done: () => void;
	opened = false;
	protocol: string | undefined;
	messages = 0;
	received = 0;
	pings = 0;

	constructor(step: Step, done: () => void) {
		this.#step = step;
		this.#done = done;
	}

	add(bytes: Uint8Array): void {
		this.#hash.update(bytes);
		this.received += bytes.length;
	}

	text(text: string): void {
		if (this.#texts.length < keptTexts) this.#texts.push(text.slice(0, 100));
	}

	end(how: { readonly closed: Closed } | { readonly error: FleetlingError } | undefined): void {
		let outcome: Partial<Told> = {};
		if (how !== undefined && "closed" in how) outcome = { closed: how.closed };
		else if (how !== undefined) {
			const { error } = how;
			outcome = {
				code: error.code,
				message: error.message,
				...(error instanceof RefusedError && { status: error.status, excerpt: error.excerpt }),
			};
		}
		const { opened, protocol, messages, received, pings } = this;
		emit({
			id: this.#step.id,
			opened,
			...(protocol !== undefined && { protocol }),
			messages,
			received,
			sha256: Hex.toString(this.#hash.digest()).toLowerCase(),
			texts: this.#texts,
			pings,
			took: Time.delta(this.#start),
			...outcome,
		} satisfies Told);
		this.#done();
	}
}

function connectOptions({ port, path, host = "127.0.0.1", secure, headers, protocols, timeouts, limits }: Step) {
	const socket: SocketOptions = secure ? { io: TLSSocket, over: TCP, secure: { serverName: "localhost", trust } } : { io: TCP };
	return {
		host,
		port,
		path,
		socket,
		dns: { io: Resolver },
		...(headers !== undefined && { headers }),
		...(protocols !== undefined && { protocols }),
		...(timeouts !== undefined && { timeouts }),
		...(limits !== undefined && { limits }),
	};
}

const pattern = (length: number): Uint8Array => new Uint8Array(length).map((_, index) => index * 7);

function runMessages(step: Step, report: Report): void {
	const check = (socket: MessageSocket): void => {
		const { end, leave } = step;
		if (end !== undefined && report.messages === end.after) socket.end(end.code, end.reason);
		if (leave !== undefined && report.messages === leave) {
			socket.close();
			report.end(undefined);
		}
	};
	new MessageSocket({
		queueBytes: 65_536,
		...connectOptions(step),
		onOpen(protocol) {
			report.opened = true;
			report.protocol = protocol;
			for (const message of step.send ?? []) this.send(typeof message === "string" ? message : pattern(message));
			check(this);
		},
		onMessage(message) {
			report.messages++;
			if (typeof message === "string") {
				report.text(message);
				report.add(new TextEncoder().encode(message));
			} else report.add(new Uint8Array(message));
			if (step.mode === "echo") this.send(message);
			check(this);
			if (step.slow === undefined) return undefined;
			return new Promise((resolve) => Timer.set(() => resolve(), step.slow));
		},
		onClose: (closed) => report.end({ closed }),
		onError: (error) => report.end({ error }),
	});
}

/** Sends back what comes in constant memory: what the network does not take now is not read now. */
function runStream(step: Step, report: Report): void {
	let announced: { readonly count: number; readonly more: boolean; readonly binary: boolean } | undefined;
	const pump = (client: WebSocketClient): void => {
		while (announced !== undefined && client.writable > 0) {
			const { count, more, binary } = announced;
			const part = buffer.subarray(0, Math.min(count, client.writable));
			if (client.read(part) < part.length) return;
			report.add(part);
			const left = count - part.length;
			announced = left > 0 ? { count: left, more, binary } : undefined;
			const last = left === 0 && !more;
			client.write(part, { binary, more: !last });
			if (last) report.messages++;
			if (last && step.end?.after === report.messages) client.end(step.end.code, step.end.reason);
		}
	};
	new WebSocketClient({
		...connectOptions(step),
		onOpen: (protocol) => {
			report.opened = true;
			report.protocol = protocol;
		},
		onReadable(count, info) {
			announced = { count, ...info };
			// The end of a message that brings no bytes cannot be left unread: the rest waits until it has been passed on.
			if (count === 0 && this.writable === 0) this.pause(true);
			pump(this);
		},
		onWritable() {
			pump(this);
			this.pause(false);
		},
		onControl: (kind) => {
			if (kind === "ping") report.pings++;
		},
		onClose: (closed) => report.end({ closed }),
		onError: (error) => report.end({ error }),
	});
}

const waiting: Step[] = [];
let busy = false;

function next(): void {
	if (busy) return;
	const step = waiting.shift();
	if (step === undefined) return;
	busy = true;
	const report = new Report(step, () => {
		busy = false;
		Timer.set(() => next());
	});
	if (step.mode === "stream") runStream(step, report);
	else runMessages(step, report);
}

onMessage((message) => {
	const step = message as Step | { readonly exit: true };
	if ("exit" in step) exit();
	waiting.push(step);
	next();
});
emit({ ready: true });
