/** TLS: sessions are resumed where they may be, and nowhere else. */
import assert from "node:assert/strict";
import { constants } from "node:crypto";
import type { TLSSocket, TlsOptions } from "node:tls";
import { type Authority, createAuthority, days, type Issued } from "../pki/pki";
import type { Connection } from "./programs/tls-connection";
import { closePeers, connectXS, endSoon, nodePeer, type Outcome, opensslPeer, type Peer, proxyPeer } from "./tls-peers";

const serverName = "server.test";

describe("tls: sessions", function () {
	this.timeout(60_000);
	let root: Authority;
	let other: Authority;
	let issued: Issued;
	let ca: string;
	before(async () => {
		root = await createAuthority({ name: "Root" });
		other = await createAuthority({ name: "Other root" });
		issued = await root.issue({ names: [serverName, "others.test"], ips: ["127.0.0.1"], key: "rsa" });
		ca = root.certPEM;
	});
	afterEach(closePeers);

	/** A server that says whether it resumed; without tickets it keeps sessions itself. */
	function sessionPeer(tickets: boolean, options: TlsOptions = {}): Promise<Peer> {
		const serve = (socket: TLSSocket): void => {
			endSoon(socket, socket.isSessionReused() ? "resumed" : "full");
		};
		if (tickets) return nodePeer(issued, options, serve);
		return nodePeer(issued, { secureOptions: constants.SSL_OP_NO_TICKET, sessionIdContext: "test", ...options }, serve);
	}

	/** Two connections, of which the second offers the session of the first. */
	async function twice(
		peer: Peer,
		second: Partial<Connection> = {},
		first: Partial<Connection> = {},
	): Promise<readonly [Outcome, Outcome]> {
		const connection = { port: peer.port, serverName, ca };
		const outcomes = await connectXS([
			{ ...connection, ...first },
			{ ...connection, resume: 0, ...second },
		]);
		assert.ok(outcomes[0] && outcomes[1]);
		return [outcomes[0], outcomes[1]];
	}

	it("a second connection resumes by ticket", async () => {
		const [first, second] = await twice(await sessionPeer(true));
		assert.deepEqual([first.resumed, first.text], [false, "full"]);
		assert.deepEqual([second.resumed, second.text], [true, "resumed"]);
		// A ticket of OpenSSL's has about 200 bytes; without the server's certificate the rest is small.
		assert.ok(first.session > 100 && first.session < 400, `${first.session} bytes`);
	});
	it("a second connection resumes by session id", async () => {
		const peer = await opensslPeer(issued, ["-no_ticket", "-tls1_2", "-www"]);
		const [first, second] = await twice(peer, { send: "GET / HTTP/1.0\r\n\r\n" }, { send: "GET / HTTP/1.0\r\n\r\n" });
		assert.deepEqual([first.resumed, second.resumed], [false, true]);
		assert.ok(first.session > 100 && first.session < 200, `${first.session} bytes`);
	});
	it("a third resumes what the second brought", async () => {
		const peer = await sessionPeer(true);
		const connection = { port: peer.port, serverName, ca };
		const outcomes = await connectXS([connection, { ...connection, resume: 0 }, { ...connection, resume: 1 }]);
		assert.deepEqual(
			outcomes.map(({ resumed }) => resumed),
			[false, true, true],
		);
	});
	it("an address is as good as a name", async () => {
		const [, second] = await twice(await sessionPeer(true), { serverName: "127.0.0.1" }, { serverName: "127.0.0.1" });
		assert.equal(second.resumed, true);
	});
	it("takes a fraction of the bytes", async () => {
		const server = await sessionPeer(true);
		const counts: number[] = [];
		const proxy = await proxyPeer(server, (bytes, offset) => {
			if (offset === 0) counts.push(0);
			counts.push((counts.pop() ?? 0) + bytes.length);
			return bytes;
		});
		const [, second] = await twice(proxy);
		assert.equal(second.resumed, true);
		assert.ok((counts[1] ?? 0) * 3 < (counts[0] ?? 0), `${counts.join(" then ")} bytes`);
	});
	it("a server that keeps nothing brings no session", async () => {
		const peer = await nodePeer(issued, { secureOptions: constants.SSL_OP_NO_TICKET, sessionTimeout: 1 });
		const [first, second] = await twice(peer);
		assert.equal(second.resumed, false);
		assert.equal(second.code, "net.closed");
		assert.equal(first.code, "net.closed");
	});

	describe("is not resumed, and the handshake is a full one", () => {
		const damages: readonly (number | "cut" | "noise")[] = [
			0,
			1,
			4,
			5,
			12,
			13,
			28,
			29,
			45,
			50,
			60,
			100,
			150,
			200,
			"cut",
			"noise",
		];
		for (const damage of damages) {
			it(`damaged: ${damage}`, async () => {
				const [first, second] = await twice(await sessionPeer(true), { damage });
				assert.ok(typeof damage !== "number" || damage < first.session);
				assert.deepEqual([second.resumed, second.text, second.code], [false, "full", "net.closed"]);
			});
		}
		it("made with another name", async () => {
			// Of the same length: the name itself has to be what makes the difference.
			const [, second] = await twice(await sessionPeer(true), { serverName: "others.test" });
			assert.deepEqual([second.resumed, second.text], [false, "full"]);
		});
		it("made with an address, used with a name", async () => {
			const [, second] = await twice(await sessionPeer(true), {}, { serverName: "127.0.0.1" });
			assert.deepEqual([second.resumed, second.text], [false, "full"]);
		});
		it("made when other authorities were trusted", async () => {
			const [, second] = await twice(await sessionPeer(true), { ca: ca + other.certPEM });
			assert.deepEqual([second.resumed, second.text], [false, "full"]);
		});
		it("made without a client certificate", async () => {
			const client = await root.issue({ commonName: "device", usage: ["client"] });
			const [, second] = await twice(await sessionPeer(true), { certificate: client.chainPEM, key: client.keyPEM });
			assert.deepEqual([second.resumed, second.text], [false, "full"]);
		});
		it("unknown to the server", async () => {
			const peers = [await sessionPeer(true), await sessionPeer(true)];
			const [, second] = await twice(peers[0] as Peer, { port: (peers[1] as Peer).port });
			assert.deepEqual([second.resumed, second.text, second.code], [false, "full", "net.closed"]);
		});
		it("of an authority that is not trusted any more: refused", async () => {
			const [, second] = await twice(await sessionPeer(true), { ca: other.certPEM });
			assert.equal(second.code, "tls.untrusted");
		});
		it("when the certificate has expired since: refused", async () => {
			issued = await root.issue({ names: [serverName], notAfter: days(5) });
			const [first, second] = await twice(await sessionPeer(true), { minimumDate: days(6).getTime() });
			assert.equal(first.code, "net.closed");
			assert.equal(second.code, "tls.expired");
		});
	});
});
