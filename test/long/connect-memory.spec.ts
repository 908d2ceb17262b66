/** Hundreds of connections of Mender's device connect leave the heap where it was, whatever was open in them and however they end. */
import assert from "node:assert/strict";
import { type AddressInfo, createServer } from "node:net";
import { assertNoGrowth, assertOpenCost } from "../integration/growth";
import { createAuthority } from "../pki/pki";
import type { DeviceConnection } from "../servers/mender/device-connect";
import { encode, Int64, Uint16 } from "../servers/mender/protomsg";
import { MenderServer } from "../servers/mender/server";
import { runXS } from "../xs/driver";

/** Where connections are forwarded to. */
let echo = 0;

function terminal(connection: DeviceConnection): void {
	const session = connection.open("somebody");
	session.send({ proto: 1, typ: "new", props: { terminal_height: 50, terminal_width: 132 } });
	session.send({ proto: 1, typ: "shell", body: Buffer.from("help\r") });
}

function upload(connection: DeviceConnection): void {
	const session = connection.open("somebody");
	session.send({ proto: 2, typ: "put_file", body: encode({ path: "/files/b" }) });
	session.send({ proto: 2, typ: "file_chunk", props: { offset: new Int64(0) }, body: Buffer.alloc(4_096) });
}

function forward(connection: DeviceConnection, port: number): void {
	const session = connection.open("somebody");
	const props = { connection_id: "c1" };
	session.send({
		proto: 3,
		typ: "new",
		props,
		body: encode({ protocol: "tcp", remote_host: "127.0.0.1", remote_port: new Uint16(port) }),
	});
	session.send({ proto: 3, typ: "forward", props, body: Buffer.alloc(4_000) });
}

const ask = (connection: DeviceConnection, typ: string, path: string): void =>
	connection.open("somebody").send({ proto: 2, typ, body: encode({ path }) });

/** What the server does with one connection after the other. */
const acts: readonly ((connection: DeviceConnection) => void)[] = [
	() => undefined,
	() => undefined,
	(connection) => connection.drop(),
	(connection) => connection.close(),
	(connection) => connection.close(1011, "internal error"),
	(connection) => connection.raw(Buffer.from("c1", "hex")),
	(connection) => connection.raw("text"),
	(connection) => connection.raw(Buffer.alloc(8_000)),
	(connection) => connection.raw(Buffer.alloc(9_000)),
	(connection) => connection.open("somebody").send({ proto: 0xffff, typ: "open", body: encode({ versions: [1] }) }),
	(connection) => connection.command("check-update", "somebody"),
	(connection) => connection.send({ proto: 77, typ: "x", sid: "x" }),
	terminal,
	(connection) => {
		terminal(connection);
		connection.drop();
	},
	(connection) => ask(connection, "stat", "/log"),
	(connection) => ask(connection, "get_file", "/files/a.bin"),
	(connection) => ask(connection, "get_file", "/files/none"),
	upload,
	(connection) => {
		upload(connection);
		connection.drop();
	},
	(connection) => forward(connection, echo),
	(connection) => forward(connection, 1),
];

function suite(name: string, secure: boolean, rounds: number, each: number): void {
	it(`is the same after ${rounds * each} connections, ${name}`, async () => {
		const authority = await createAuthority({ name: "Test root", key: "ec" });
		const { keyPEM, chainPEM } = await authority.issue({ names: ["localhost"], ips: ["127.0.0.1"] });
		const server = new MenderServer();
		await server.start(secure ? { tls: { key: keyPEM, cert: chainPEM } } : {});
		const other = createServer((socket) => socket.on("error", () => undefined).pipe(socket));
		await new Promise<void>((resolve) => other.listen(0, "127.0.0.1", resolve));
		echo = (other.address() as AddressInfo).port;
		const parts = secure ? { ca: authority.certPEM } : {};
		const { device, set } = server.devices.show({ mac: "connect" }, "its key");
		set.status = "accepted";
		const token = server.tokens.issue(device, set);
		let count = 0;
		server.connect.events.on("connected", (connection) => acts[count++ % acts.length]?.(connection));
		const program = await runXS({
			main: "test/integration/programs/connect-memory.ts",
			parameters: { url: server.url, token, rounds, each, ...parts },
			timeout: 110_000,
		});
		const end = await program.done;
		await server.stop();
		other.close();
		assert.equal(end.timedOut, false, `it hung:\n${JSON.stringify(program.events.slice(-3))}`);
		assert.equal(end.code, 0, end.output);
		assert.ok(count >= rounds * each, `${count} connections`);
		assertNoGrowth(program, rounds / 2);
		assert.equal(program.events.at(-1)?.open, 0, "a file is still open");
		assertOpenCost(program, { slots: 16_384, chunks: 4_096 });
	});
}

describe("device connect: memory of many", function () {
	this.timeout(120_000);
	suite("plain", false, 10, 50);
	suite("over TLS", true, 10, 30);
});
