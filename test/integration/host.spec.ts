/** The host target: faults that end a boot, memory limits, sockets, timers, debugger. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import dgram from "node:dgram";
import { rmSync } from "node:fs";
import net from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { root } from "../../targets/host/tools/paths";
import { writeProgram } from "../../targets/host/tools/program";
import { prepareRuntime, runXS } from "../xs/driver";

const faults = "test/integration/programs/host-faults.ts";
const network = "test/integration/programs/host-network.ts";

async function listen(server: net.Server): Promise<number> {
	await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
	return (server.address() as net.AddressInfo).port;
}

describe("host: faults end the boot and say where", () => {
	const expected: readonly (readonly [string, RegExp])[] = [
		["exception", /unhandled rejection: RangeError: thrown on purpose[\s\S]*host-faults\.ts:11\b/],
		["rejection", /unhandled rejection: TypeError: rejected on purpose[\s\S]*host-faults\.ts:14\b/],
		["late", /unhandled exception: Error: in a timer[\s\S]*host-faults\.ts:28\b/],
		["overflow", /panic: stack overflow/],
	];
	for (const [fault, pattern] of expected) {
		it(fault, async () => {
			const program = await runXS({ main: faults, parameters: { fault } });
			const end = await program.done;
			assert.equal(end.code, 70);
			assert.match(end.output, pattern);
			assert.match(end.output, /panic: slots \d+ of peak \d+, chunks \d+ of peak \d+, stack peak \d+, limit \d+ bytes/);
		});
	}
	it("memory beyond the manifest's limit", async () => {
		const program = await runXS({
			main: faults,
			parameters: { fault: "memory" },
			arguments: ["--limits"],
			creation: { static: 1 << 20 },
		});
		const end = await program.done;
		assert.equal(end.code, 70);
		assert.match(end.output, /panic: memory full/);
		const limit = Number(end.output.match(/limit (\d+) bytes/)?.[1]);
		const used = Number(end.output.match(/chunks (\d+) of/)?.[1]) + Number(end.output.match(/slots (\d+) of/)?.[1]);
		assert.ok(limit >= 1 << 20 && used <= limit, `${used} bytes of ${limit}`);
	});
	it("built-ins are frozen as on a device", async () => {
		const program = await runXS({ main: faults, parameters: { fault: "patch" } });
		const event = await program.waitFor((found) => "patched" in found);
		assert.equal(event.patched, false);
		assert.match(String(event.error), /TypeError/);
	});
	it("a hang meets the watchdog", async () => {
		const program = await runXS({ main: faults, parameters: { fault: "hang" }, arguments: ["--watchdog", "1"], timeout: 8000 });
		await program.waitFor((found) => found.event === "reset" && found.reason === "watchdog");
		program.kill();
		assert.match((await program.done).output, /task_wdt/);
	});
});

describe("host: tethered", () => {
	const alive = (pid: number): boolean => {
		try {
			return process.kill(pid, 0);
		} catch {
			return false;
		}
	};

	it("ends when the process that started it is killed", async function () {
		this.timeout(60_000);
		const runtime = await prepareRuntime();
		const archive = writeProgram(join(root, faults));
		const parameters = JSON.stringify({ mode: "program", parameters: { fault: "hang" } });
		for (const tethered of [true, false]) {
			const run = ["--archive", archive, "--watchdog", "0", "--parameters", parameters, ...(tethered ? ["--tethered"] : [])];
			const parent = spawn("sh", ["-c", '"$@" & echo $!; wait', "sh", runtime, ...run], { stdio: ["ignore", "pipe", "ignore"] });
			const [pid = 0] = await new Promise<number[]>((found) =>
				createInterface({ input: parent.stdout }).once("line", (text) => found([Number(text)])),
			);
			await pause(500);
			assert.ok(alive(pid), "it runs");
			parent.kill("SIGKILL");
			for (let tries = 0; tethered && alive(pid) && tries < 100; tries++) await pause(50);
			await pause(tethered ? 0 : 500);
			assert.equal(alive(pid), !tethered, tethered ? "it outlived its parent" : "the option makes the difference");
			if (!tethered) process.kill(pid, "SIGKILL");
		}
		rmSync(archive);
	});
});

describe("host: network", () => {
	const run = (test: string, port = 0): ReturnType<typeof runXS> => runXS({ main: network, parameters: { test, port } });

	it("TCP carries bytes both ways and closes twice without harm", async () => {
		const server = net.createServer((socket) => socket.pipe(socket));
		const program = await run("echo", await listen(server));
		const event = await program.waitFor((found) => "received" in found);
		assert.equal(event.received, 300_000);
		let sum = 0;
		for (let i = 0; i < 300_000; i++) sum = (sum + (i & 255)) >>> 0;
		assert.equal(event.sum, sum);
		assert.match(String(event.remote), /^127\.0\.0\.1:\d+$/);
		assert.equal((await program.done).code, 0);
		server.close();
	});
	it("a reader that waits holds its peer back and loses nothing", async () => {
		const total = 8_000_000;
		const server = net.createServer((socket) => {
			socket.end(Buffer.alloc(total, 7));
		});
		const program = await run("slow", await listen(server));
		assert.equal((await program.waitFor((found) => "received" in found)).received, total);
		server.close();
	});
	it("a refused connection is an error", async () => {
		const server = net.createServer();
		const port = await listen(server);
		await new Promise((done) => server.close(done));
		const program = await run("refused", port);
		assert.match(String((await program.waitFor((found) => "error" in found)).error), /refused/i);
	});
	it("writing more than was announced throws", async () => {
		const server = net.createServer((socket) => socket.on("error", () => undefined).resume());
		const program = await run("overwrite", await listen(server));
		const event = await program.waitFor((found) => "error" in found);
		assert.match(String(event.error), /would block/);
		assert.equal(event.count, 8192);
		server.close();
	});
	it("refuses wrong options", async () => {
		const program = await run("options");
		await program.done;
		assert.equal(program.events.filter((event) => "refused" in event).length, 4);
		assert.equal(program.events.filter((event) => "accepted" in event).length, 0);
	});
	it("listens and accepts", async () => {
		const program = await run("listen");
		const { port } = await program.waitFor((found) => "port" in found);
		const socket = net.connect(Number(port), "127.0.0.1");
		socket.write("hello");
		const answer = await new Promise<Buffer>((done) => socket.once("data", done));
		assert.equal(answer.toString(), "hello");
		socket.end();
		await program.waitFor((found) => found.closed === true);
	});
	it("UDP sends and receives", async () => {
		const peer = dgram.createSocket("udp4");
		await new Promise<void>((done) => peer.bind(0, "127.0.0.1", done));
		peer.on("message", (_, from) => peer.send("pong", from.port, from.address));
		const port = peer.address().port;
		const program = await run("udp", port);
		const event = await program.waitFor((found) => "text" in found);
		assert.deepEqual([event.text, event.from], ["pong", `127.0.0.1:${port}`]);
		peer.close();
	});
	it("resolves names and says when it cannot", async function () {
		// How long the system takes to give up on a name is its own affair: 5 s for each of its servers, twice.
		this.timeout(90_000);
		const program = await runXS({ main: network, parameters: { test: "dns" }, timeout: 80_000 });
		const { results } = (await program.waitFor((found) => "results" in found)) as {
			results?: { name: string; address?: string; error?: true }[];
		};
		const byName = new Map(results?.map((result) => [result.name, result]));
		assert.equal(byName.get("localhost")?.address, "127.0.0.1");
		assert.equal(byName.get("no-such-host.invalid")?.error, true);
	});
});

describe("host: timers", () => {
	it("run in order, repeat, move and clear", async () => {
		const program = await runXS({ main: network, parameters: { test: "timers" } });
		assert.deepEqual((await program.waitFor((found) => "order" in found)).order, ["a", "b", "repeated", "moved"]);
	});
	it("end without leaving anything behind", async () => {
		const program = await runXS({ main: network, parameters: { test: "many" } });
		assert.equal((await program.done).code, 0);
	});
});

describe("host: xsbug", () => {
	it("the debugger can attach: login, instruments, console", async () => {
		let text = "";
		const server = net.createServer((socket) => {
			socket.on("data", (data) => {
				text += data.toString();
				// What xsbug answers to a login: breakpoints (none), then go.
				if (text.includes("<login")) socket.write("\r\n<set-all-breakpoints></set-all-breakpoints>\r\n\r\n<go/>\r\n");
			});
			socket.on("error", () => undefined);
		});
		const port = await listen(server);
		const program = await runXS({
			main: network,
			parameters: { test: "timers" },
			environment: { XSBUG_HOST: `127.0.0.1:${port}` },
		});
		await program.waitFor((found) => "order" in found);
		await program.done;
		assert.match(text, /<xsbug><login name="device" value="XS"\/><\/xsbug>/);
		server.close();
	});
});
