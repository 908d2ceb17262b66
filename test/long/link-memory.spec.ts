/** A thousand connections leave the heap where it was, however they end. */
import assert from "node:assert/strict";
import { assertNoGrowth, assertOpenCost } from "../integration/growth";
import { createAuthority } from "../pki/pki";
import type { DeviceLink } from "../servers/rdfm/device-link";
import { RdfmServer } from "../servers/rdfm/server";
import { TestDevice } from "../servers/rdfm/spec/device";
import { runXS } from "../xs/driver";

/** Where parts of files go. */
let storage = "";

function sendPart(link: DeviceLink, file: string): void {
	link.send({ method: "fs_file_download", id: "3", file, part_size: 1_000, upload_urls: [`${storage}/part`] });
}

/** What the server does with one connection after the other. */
const acts: readonly ((link: DeviceLink) => void)[] = [
	() => undefined,
	() => undefined,
	(link) => link.drop(),
	(link) => link.crash(),
	(link) => link.close([1000, ""]),
	(link) => link.close([4001, "Invalid execution x"]),
	(link) => link.close([1008, "Ping/Pong timeout"]),
	(link) => link.send({ method: "dance" }),
	(link) => link.raw("{"),
	(link) => link.raw(JSON.stringify({ method: "alert", alert: { message: "x".repeat(3000) } }), 100),
	(link) => link.raw("x".repeat(10_000)),
	(link) => link.send({ method: "fs_file_probe", id: "1", file: "/log" }),
	(link) => link.send({ method: "fs_file_probe", id: "2", file: "/../log" }),
	(link) => sendPart(link, "/log"),
	(link) => sendPart(link, "/nothing"),
	(link) => {
		sendPart(link, "/log");
		link.drop();
	},
	(link) => link.send({ method: "action_exec", execution_id: "1", action_id: "rdfm.builtins.trigger_update_check" }),
];

function suite(name: string, secure: boolean, rounds: number, each: number): void {
	it(`is the same after ${rounds * each} connections, ${name}`, async () => {
		const authority = await createAuthority({ name: "Test root", key: "ec" });
		const { keyPEM, chainPEM } = await authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
		const server = new RdfmServer();
		await server.start(secure ? { tls: { key: keyPEM, cert: chainPEM } } : {});
		storage = `${server.url}/local_storage_multipart/parts`;
		const parts = secure ? { ca: authority.certPEM } : {};
		const device = await new TestDevice(server, "link", "1.0.0", parts).enrol();
		let count = 0;
		server.management.events.on("link", (link) => {
			const act = acts[count++ % acts.length];
			void link.until("capability_report").then(
				() => act?.(link),
				() => undefined,
			);
		});
		const program = await runXS({
			main: "test/integration/programs/link-memory.ts",
			parameters: { url: server.url, token: device.token, rounds, each, ...parts },
			timeout: 110_000,
		});
		const end = await program.done;
		await server.stop();
		assert.equal(end.timedOut, false, `it hung:\n${JSON.stringify(program.events.slice(-3))}`);
		assert.equal(end.code, 0, end.output);
		assert.ok(count >= rounds * each, `${count} connections`);
		assertNoGrowth(program, rounds / 2);
		assertOpenCost(program, { slots: 16_384, chunks: 4_096 });
	});
}

describe("management link: memory", function () {
	this.timeout(120_000);
	suite("plain", false, 10, 100);
	// More rounds than it needs to be the same: the machine takes blocks of 96 slots until it has what its busiest moment needs.
	suite("over TLS", true, 10, 50);
});
