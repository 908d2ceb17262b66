/** TLS: large transfers both ways, in order and complete, and back-pressure both ways. */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import type { TLSSocket } from "node:tls";
import { type Authority, createAuthority, type Issued } from "../pki/pki";
import { runXS } from "../xs/driver";
import { closePeers, connectOnce, endSoon, nodePeer, opensslPeer, proxyPeer, recordsIn } from "./tls-peers";

const serverName = "server.test";
const megabyte = 1 << 20;
/** TLS 1.2 with GCM: explicit nonce and tag. */
const recordOverhead = 24;
const largestRecord = 4096 + recordOverhead;

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");
const wait = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

describe("tls: data", function () {
	this.timeout(60_000);
	let root: Authority;
	let issued: Issued;
	let ca: string;
	before(async () => {
		root = await createAuthority({ name: "Root" });
		issued = await root.issue({ names: [serverName], key: "rsa" });
		ca = root.certPEM;
	});
	afterEach(closePeers);

	/** A server that takes everything and answers with the hash of it once `count` bytes have come. */
	const hashing = (count: number) => (socket: TLSSocket) => {
		const hash = createHash("sha256");
		let received = 0;
		socket.on("data", (data) => {
			hash.update(data);
			received += data.length;
			if (received >= count) socket.end(hash.digest("hex"));
		});
	};

	for (const suite of ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]) {
		it(`16 MiB down: ${suite}`, async () => {
			const bytes = randomBytes(16 * megabyte);
			const peer = await nodePeer(issued, { maxVersion: "TLSv1.2", ciphers: suite }, (socket) => endSoon(socket, bytes));
			const outcome = await connectOnce({ port: peer.port, serverName, ca });
			assert.equal(outcome.code, "net.closed");
			assert.equal(outcome.received, bytes.length);
			assert.equal(outcome.sha256, sha256(bytes));
			assert.match(
				outcome.cipherSuite ?? "",
				new RegExp(suite.replaceAll("-", "[-_].*").replace("AES128", "AES[-_]128").replace("AES256", "AES[-_]256")),
			);
		});
	}

	it("8 MiB down from OpenSSL's server", async () => {
		const bytes = randomBytes(8 * megabyte);
		// -HTTP sends files as they are: a header of their own would be in them.
		const peer = await opensslPeer(issued, ["-HTTP"], { "file.bin": bytes });
		const outcome = await connectOnce({ port: peer.port, serverName, ca, send: "GET /file.bin HTTP/1.0\r\n\r\n" });
		assert.equal(outcome.code, "net.closed");
		assert.equal(outcome.received, bytes.length);
		assert.equal(outcome.sha256, sha256(bytes));
	});

	it("in records of every small size", async () => {
		const parts = Array.from({ length: 700 }, (_, index) => randomBytes(1 + (index % 350)));
		const peer = await nodePeer(issued, {}, async (socket) => {
			for (const part of parts) await new Promise((done) => socket.write(part, done));
			socket.end();
		});
		const outcome = await connectOnce({ port: peer.port, serverName, ca });
		assert.equal(outcome.sha256, sha256(Buffer.concat(parts)));
		assert.equal(outcome.code, "net.closed");
	});

	for (const block of [16384, 4097, 4096, 1000, 10]) {
		const size = block > 100 ? 8 * megabyte + 123 : 20_000;
		it(`${size} bytes up, ${block} at a time, in records of at most 4096`, async () => {
			const seen: Buffer[] = [];
			const server = await nodePeer(issued, { maxVersion: "TLSv1.2" }, hashing(size));
			const proxy = await proxyPeer(server, (bytes) => bytes, { seen });
			const outcome = await connectOnce({ port: proxy.port, serverName, ca, upload: size, block });
			assert.equal(outcome.code, "net.closed");
			assert.equal(outcome.sent, size);
			assert.equal(outcome.text, outcome.uploaded);
			const lengths = recordsIn(Buffer.concat(seen)).flatMap(({ type, length }) => (type === 23 ? [length] : []));
			assert.ok(Math.max(...lengths) <= largestRecord, `${Math.max(...lengths)}`);
			assert.equal(
				lengths.reduce((sum, length) => sum + length - recordOverhead, 0),
				size,
			);
		});
	}

	it("4 MiB both ways at once", async () => {
		const size = 4 * megabyte;
		const peer = await nodePeer(issued, {}, (socket) => socket.pipe(socket));
		const outcome = await connectOnce({ port: peer.port, serverName, ca, upload: size, until: size });
		assert.equal(outcome.code, undefined);
		assert.equal(outcome.received, size);
		assert.equal(outcome.sha256, outcome.uploaded);
	});

	it("smaller records when asked for", async () => {
		const bytes = randomBytes(200_000);
		const received: Buffer[] = [];
		const seen: Buffer[] = [];
		const server = await opensslPeer(issued, ["-HTTP", "-tls1_2"], { "file.bin": bytes });
		const proxy = await proxyPeer(
			server,
			(data) => {
				received.push(data);
				return data;
			},
			{ seen },
		);
		const send = `GET /file.bin HTTP/1.0\r\nX-Padding: ${"x".repeat(3000)}\r\n\r\n`;
		const outcome = await connectOnce({ port: proxy.port, serverName, ca, maxFragmentLength: 1024, send });
		assert.equal(outcome.sha256, sha256(bytes));
		for (const stream of [received, seen]) {
			const lengths = recordsIn(Buffer.concat(stream)).flatMap(({ type, length }) => (type === 23 ? [length] : []));
			assert.ok(lengths.length >= 3 && Math.max(...lengths) <= 1024 + recordOverhead, `${Math.max(...lengths)}`);
		}
	});

	it("a slow reader holds the server back, and misses nothing", async () => {
		const bytes = randomBytes(48 * megabyte);
		const total = 64 * 1024;
		const chunk = 65_536;
		let taken = 0;
		const peer = await nodePeer(issued, {}, async (socket) => {
			for (let offset = 0; offset < bytes.length; offset += chunk) {
				await new Promise((done) => socket.write(bytes.subarray(offset, offset + chunk), done));
				taken += chunk;
			}
			socket.end();
		});
		const outcome = connectOnce({ port: peer.port, serverName, ca, slow: { bytes: 512, pause: 8, total } }, 60_000);
		while (taken === 0) await wait(10);
		await wait(400);
		// What lies between the two are the buffers of the system, which grow to several megabytes on loopback.
		const early = taken;
		await wait(100);
		const later = taken;
		assert.ok(later < 16 * megabyte, `${later} bytes were taken`);
		assert.ok(later - early < megabyte, `${later - early} bytes within 100 ms`);
		const { code, received, sha256: digest } = await outcome;
		assert.equal(code, "net.closed");
		assert.equal(received, bytes.length);
		assert.equal(digest, sha256(bytes));
	});

	it("a slow server holds the device back", async () => {
		const size = 48 * megabyte;
		const hash = createHash("sha256");
		let received = 0;
		let start: (() => void) | undefined;
		const started = new Promise<void>((done) => {
			start = done;
		});
		const peer = await nodePeer(issued, {}, (socket) => {
			socket.pause();
			void started.then(() => {
				socket.on("data", (data) => {
					hash.update(data);
					received += data.length;
					if (received === size) socket.end(hash.digest("hex"));
				});
				socket.resume();
			});
		});
		const connections = [{ port: peer.port, serverName, ca, upload: size }];
		const program = await runXS({
			main: "test/integration/programs/tls-client.ts",
			parameters: { connections },
			timeout: 60_000,
		});
		await program.waitFor((event) => "open" in event);
		await wait(500);
		program.send({});
		const { sent } = await program.waitFor((event) => "sent" in event);
		assert.ok(Number(sent) > 0 && Number(sent) < 16 * megabyte, `${String(sent)} bytes were taken`);
		start?.();
		const outcome = await program.waitFor((event) => "connection" in event);
		assert.equal(outcome.sent, size);
		assert.equal(outcome.text, outcome.uploaded);
		assert.equal((await program.done).code, 0);
	});

	it("the device's end is a goodbye", async () => {
		const seen: Buffer[] = [];
		const server = await nodePeer(issued, { maxVersion: "TLSv1.2" }, (socket) => socket.write("hello"));
		const proxy = await proxyPeer(server, (bytes) => bytes, { seen });
		const outcome = await connectOnce({ port: proxy.port, serverName, ca, until: 5 });
		assert.equal(outcome.text, "hello");
		assert.equal(outcome.code, undefined);
		await wait(50);
		const types = recordsIn(Buffer.concat(seen)).map(({ type }) => type);
		assert.deepEqual(types, [22, 22, 20, 22, 21]);
	});
});
