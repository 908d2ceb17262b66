/** TLS: whom a device talks to and whom it refuses. Every case against Node's tls module and against OpenSSL's server. */
import assert from "node:assert/strict";
import { type Authority, createAuthority, days, generateKey, type Issued, selfSign } from "../pki/pki";
import type { Connection } from "./programs/tls-connection";
import { closePeers, connectOnce, nodePeer, opensslPeer, type Peer } from "./tls-peers";

/** Authorities are made once: they are the expensive part. */
interface World {
	readonly rsa: Authority;
	readonly ec: Authority;
	readonly other: Authority;
	readonly rsaIntermediate: Authority;
	readonly ecIntermediate: Authority;
}

let world: World;

interface Case {
	readonly name: string;
	readonly server: () => Promise<Issued>;
	readonly ca: () => string;
	/** "server.test" unless told. */
	readonly serverName?: string;
	/** Expected: "net.closed" is a connection that was open and ended in good order. */
	readonly code: string;
	readonly text?: RegExp;
	readonly options?: Partial<Connection>;
	/** OpenSSL's own security level forbids it to serve such a certificate. */
	readonly securityLevel?: 0;
}

const names = ["server.test"];
const rsaRoot = (): string => world.rsa.certPEM;
const ecRoot = (): string => world.ec.certPEM;

const accepted: readonly Case[] = [
	{ name: "an RSA chain, leaf only", server: () => world.rsa.issue({ names, key: "rsa" }), ca: rsaRoot, code: "net.closed" },
	{ name: "an EC chain, leaf only", server: () => world.ec.issue({ names }), ca: ecRoot, code: "net.closed" },
	{ name: "an EC leaf below an RSA root", server: () => world.rsa.issue({ names }), ca: rsaRoot, code: "net.closed" },
	{
		name: "an RSA chain with an intermediate",
		server: () => world.rsaIntermediate.issue({ names, key: "rsa" }),
		ca: rsaRoot,
		code: "net.closed",
	},
	{
		name: "an EC chain with an intermediate",
		server: () => world.ecIntermediate.issue({ names }),
		ca: ecRoot,
		code: "net.closed",
	},
	{
		name: "a chain of four",
		server: async () => (await world.ecIntermediate.createAuthority({ name: "Second intermediate" })).issue({ names }),
		ca: ecRoot,
		code: "net.closed",
	},
	{
		name: "a chain that comes with its root",
		server: async () => {
			const issued = await world.ecIntermediate.issue({ names });
			return { ...issued, chainPEM: issued.chainPEM + world.ec.certPEM };
		},
		ca: ecRoot,
		code: "net.closed",
	},
	{
		name: "a root that is one of several trusted",
		server: () => world.ec.issue({ names }),
		ca: () => world.other.certPEM + world.rsa.certPEM + world.ec.certPEM,
		code: "net.closed",
	},
	{ name: "P-384", server: () => world.ec.issue({ names, key: "p-384", hash: "SHA-384" }), ca: ecRoot, code: "net.closed" },
	{ name: "P-521", server: () => world.ec.issue({ names, key: "p-521", hash: "SHA-512" }), ca: ecRoot, code: "net.closed" },
	{
		name: "RSA-3072 with SHA-512",
		server: () => world.rsa.issue({ names, key: "rsa-3072", hash: "SHA-512" }),
		ca: rsaRoot,
		code: "net.closed",
	},
	{
		name: "one of several names",
		server: () => world.ec.issue({ names: ["a.test", "server.test"] }),
		ca: ecRoot,
		code: "net.closed",
	},
	{ name: "a name in other letters", server: () => world.ec.issue({ names: ["SERVER.Test"] }), ca: ecRoot, code: "net.closed" },
	{
		name: "a name with a final dot",
		server: () => world.ec.issue({ names }),
		ca: ecRoot,
		serverName: "server.test.",
		code: "net.closed",
	},
	{ name: "a wildcard", server: () => world.ec.issue({ names: ["*.test"] }), ca: ecRoot, code: "net.closed" },
	{
		name: "an IPv4 address",
		server: () => world.ec.issue({ ips: ["10.0.0.1", "127.0.0.1"] }),
		ca: ecRoot,
		serverName: "127.0.0.1",
		code: "net.closed",
	},
	{
		name: "an IPv6 address",
		server: () => world.ec.issue({ ips: ["fd00::7"] }),
		ca: ecRoot,
		serverName: "fd00:0::7",
		code: "net.closed",
	},
	{ name: "no extended key usage", server: () => world.ec.issue({ names, usage: [] }), ca: ecRoot, code: "net.closed" },
	{ name: "no key usage", server: () => world.ec.issue({ names, keyUsage: [] }), ca: ecRoot, code: "net.closed" },
	{
		name: "a certificate for servers and clients",
		server: () => world.ec.issue({ names, usage: ["client", "server"] }),
		ca: ecRoot,
		code: "net.closed",
	},
	{
		name: "a certificate that is itself trusted",
		server: async () => (pinned = await selfSign({ names })),
		ca: () => pinned.certPEM,
		code: "net.closed",
	},
];
let pinned: Issued;

