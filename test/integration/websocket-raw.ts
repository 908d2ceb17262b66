/** A WebSocket server that sends what a test says, right or wrong, and takes apart what the client sends. */
import { createHash } from "node:crypto";
import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import type { Issued } from "../pki/pki";

export interface FrameParts {
	readonly opcode: number;
	readonly payload?: Buffer;
	readonly fin?: boolean;
	readonly reserved?: number;
}

/** A frame as a server sends it. */
export function frame({ opcode, payload = Buffer.alloc(0), fin = true, reserved = 0 }: FrameParts): Buffer {
	const first = (fin ? 0x80 : 0) | (reserved << 4) | opcode;
	const { length } = payload;
	if (length < 126) return Buffer.concat([Buffer.of(first, length), payload]);
	const head = Buffer.alloc(length < 65_536 ? 4 : 10);
	head[0] = first;
	head[1] = length < 65_536 ? 126 : 127;
	if (length < 65_536) head.writeUInt16BE(length, 2);
	else head.writeBigUInt64BE(BigInt(length), 2);
	return Buffer.concat([head, payload]);
}

export interface ClientFrame {
	readonly opcode: number;
	readonly fin: boolean;
	readonly payload: Buffer;
}

export interface Message {
	readonly binary: boolean;
	readonly payload: Buffer;
}

/** One connection after its opening handshake. */
export class RawPeer {
	readonly socket: net.Socket;
	/** Path of the request, and its header section. */
	readonly path: string;
	readonly head: string;
	readonly frames: ClientFrame[] = [];
	/** Sizes of the frames, headers included. */
	readonly sizes: number[] = [];
	readonly messages: Message[] = [];
	/** Rules for clients that were broken. */
	readonly faults: string[] = [];
	ended = false;
	#rest = Buffer.alloc(0);
	#parts: Buffer[] = [];
	#binary = false;
	#waiting: (() => void)[] = [];

	constructor(socket: net.Socket, head: string, rest: Buffer) {
		this.socket = socket;
		this.head = head;
		this.path = head.split(" ")[1] ?? "";
		socket.on("data", (data) => this.#take(data));
		const end = (): void => {
			this.ended = true;
			this.#wake();
		};
		socket.on("end", end);
		socket.on("close", end);
		this.#take(rest);
	}

	get closeFrame(): ClientFrame | undefined {
		return this.frames.find(({ opcode }) => opcode === 8);
	}

	/** Code of the client's Close frame: 1005 when it had none, undefined when there was no frame. */
	get closeCode(): number | undefined {
		const found = this.closeFrame;
		if (found === undefined) return undefined;
		return found.payload.length < 2 ? 1005 : found.payload.readUInt16BE(0);
	}

	get pongs(): readonly string[] {
		return this.frames.filter(({ opcode }) => opcode === 10).map(({ payload }) => payload.toString("latin1"));
	}

	send(...parts: readonly (Buffer | FrameParts)[]): void {
		this.socket.write(Buffer.concat(parts.map((part) => (Buffer.isBuffer(part) ? part : frame(part)))));
	}

	/** Waits until `condition` holds, the client has ended, or time is over; returns whether it holds. */
	async until(condition: () => boolean, milliseconds = 5000): Promise<boolean> {
		const deadline = Date.now() + milliseconds;
		while (!condition() && !this.ended) {
			const left = deadline - Date.now();
			if (left <= 0) break;
			await new Promise<void>((done) => {
				const timer = setTimeout(done, left);
				this.#waiting.push(() => {
					clearTimeout(timer);
					done();
				});
			});
		}
		return condition();
	}

	#wake(): void {
		for (const wake of this.#waiting.splice(0)) wake();
	}

	#take(data: Buffer): void {
		this.#rest = Buffer.concat([this.#rest, data]);
		for (let size = this.#one(); size > 0; size = this.#one()) {
			this.sizes.push(size);
			this.#rest = this.#rest.subarray(size);
		}
		this.#wake();
	}

	#one(): number {
		const bytes = this.#rest;
		if (bytes.length < 2) return 0;
		const [first = 0, second = 0] = bytes;
		if (this.closeFrame !== undefined) this.faults.push("bytes after the Close frame");
		if ((second & 0x80) === 0) this.faults.push("a frame without a mask");
		if ((first & 0x70) !== 0) this.faults.push("a reserved bit");
		const short = second & 127;
		const start = (short === 126 ? 4 : short === 127 ? 10 : 2) + 4;
		if (bytes.length < start) return 0;
		const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
		if (bytes.length < start + length) return 0;
		const payload = Buffer.from(bytes.subarray(start, start + length));
		for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (bytes[start - 4 + (i & 3)] ?? 0);
		this.#add({ opcode: first & 15, fin: first >= 128, payload });
		return start + length;
	}

	#add(added: ClientFrame): void {
		this.frames.push(added);
		if (added.opcode >= 8) return;
		if (added.opcode !== 0) this.#binary = added.opcode === 2;
		this.#parts.push(added.payload);
		if (!added.fin) return;
		this.messages.push({ binary: this.#binary, payload: Buffer.concat(this.#parts) });
		this.#parts = [];
	}
}

export interface RawServer {
	readonly port: number;
	/** Connections in the order of their opening handshakes. */
	readonly peers: readonly RawPeer[];
	close(): Promise<void>;
}

export interface RawServerOptions {
	/** With TLS. */
	readonly issued?: Pick<Issued, "chainPEM" | "keyPEM">;
	/** Instead of the acceptance. */
	readonly answer?: (head: string, accept: string) => string | Buffer | undefined;
}

const salt = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** `serve` gets each connection when its opening handshake is done. */
export async function startRaw(serve: (peer: RawPeer) => void, { issued, answer }: RawServerOptions = {}): Promise<RawServer> {
	const sockets = new Set<net.Socket>();
	const peers: RawPeer[] = [];
	const accept = (socket: net.Socket): void => {
		sockets.add(socket);
		socket.setNoDelay(true);
		socket.on("error", () => undefined);
		socket.on("close", () => sockets.delete(socket));
		let head = Buffer.alloc(0);
		const listen = (data: Buffer): void => {
			head = Buffer.concat([head, data]);
			const end = head.indexOf("\r\n\r\n");
			if (end < 0) return;
			socket.off("data", listen);
			const text = head.subarray(0, end + 4).toString("latin1");
			const key = /\r\nSec-WebSocket-Key: (.*)\r\n/.exec(text)?.[1] ?? "";
			const proof = createHash("sha1")
				.update(key + salt)
				.digest("base64");
			const own = answer?.(text, proof);
			socket.write(
				own ??
					`HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${proof}\r\n\r\n`,
			);
			const peer = new RawPeer(socket, text, head.subarray(end + 4));
			peers.push(peer);
			serve(peer);
		};
		socket.on("data", listen);
	};
	const options = { allowHalfOpen: true };
	const server =
		issued === undefined
			? net.createServer(options, accept)
			: tls.createServer({ ...options, cert: issued.chainPEM, key: issued.keyPEM }, accept);
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	return {
		port: (server.address() as AddressInfo).port,
		peers,
		close: () =>
			new Promise((done) => {
				for (const socket of sockets) socket.destroy();
				server.close(() => done());
			}),
	};
}
