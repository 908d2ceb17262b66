/** TLS: a thousand connections of all kinds leave no memory behind, neither in the machine nor in the native heap. */
import assert from "node:assert/strict";
import { createAuthority } from "../pki/pki";
import { runXS } from "../xs/driver";
import { closePeers, nodePeer, tcpPeer } from "./tls-peers";

describe("tls: memory", function () {
	this.timeout(120_000);
	afterEach(closePeers);

	it("a thousand connections later it is where it was", async () => {
		const root = await createAuthority({ name: "Root" });
		const issued = await root.issue({ names: ["server.test"] });
		const client = await root.issue({ commonName: "device", usage: ["client"] });
		const parameters = {
			ca: root.certPEM,
			certificate: client.chainPEM,
			key: client.keyPEM,
			good: (await nodePeer(issued, { requestCert: true, rejectUnauthorized: false })).port,
			noise: (await tcpPeer((socket) => socket.end("this is not TLS"))).port,
			closing: (await tcpPeer((socket) => socket.end())).port,
			warmUp: 100,
			connections: 1000,
		};
		const program = await runXS({ main: "test/integration/programs/tls-leaks.ts", parameters, timeout: 110_000 });
		const end = await program.done;
		assert.equal(end.code, 0, end.output);
		const before = program.events.find(({ event }) => event === "before");
		const after = program.events.find(({ event }) => event === "after");
		assert.ok(before && after);
		const growth = (name: string): number => Number(after[name]) - Number(before[name]);
		assert.deepEqual(after.outcomes, {
			"full: net.closed": 110,
			"resumed: net.closed": 440,
			"identified: net.closed": 110,
			"wrong-name: tls.wrong-name": 110,
			"noise: tls.garbage": 110,
			"closing: tls.closed": 110,
			"left: closed here": 110,
		});
		// One outcome more or less in the table, and a session whose ticket is longer: nothing that depends on the count.
		assert.ok(growth("slots") <= 2048, `slots grew by ${growth("slots")} bytes`);
		assert.ok(growth("chunks") <= 1024, `chunks grew by ${growth("chunks")} bytes`);
		assert.ok(growth("native") <= 4096, `the native heap grew by ${growth("native")} bytes`);
	});
});
