/** A forwarded connection as `mender-cli port-forward` has it: one message on its way each way, acknowledged when it was taken. */
import { randomUUID } from "node:crypto";
import { errorOf, type ManagerSession } from "./manager";
import { encode, type ProtoMsg, Uint16 } from "./protomsg";

const proto = 3;
const messageBytes = 4_096;

export class ForwardedConnection {
	/** What has come from the other end. */
	received: Buffer = Buffer.alloc(0);
	opened = false;
	/** How it ended: "stop", or the device's error. */
	end: string | undefined;
	/** Stops acknowledging. */
	silent = false;
	readonly id = randomUUID();
	readonly #session: ManagerSession;
	readonly #queue: Buffer[] = [];
	#awaits = false;

	constructor(session: ManagerSession, host: string, port: number, protocol: "tcp" | "udp" = "tcp") {
		this.#session = session;
		session.onMessage = (message) => this.#take(message);
		this.#say("new", encode({ protocol, remote_host: host, remote_port: new Uint16(port) }));
	}

	write(bytes: Buffer): void {
		for (let at = 0; at < bytes.length; at += messageBytes) this.#queue.push(bytes.subarray(at, at + messageBytes));
		this.#next();
	}

	stop(): void {
		this.#say("stop");
	}

	async until(holds: () => boolean, what: string, timeout = 20_000): Promise<void> {
		const late = Date.now() + timeout;
		while (!holds()) {
			if (Date.now() > late)
				throw new Error(`no ${what} within ${timeout} ms; ${this.received.length} bytes came, end: ${this.end}`);
			await new Promise((done) => setTimeout(done, 10));
		}
	}

	#take({ proto: number, typ, props, body }: Required<ProtoMsg>): void {
		if (number === 0xffff && typ === "ping") this.#session.send({ proto: 0xffff, typ: "pong" });
		if (number !== proto || props.connection_id !== this.id) return;
		if (typ === "new") this.opened = true;
		else if (typ === "stop") this.end ??= "stop";
		else if (typ === "error") this.end ??= errorOf(body).message;
		else if (typ === "ack") {
			this.#awaits = false;
			this.#next();
		} else if (typ === "forward") {
			this.received = Buffer.concat([this.received, body]);
			if (!this.silent) this.#say("ack");
		}
	}

	#next(): void {
		const bytes = this.#awaits ? undefined : this.#queue.shift();
		if (bytes === undefined) return;
		this.#awaits = true;
		this.#say("forward", bytes);
	}

	#say(typ: string, body: Uint8Array = new Uint8Array(0)): void {
		this.#session.send({ proto, typ, props: { connection_id: this.id }, body });
	}
}