const refused: readonly Case[] = [
	{
		name: "a wrong name",
		server: () => world.ec.issue({ names: ["other.test"] }),
		ca: ecRoot,
		code: "tls.wrong-name",
		text: /«CN=other\.test» of server\.test \(127\.0\.0\.1 port \d+\) does not name server\.test\./,
	},
	{
		name: "a name below the certificate's",
		server: () => world.ec.issue({ names: ["test"] }),
		ca: ecRoot,
		code: "tls.wrong-name",
	},
	{
		name: "a wildcard for another domain",
		server: () => world.ec.issue({ names: ["*.example"] }),
		ca: ecRoot,
		code: "tls.wrong-name",
	},
	{
		name: "a wildcard for two labels",
		server: () => world.ec.issue({ names: ["*.test"] }),
		ca: ecRoot,
		serverName: "a.b.test",
		code: "tls.wrong-name",
	},
	{
		name: "a wildcard for its own domain",
		server: () => world.ec.issue({ names: ["*.server.test"] }),
		ca: ecRoot,
		code: "tls.wrong-name",
	},
	{
		name: "a common name beside other names",
		server: () => world.ec.issue({ commonName: "server.test", names: ["a.test"] }),
		ca: ecRoot,
		code: "tls.wrong-name",
	},
	{
		name: "another IP address",
		// The second begins with the four bytes that are wanted.
		server: () => world.ec.issue({ ips: ["127.0.0.2", "7f00:1::"] }),
		ca: ecRoot,
		serverName: "127.0.0.1",
		code: "tls.wrong-name",
	},
	{
		name: "an IPv4 address where IPv6 is wanted",
		server: () => world.ec.issue({ ips: ["0.0.0.1"] }),
		ca: ecRoot,
		serverName: "::1",
		code: "tls.wrong-name",
	},
	{
		name: "an IP address as a DNS name",
		server: () => world.ec.issue({ names: ["127.0.0.1"] }),
		ca: ecRoot,
		serverName: "127.0.0.1",
		code: "tls.wrong-name",
	},
	{
		name: "an IP address as the common name only",
		server: () => world.ec.issue({ commonName: "127.0.0.1", withoutNames: true }),
		ca: ecRoot,
		serverName: "127.0.0.1",
		code: "tls.wrong-name",
	},
	{
		name: "an unknown CA",
		server: () => world.other.issue({ names }),
		ca: ecRoot,
		code: "tls.untrusted",
		text: /signed by «CN=Other root», which this device does not trust\. Configure the CA certificate/,
	},
	{
		name: "a CA of the same name with another key",
		server: async () => (await createAuthority({ name: "EC root" })).issue({ names }),
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "a self-signed certificate",
		server: () => selfSign({ names }),
		ca: ecRoot,
		code: "tls.untrusted",
		text: /is signed by itself/,
	},
	{
		name: "a self-signed certificate that calls itself a CA",
		server: () => selfSign({ names, ca: true, keyUsage: [] }),
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "a missing intermediate",
		server: async () => {
			const issued = await world.ecIntermediate.issue({ names });
			return { ...issued, chainPEM: issued.certPEM };
		},
		ca: ecRoot,
		code: "tls.untrusted",
		text: /«CN=EC intermediate».*let the server send its intermediates/,
	},
	{
		name: "an expired certificate",
		server: () => world.ec.issue({ names, notBefore: days(-20), notAfter: days(-2) }),
		ca: ecRoot,
		code: "tls.expired",
		text: /«CN=server\.test» of .* expired on \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; this device's clock says/,
	},
	{
		name: "an expired intermediate",
		server: async () =>
			(await world.ec.createAuthority({ name: "Old intermediate", notBefore: days(-20), notAfter: days(-2) })).issue({ names }),
		ca: ecRoot,
		code: "tls.expired",
		text: /«CN=Old intermediate»/,
	},
	{
		name: "an expired root",
		server: async () => {
			old = await createAuthority({ name: "Old root", notBefore: days(-20), notAfter: days(-2) });
			return old.issue({ names });
		},
		ca: () => old.certPEM,
		code: "tls.expired",
	},
	{
		name: "a certificate that will have expired at the time of the build",
		server: () => world.ec.issue({ names, notAfter: days(10) }),
		ca: ecRoot,
		options: { minimumDate: days(11).getTime() },
		code: "tls.expired",
	},
	{
		name: "a certificate that is not yet valid",
		server: () => world.ec.issue({ names, notBefore: days(2) }),
		ca: ecRoot,
		code: "tls.not-yet-valid",
		text: /is not valid before .* UTC; this device's clock says .* UTC\. Set the clock/,
	},
	{
		name: "a forged leaf followed by the genuine CA",
		server: async () => (await world.ec.impersonate()).issue({ names }),
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "a forged RSA leaf followed by the genuine CA",
		server: async () => (await world.rsa.impersonate()).issue({ names, key: "rsa" }),
		ca: rsaRoot,
		code: "tls.untrusted",
	},
	{
		name: "a forged leaf followed by the genuine intermediate",
		server: async () => (await world.ecIntermediate.impersonate()).issue({ names }),
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "a self-signed leaf followed by the genuine chain",
		server: async () => {
			const issued = await selfSign({ names });
			return { ...issued, chainPEM: issued.certPEM + world.ecIntermediate.intermediatesPEM + world.ec.certPEM };
		},
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "a leaf signed by another server's leaf",
		server: async () => {
			const pair = await generateKey("ec");
			const notCA = await world.ec.createAuthority({ name: "evil.test", ca: false });
			return notCA.issueFor(pair, { names });
		},
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "an intermediate that may not sign certificates",
		server: async () => (await world.ec.createAuthority({ name: "Not for signing", keyUsage: ["sign"] })).issue({ names }),
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "a chain longer than the library follows",
		server: async () => {
			let authority = world.ec;
			for (let count = 0; count < 10; count++) authority = await authority.createAuthority({ name: `Intermediate ${count}` });
			return authority.issue({ names });
		},
		ca: ecRoot,
		code: "tls.untrusted",
	},
	{
		name: "extended key usage for clients only",
		server: () => world.ec.issue({ names, usage: ["client"] }),
		ca: ecRoot,
		code: "tls.bad-usage",
		text: /extended key usage serverAuth/,
	},
	{
		name: "extended key usage for code signing",
		server: () => world.rsa.issue({ names, key: "rsa", usage: ["code-signing"] }),
		ca: rsaRoot,
		code: "tls.bad-usage",
	},
	{
		name: "a signature with SHA-1",
		server: () => world.rsa.issue({ names, key: "rsa", hash: "SHA-1" }),
		ca: rsaRoot,
		code: "tls.weak",
		securityLevel: 0,
	},
	{
		name: "RSA-1024",
		server: () => world.rsa.issue({ names, key: "rsa-1024" }),
		ca: rsaRoot,
		code: "tls.weak",
		securityLevel: 0,
	},
	{
		name: "expired, for another name and unknown: the worst is told",
		server: () => world.other.issue({ names: ["x.test"], notBefore: days(-20), notAfter: days(-2) }),
		ca: ecRoot,
		code: "tls.untrusted",
	},
];
let old: Authority;

