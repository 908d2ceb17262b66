/** TLS: client certificates, given and not given. */
import assert from "node:assert/strict";
import { createPrivateKey } from "node:crypto";
import type { TlsOptions } from "node:tls";
import { type Authority, createAuthority, days, type Issued, type KeyKind } from "../pki/pki";
import { closePeers, connectOnce, endSoon, nodePeer, type Outcome, opensslPeer, type Peer } from "./tls-peers";

const serverName = "server.test";

describe("tls: client certificates", function () {
	this.timeout(30_000);
	let root: Authority;
	let devices: Authority;
	let intermediate: Authority;
	let stranger: Authority;
	let issued: Issued;
	before(async () => {
		root = await createAuthority({ name: "Root" });
		devices = await createAuthority({ name: "Devices" });
		intermediate = await devices.createAuthority({ name: "Devices, batch 7" });
		stranger = await createAuthority({ name: "Stranger" });
		issued = await root.issue({ names: [serverName] });
	});
	afterEach(closePeers);

	/** Says whom it sees. */
	const asking = (options: TlsOptions): Promise<Peer> =>
		nodePeer(issued, { requestCert: true, ca: devices.certPEM, maxVersion: "TLSv1.2", ...options }, (socket) =>
			endSoon(socket, `${socket.authorized} ${socket.getPeerCertificate().subject?.CN ?? "nobody"}`),
		);
	const connect = (peer: Peer, client?: Pick<Issued, "chainPEM" | "keyPEM">): Promise<Outcome> =>
		connectOnce({
			port: peer.port,
			serverName,
			ca: root.certPEM,
			...(client === undefined ? {} : { certificate: client.chainPEM, key: client.keyPEM }),
		});
	const device = (key: KeyKind = "ec", authority = devices): Promise<Issued> =>
		authority.issue({ commonName: "device-1", usage: ["client"], key });

	for (const key of ["ec", "p-384", "rsa", "rsa-3072"] as const) {
		it(`given: ${key}`, async () => {
			const outcome = await connect(await asking({ rejectUnauthorized: true }), await device(key));
			assert.deepEqual([outcome.text, outcome.code], ["true device-1", "net.closed"]);
		});
	}
	it("given: below an intermediate that the server does not have", async () => {
		const outcome = await connect(await asking({ rejectUnauthorized: true }), await device("ec", intermediate));
		assert.equal(outcome.text, "true device-1");
	});
	it("given: the key as PKCS#1 and as SEC 1", async () => {
		for (const [key, type] of [
			["rsa", "pkcs1"],
			["ec", "sec1"],
		] as const) {
			const client = await device(key);
			const keyPEM = createPrivateKey(client.keyPEM).export({ type, format: "pem" }).toString();
			const outcome = await connect(await asking({ rejectUnauthorized: true }), { ...client, keyPEM });
			assert.equal(outcome.text, "true device-1");
		}
	});
	it("given: as a Key of fleetling/crypto", async () => {
		for (const key of ["rsa", "ec"] as const) {
			const client = await device(key);
			const peer = await asking({ rejectUnauthorized: true });
			const outcome = await connectOnce({
				...{ port: peer.port, serverName, ca: root.certPEM },
				...{ certificate: client.chainPEM, key: client.keyPEM, asKey: true },
			});
			assert.equal(outcome.text, "true device-1");
		}
	});
	it("given to a server that does not ask", async () => {
		const outcome = await connect(await asking({ requestCert: false }), await device());
		assert.equal(outcome.text, "false nobody");
	});
	it("asked for, not given, and not insisted on", async () => {
		const outcome = await connect(await asking({ rejectUnauthorized: false }));
		assert.deepEqual([outcome.text, outcome.code], ["false nobody", "net.closed"]);
	});
	it("insisted on and not given: Node", async () => {
		const outcome = await connect(await asking({ rejectUnauthorized: true }));
		assert.match(outcome.code ?? "", /^tls\.(handshake|refused)$/, outcome.message);
		assert.match(outcome.message ?? "", /client certificate/);
	});

	const insisting = (): Promise<Peer> =>
		opensslPeer(issued, ["-tls1_2", "-Verify", "3", "-verify_return_error", "-CAfile", "devices.pem", "-www"], {
			"devices.pem": Buffer.from(devices.certPEM),
		});
	it("insisted on and not given: OpenSSL", async () => {
		const outcome = await connect(await insisting());
		assert.match(outcome.code ?? "", /^tls\.(handshake|refused)$/, outcome.message);
		assert.match(outcome.message ?? "", /client certificate/);
	});
	it("of an authority that the server does not know", async () => {
		const outcome = await connect(await insisting(), await device("ec", stranger));
		assert.equal(outcome.code, "tls.refused");
		assert.match(outcome.message ?? "", /unknown CA.*Configure a client certificate that the server accepts/);
	});
	it("expired", async () => {
		const old = await devices.issue({ commonName: "device-1", usage: ["client"], notBefore: days(-9), notAfter: days(-2) });
		const outcome = await connect(await insisting(), old);
		assert.equal(outcome.code, "tls.refused");
		assert.match(outcome.message ?? "", /certificate expired/);
	});
	it("for servers, not for clients", async () => {
		const outcome = await connect(await insisting(), await devices.issue({ names: ["device-1"], usage: ["server"] }));
		assert.equal(outcome.code, "tls.refused");
	});
});
