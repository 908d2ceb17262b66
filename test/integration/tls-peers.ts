/** Peers for the TLS specs: servers on Node's tls module and on OpenSSL's own program, and a proxy that tampers. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import type { Issued } from "../pki/pki";
import { type ProgramEvent, runXS } from "../xs/driver";
import type { Connection } from "./programs/tls-connection";

export interface Peer {
	readonly port: number;
	close(): Promise<void>;
}

const open = new Set<Peer>();

// Nor does anything outlive a run that is broken off: closing a peer ends its process before it waits for it.
process.on("exit", () => {
	for (const peer of open) void peer.close();
});

/** For afterEach: nothing outlives its test. */
export async function closePeers(): Promise<void> {
	for (const peer of [...open]) {
		open.delete(peer);
		await peer.close();
	}
}

async function listen(server: net.Server, host = "127.0.0.1"): Promise<Peer> {
	const sockets = new Set<net.Socket>();
	server.on("connection", (socket: net.Socket) => {
		sockets.add(socket);
		socket.on("error", () => undefined);
		socket.on("close", () => sockets.delete(socket));
	});
	await new Promise<void>((done) => server.listen(0, host, done));
	const peer = {
		port: (server.address() as net.AddressInfo).port,
		close: (): Promise<void> =>
			new Promise((done) => {
				for (const socket of sockets) socket.destroy();
				server.close(() => done());
			}),
	};
	open.add(peer);
	return peer;
}

/**
 * Ends a connection of Node's with some last words. Not at once: in TLS 1.3 Node's server may speak before the client's last
 * message has come, and when it ends before that, it does so without the close_notify it owes.
 */
export function endSoon(socket: tls.TLSSocket, words: string | Buffer): void {
	setTimeout(() => socket.end(words), 10);
}

/** A server on Node's tls module; answers "hello" and ends unless told what to do with a connection. */
export function nodePeer(
	issued: Pick<Issued, "chainPEM" | "keyPEM">,
	options: tls.TlsOptions = {},
	serve: (socket: tls.TLSSocket) => void = (socket) => endSoon(socket, "hello"),
	host?: string,
): Promise<Peer & { readonly errors: readonly Error[] }> {
	const server = tls.createServer({ cert: issued.chainPEM, key: issued.keyPEM, ...options }, (socket) => {
		socket.on("error", () => undefined);
		serve(socket);
	});
	const errors: Error[] = [];
	server.on("tlsClientError", (error) => errors.push(error));
	return listen(server, host).then((peer) => Object.assign(peer, { errors }));
}

export function tcpPeer(serve: (socket: net.Socket) => void): Promise<Peer> {
	return listen(net.createServer({ noDelay: true, allowHalfOpen: true }, serve));
}

/** What OpenSSL's own server says and does. */
export interface OpenSSLPeer extends Peer {
	readonly output: string;
	/** Types into its standard input: "Q" ends it, "R" asks for a renegotiation. */
	type(text: string): void;
}

/** `openssl s_server`; what it reads from its standard input goes to the client, what the client sends is its output. */
export async function opensslPeer(
	issued: Pick<Issued, "certPEM" | "chainPEM" | "keyPEM">,
	args: readonly string[] = [],
	/** Files that -HTTP serves, by name. */
	files: Readonly<Record<string, Buffer>> = {},
): Promise<OpenSSLPeer> {
	const folder = mkdtempSync(join(tmpdir(), "fleetling-tls-"));
	const file = (name: string, text: string | Buffer): string => {
		const path = join(folder, name);
		writeFileSync(path, text);
		return path;
	};
	for (const [name, bytes] of Object.entries(files)) file(name, bytes);
	const chain = issued.chainPEM.slice(issued.certPEM.length);
	const child: ChildProcess = spawn(
		"openssl",
		[
			...[
				"s_server",
				"-accept",
				"127.0.0.1:0",
				"-4",
				"-cert",
				file("cert.pem", issued.certPEM),
				"-key",
				file("key.pem", issued.keyPEM),
			],
			...(chain === "" ? [] : ["-cert_chain", file("chain.pem", chain)]),
			...args,
		],
		{ stdio: ["pipe", "pipe", "pipe"], cwd: folder },
	);
	let output = "";
	let ended = false;
	const closed = new Promise<void>((done) =>
		child.on("close", () => {
			ended = true;
			done();
		}),
	);
	const accepting = new Promise<number>((done, failed) => {
		const look = (data: Buffer): void => {
			output += data.toString("latin1");
			const port = output.match(/ACCEPT [^\n]*:(\d+)\n/)?.[1];
			if (port !== undefined) done(Number(port));
		};
		child.stdout?.on("data", look);
		child.stderr?.on("data", look);
		void closed.then(() => failed(new Error(`openssl s_server ended:\n${output}`)));
	});
	const peer = {
		port: 0,
		get output(): string {
			return output;
		},
		type: (text: string): void => void child.stdin?.write(text),
		close: async (): Promise<void> => {
			if (!ended) child.kill("SIGKILL");
			await closed;
			rmSync(folder, { recursive: true, force: true });
		},
	};
	open.add(peer);
	peer.port = await accepting;
	return peer;
}