const peers: Readonly<Record<string, (issued: Issued, level: 0 | undefined) => Promise<Peer>>> = {
	node: (issued, level) => nodePeer(issued, level === 0 ? { ciphers: "DEFAULT@SECLEVEL=0" } : {}),
	openssl: (issued, level) => opensslPeer(issued, ["-www", ...(level === 0 ? ["-cipher", "DEFAULT@SECLEVEL=0"] : [])]),
};

describe("tls: whom it talks to", function () {
	this.timeout(30_000);
	before(async () => {
		const rsa = await createAuthority({ name: "RSA root", key: "rsa" });
		const ec = await createAuthority({ name: "EC root" });
		world = {
			rsa,
			ec,
			other: await createAuthority({ name: "Other root" }),
			rsaIntermediate: await rsa.createAuthority({ name: "RSA intermediate", key: "rsa" }),
			ecIntermediate: await ec.createAuthority({ name: "EC intermediate" }),
		};
	});
	afterEach(closePeers);

	for (const [kind, serve] of Object.entries(peers)) {
		const check = (entry: Case): void => {
			it(entry.name, async () => {
				const peer = await serve(await entry.server(), entry.securityLevel);
				const outcome = await connectOnce({
					port: peer.port,
					serverName: entry.serverName ?? "server.test",
					ca: entry.ca(),
					// Node's server speaks first and hangs up: what is sent to it might meet a closed door and be answered by a reset.
					...(kind === "node" ? {} : { send: "GET / HTTP/1.0\r\n\r\n" }),
					...entry.options,
				});
				assert.equal(outcome.code, entry.code, outcome.message);
				assert.equal(outcome.opened ?? false, entry.code === "net.closed");
				if (entry.code !== "net.closed") assert.equal(outcome.received, 0);
				else assert.match(outcome.text, kind === "node" ? /^hello$/ : /^HTTP\/1\.0 200 ok/);
				if (entry.text) assert.match(outcome.message ?? "", entry.text);
			});
		};
		describe(`${kind}: accepts`, () => accepted.forEach(check));
		describe(`${kind}: refuses`, () => refused.forEach(check));
	}
});
