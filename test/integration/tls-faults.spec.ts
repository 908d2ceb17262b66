/** TLS: peers and networks that misbehave. Every connection ends with a code, in time; nothing hangs. */
import assert from "node:assert/strict";
import { type Authority, createAuthority, type Issued } from "../pki/pki";
import { eventually } from "./eventually";
import {
	closePeers,
	connectOnce,
	connectXS,
	cutAfter,
	flip,
	nodePeer,
	type Outcome,
	opensslPeer,
	type Peer,
	proxyPeer,
	recordsIn,
	type Tamper,
	tcpPeer,
} from "./tls-peers";

const serverName = "server.test";
const tls12 = { maxVersion: "TLSv1.2" } as const;

describe("tls: faults", function () {
	this.timeout(60_000);
	let root: Authority;
	let issued: Issued;
	let ca: string;
	before(async () => {
		root = await createAuthority({ name: "Root" });
		// RSA, because its signatures have the same length every time: positions found in one connection hold for the next.
		issued = await root.issue({ names: [serverName], key: "rsa" });
		ca = root.certPEM;
	});
	afterEach(closePeers);

	const connect = (peer: Pick<Peer, "port">, options: { readonly handshakeTimeout?: number } = {}): Promise<Outcome> =>
		connectOnce({ port: peer.port, serverName, ca, ...options });

	/** Everything the server sends in one whole connection. */
	async function capture(server: Peer): Promise<Buffer> {
		const parts: Buffer[] = [];
		const proxy = await proxyPeer(server, (bytes) => {
			parts.push(bytes);
			return bytes;
		});
		assert.equal((await connect(proxy)).code, "net.closed");
		return Buffer.concat(parts);
	}

	describe("no TLS", () => {
		it("nobody listens", async () => {
			const peer = await tcpPeer(() => undefined);
			await peer.close();
			const outcome = await connect(peer);
			assert.equal(outcome.code, "net.refused");
			assert.match(outcome.message ?? "", /server\.test \(127\.0\.0\.1 port \d+\) could be made/);
		});
		it("a plain HTTP server", async () => {
			const peer = await tcpPeer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"));
			const outcome = await connect(peer);
			assert.equal(outcome.code, "tls.garbage");
			assert.match(outcome.message ?? "", /it said «HTTP\/1\.1 400 Bad Request»\. Check the port/);
		});
		it("a megabyte of noise", async () => {
			const noise = Buffer.alloc(1 << 20, "\x00\xff\x16\x03");
			assert.equal((await connect(await tcpPeer((socket) => socket.end(noise)))).code, "tls.garbage");
		});
		it("noise that looks like handshake records", async () => {
			const record = Buffer.concat([Buffer.from([22, 3, 3, 0x10, 0x00]), Buffer.alloc(4096, 0x41)]);
			const peer = await tcpPeer((socket) => socket.end(Buffer.concat(Array<Buffer>(64).fill(record))));
			assert.match((await connect(peer)).code ?? "", /^tls\.(protocol|handshake)$/);
		});
		it("warnings without end", async () => {
			const warning = Buffer.from([21, 3, 3, 0, 2, 1, 90]);
			const peer = await tcpPeer((socket) => {
				const timer = setInterval(() => socket.write(Buffer.concat(Array<Buffer>(500).fill(warning))), 1);
				socket.on("close", () => clearInterval(timer));
			});
			assert.equal((await connect(peer)).code, "tls.protocol");
		});
		it("an end at once", async () => {
			assert.equal((await connect(await tcpPeer((socket) => socket.end()))).code, "tls.closed");
		});
		it("a reset at once", async () => {
			const peer = await tcpPeer((socket) => socket.on("data", () => socket.resetAndDestroy()));
			assert.equal((await connect(peer)).code, "tls.closed");
		});
	});

	describe("silence", () => {
		async function timed(peer: Peer): Promise<Outcome> {
			const start = Date.now();
			const outcome = await connect(peer, { handshakeTimeout: 400 });
			const elapsed = Date.now() - start;
			assert.ok(elapsed >= 390 && elapsed < 5000, `${elapsed} ms`);
			return outcome;
		}
		it("from the start", async () => {
			const outcome = await timed(await tcpPeer(() => undefined));
			assert.equal(outcome.code, "tls.timeout");
			assert.match(outcome.message ?? "", /not complete in time/);
		});
		for (const count of [0, 3, 60, 400]) {
			it(`after ${count} bytes of the server's answer`, async () => {
				const server = await nodePeer(issued, tls12);
				const mute: Tamper = (bytes, offset) => bytes.subarray(0, Math.max(0, count - offset));
				assert.equal((await timed(await proxyPeer(server, mute))).code, "tls.timeout");
			});
		}
	});

	describe("what the two cannot agree on", () => {
		it("a server that speaks TLS 1.3 only", async () => {
			const outcome = await connect(await nodePeer(issued, { minVersion: "TLSv1.3" }));
			// With a library that speaks TLS 1.3 they do agree.
			if (outcome.protocol === "TLSv1.3") return;
			assert.equal(outcome.code, "tls.handshake");
			assert.match(outcome.message ?? "", /protocol version.*enable TLS 1\.2/);
		});
		it("a server that speaks TLS 1.1 at most", async () => {
			const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
			assert.equal((await connect(await nodePeer(issued, old))).code, "tls.handshake");
		});
		it("no cipher suite in common", async () => {
			const outcome = await connect(await nodePeer(issued, { ...tls12, ciphers: "AES256-SHA" }));
			assert.equal(outcome.code, "tls.handshake");
			assert.match(outcome.message ?? "", /handshake failure.*enable ECDHE with AES-GCM/);
		});
		it("a chain beyond all measure", async () => {
			const long = { ...issued, chainPEM: issued.chainPEM + Array(60).fill(ca).join("") };
			const outcome = await connect(await opensslPeer(long, ["-tls1_2"]));
			assert.match(outcome.code ?? "", /^tls\.(protocol|handshake)$/);
			assert.equal(outcome.opened, undefined);
		});
	});

	describe("a connection that breaks", () => {
		for (const cut of ["end", "reset"] as const) {
			it(`in the handshake, by ${cut}, at any byte`, async () => {
				const server = await nodePeer(issued, tls12);
				const whole = await capture(server);
				const handshake = recordsIn(whole).find((record) => record.type === 23)?.offset ?? 0;
				assert.ok(handshake > 500, `${handshake} bytes`);
				const counts = [0, 1, 4, 5, 6, 50, 100, 101, 300, 500, handshake - 100, handshake - 46, handshake - 1];
				const proxies: Peer[] = [];
				for (const count of counts) proxies.push(await proxyPeer(server, cutAfter(count), { cut }));
				const outcomes = await connectXS(proxies.map(({ port }) => ({ port, serverName, ca })));
				for (const [index, outcome] of outcomes.entries())
					assert.equal(outcome.code, "tls.closed", `${counts[index]}: ${outcome.code} ${outcome.message}`);
			});
		}

		it("in the middle of a record of data", async () => {
			const server = await nodePeer(issued, tls12, (socket) => socket.end(Buffer.alloc(100_000, "x")));
			const whole = await capture(server);
			const data = recordsIn(whole).filter((record) => record.type === 23);
			const third = data[2];
			assert.ok(third);
			const outcome = await connect(await proxyPeer(server, cutAfter(third.offset + 1000)));
			assert.equal(outcome.code, "tls.truncated");
			assert.equal(outcome.received, 2 * 16384);
			assert.match(outcome.message ?? "", /data may be missing/);
		});
		it("between two records", async () => {
			const server = await nodePeer(issued, tls12, (socket) => socket.end(Buffer.alloc(100_000, "x")));
			const data = recordsIn(await capture(server)).filter((record) => record.type === 23);
			const outcome = await connect(await proxyPeer(server, cutAfter(data[2]?.offset ?? 0)));
			assert.equal(outcome.code, "tls.truncated");
			assert.equal(outcome.received, 2 * 16384);
		});
		it("after all data, without a goodbye", async () => {
			const server = await nodePeer(issued, tls12);
			const goodbye = recordsIn(await capture(server)).find((record) => record.type === 21);
			const outcome = await connect(await proxyPeer(server, cutAfter(goodbye?.offset ?? 0)));
			assert.equal(outcome.code, "tls.truncated");
			assert.equal(outcome.text, "hello");
		});
		it("by a reset", async () => {
			const server = await nodePeer(issued, tls12, (socket) => socket.write(Buffer.alloc(100_000, "x")));
			const outcome = await connect(await proxyPeer(server, cutAfter(20_000), { cut: "reset" }));
			assert.equal(outcome.code, "tls.truncated");
		});
		it("in good order", async () => {
			const outcome = await connect(await nodePeer(issued, tls12));
			assert.equal(outcome.code, "net.closed");
			assert.equal(outcome.text, "hello");
			assert.match(outcome.message ?? "", /closed the connection/);
		});
	});

	describe("damaged bytes", () => {
		it("anywhere in the handshake", async () => {
			const server = await nodePeer(issued, tls12);
			const whole = await capture(server);
			const handshake = recordsIn(whole).find((record) => record.type === 23)?.offset ?? 0;
			const positions = Array.from({ length: 60 }, (_, index) => Math.floor((index * handshake) / 60));
			const proxies: Peer[] = [];
			for (const position of positions) proxies.push(await proxyPeer(server, flip(position)));
			const outcomes = await connectXS(
				proxies.map(({ port }) => ({ port, serverName, ca, handshakeTimeout: 500 })),
				60_000,
			);
			for (const [index, outcome] of outcomes.entries()) {
				assert.match(outcome.code ?? "", /^tls\./, `byte ${positions[index]}: ${outcome.code}`);
				assert.equal(outcome.opened, undefined, `byte ${positions[index]}`);
			}
		});
		it("in the signature of the key exchange", async () => {
			const server = await nodePeer(issued, tls12);
			const outcome = await connect(await proxyPeer(server, flip(lastByteOfMessage(await capture(server), 12))));
			assert.equal(outcome.code, "tls.forged", outcome.message);
			assert.match(outcome.message ?? "", /could not prove/);
		});
		it("in the data", async () => {
			const server = await nodePeer(issued, tls12, (socket) => socket.end(Buffer.alloc(100_000, "x")));
			const data = recordsIn(await capture(server)).filter((record) => record.type === 23);
			const outcome = await connect(await proxyPeer(server, flip((data[1]?.offset ?? 0) + 100)));
			assert.equal(outcome.code, "tls.protocol");
			assert.equal(outcome.received, 16384);
		});
		it("in what the device sends: the server's alert is told", async () => {
			const server = await nodePeer(issued, tls12, () => undefined);
			const proxy = await proxyPeer(server, (bytes) => bytes, {
				tamperClient: (bytes, offset) => (bytes[0] === 23 ? flip(offset + 20)(bytes, offset) : bytes),
			});
			const outcome = await connectOnce({ port: proxy.port, serverName, ca, send: "hello" });
			assert.equal(outcome.opened, true);
			assert.equal(outcome.code, "tls.alert");
			assert.match(outcome.message ?? "", /bad record MAC/);
		});
	});

	it("a server that wants to renegotiate does not get its way", async () => {
		const peer = await opensslPeer(issued, ["-tls1_2", "-legacy_renegotiation"]);
		const seen: Buffer[] = [];
		const proxy = await proxyPeer(peer, (bytes) => bytes, { seen });
		const outcome = connectOnce({ port: proxy.port, serverName, ca, send: "ask me\n" });
		const clientRecords = (): readonly number[] => recordsIn(Buffer.concat(seen)).map(({ type }) => type);
		await eventually(() => peer.output.includes("ask me"));
		peer.type("R\n");
		await eventually(() => clientRecords().includes(21));
		peer.type("Q\n");
		const { code } = await outcome;
		// ClientHello, key exchange, change of cipher, Finished, data, and the warning that there will be no renegotiation.
		assert.deepEqual(clientRecords().slice(0, 6), [22, 22, 20, 22, 23, 21]);
		assert.equal(clientRecords().filter((type) => type === 22).length, 3);
		// What the server makes of the refusal is its own affair.
		assert.match(code ?? "", /^(net\.closed|tls\.truncated|tls\.alert)$/);
	});
});

/** Position of the last byte of a handshake message that is not encrypted. */
function lastByteOfMessage(stream: Buffer, type: number): number {
	const positions: number[] = [];
	for (const record of recordsIn(stream)) {
		if (record.type !== 22) break;
		for (let index = 0; index < record.length; index++) positions.push(record.offset + 5 + index);
	}
	const byte = (at: number): number => stream.readUInt8(positions[at] ?? 0);
	for (let at = 0; at + 4 <= positions.length; ) {
		const length = (byte(at + 1) << 16) | (byte(at + 2) << 8) | byte(at + 3);
		if (byte(at) === type) return positions[at + 3 + length] ?? 0;
		at += 4 + length;
	}
	throw new Error(`no message ${type}`);
}