/** What a proxy does with bytes of the server: passes on what is returned, and cuts the connection after `last`. */
export type Tamper = (bytes: Buffer, offset: number) => Buffer | { readonly last: Buffer };

export interface ProxyOptions {
	/** Collects what the client sends. */
	readonly seen?: Buffer[];
	/** How a connection is cut. */
	readonly cut?: "end" | "reset";
	/** Changes what the client sends. */
	readonly tamperClient?: (bytes: Buffer, offset: number) => Buffer;
}

/** A proxy before a server. */
export async function proxyPeer(target: Peer, tamper: Tamper, options: ProxyOptions = {}): Promise<Peer> {
	return tcpPeer((client) => {
		const server = net.connect({ port: target.port, host: "127.0.0.1", noDelay: true });
		let offset = 0;
		let clientOffset = 0;
		let cut = false;
		server.on("error", () => client.destroy());
		client.on("error", () => server.destroy());
		client.on("data", (data) => {
			options.seen?.push(data);
			server.write(options.tamperClient?.(data, clientOffset) ?? data);
			clientOffset += data.length;
		});
		client.on("end", () => server.end());
		client.on("close", () => server.destroy());
		server.on("data", (data) => {
			if (cut) return;
			const result = tamper(data, offset);
			offset += data.length;
			if (Buffer.isBuffer(result)) {
				client.write(result);
				return;
			}
			cut = true;
			client.write(result.last, () => {
				if (options.cut === "reset") client.resetAndDestroy();
				else client.end();
			});
			server.destroy();
		});
		server.on("end", () => {
			if (!cut) client.end();
		});
	});
}

/** Passes on the first `count` bytes, then cuts the connection. */
export const cutAfter =
	(count: number): Tamper =>
	(bytes, offset) =>
		offset + bytes.length < count ? bytes : { last: bytes.subarray(0, Math.max(0, count - offset)) };

/** Changes the byte at `position` of the stream. */
export const flip =
	(position: number) =>
	(bytes: Buffer, offset: number): Buffer => {
		if (position < offset || position >= offset + bytes.length) return bytes;
		const changed = Buffer.from(bytes);
		changed[position - offset] = (changed[position - offset] ?? 0) ^ 0x55;
		return changed;
	};

/** One record of TLS within a stream. */
export interface TLSRecord {
	readonly type: number;
	/** Of its header. */
	readonly offset: number;
	/** Of what follows the header. */
	readonly length: number;
}

export function recordsIn(stream: Buffer): readonly TLSRecord[] {
	const records: TLSRecord[] = [];
	for (let offset = 0; offset + 5 <= stream.length; ) {
		const length = stream.readUInt16BE(offset + 3);
		records.push({ type: stream.readUInt8(offset), offset, length });
		offset += 5 + length;
	}
	return records;
}

/** How one connection of the program went. */
export interface Outcome extends ProgramEvent {
	readonly opened?: boolean;
	readonly resumed?: boolean;
	readonly protocol?: string;
	readonly cipherSuite?: string;
	readonly code?: string;
	readonly message?: string;
	readonly cause?: string;
	readonly received: number;
	readonly sent: number;
	readonly callbacks: number;
	readonly text: string;
	readonly sha256: string;
	readonly uploaded: string;
	readonly session: number;
}

/** Lets the program make these connections, one after the other. */
export async function connectXS(connections: readonly Connection[], timeout = 30_000): Promise<readonly Outcome[]> {
	const program = await runXS({ main: "test/integration/programs/tls-client.ts", parameters: { connections }, timeout });
	const end = await program.done;
	assert.equal(end.timedOut, false, `the program hangs:\n${end.output}`);
	assert.equal(end.code, 0, `the program ended with ${end.code ?? end.signal}:\n${end.output}`);
	const outcomes = program.events.filter((event) => "connection" in event) as unknown as readonly Outcome[];
	assert.equal(outcomes.length, connections.length);
	return outcomes;
}

export async function connectOnce(connection: Connection, timeout?: number): Promise<Outcome> {
	const [outcome] = await connectXS([connection], timeout);
	assert.ok(outcome);
	return outcome;
}
