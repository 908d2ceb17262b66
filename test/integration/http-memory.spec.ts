/** The HTTP client keeps nothing: a thousand connections that end in every possible way leave the heap where it was. */
import assert from "node:assert/strict";
import net from "node:net";
import { startRawByPath } from "../servers/raw/raw";
import { runXS } from "../xs/driver";
import { assertNoGrowth } from "./growth";

const ok = "HTTP/1.1 200 OK\r\n";

/** How the peer answers; what is not here is done by the program itself. */
const answers: Readonly<Record<string, string>> = {
	length: `${ok}Content-Length: 5\r\nX-Some: thing\r\n\r\nhello`,
	chunks: `${ok}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n`,
	close: `${ok}\r\nuntil the end`,
	long: `${ok}Content-Length: 100000\r\n\r\n${"x".repeat(100_000)}`,
	short: `${ok}Content-Length: 100\r\n\r\nshort`,
	half: `${ok}Content-Le`,
	malformed: "garbage\r\n\r\n",
	large: `${ok}X: ${"a".repeat(10_000)}\r\n\r\n`,
	surplus: `${ok}Content-Length: 2\r\n\r\nok${"surplus".repeat(100)}`,
	cancelled: `${ok}Content-Length: 100000\r\n\r\n${"x".repeat(50_000)}`,
	throws: `${ok}Content-Length: 2\r\n\r\nok`,
	nothing: "",
	reset: `${ok}Content-Length: 100\r\n\r\nreset`,
};
const ended = ["close", "short", "half", "nothing"];
const paths = [...Object.keys(answers), "silent", "refused"];

describe("http memory", () => {
	it("is the same after 1,000 connections", async () => {
		const server = await startRawByPath(async ({ path }, connection) => {
			const name = path.slice(1);
			const answer = answers[name];
			if (answer === undefined) return;
			connection.send(answer);
			if (ended.includes(name)) connection.end();
			if (name === "reset") connection.reset();
		});
		const closed = net.createServer();
		await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
		const { port: closedPort } = closed.address() as net.AddressInfo;
		await new Promise((resolve) => closed.close(resolve));
		const program = await runXS({
			main: "test/integration/programs/http-memory.ts",
			parameters: { port: server.port, closedPort, paths, rounds: 11 },
			timeout: 50_000,
		});
		const end = await program.done;
		const used = server.connections.length;
		await server.close();
		assert.equal(end.timedOut, false, "a request never ended");
		assert.equal(end.code, 0, end.output);
		assert.ok(used >= 1000, `${used} connections`);
		const outcomes = program.events.find((event) => "outcomes" in event)?.outcomes as Readonly<Record<string, number>>;
		for (const outcome of [
			"done",
			"closed",
			"net.closed",
			"net.refused",
			"net.timeout",
			"http.bad-response",
			"http.body-short",
			"http.callback",
			"http.head-too-large",
			"http.surplus",
		])
			assert.ok((outcomes[outcome] ?? 0) > 50, `${outcome}: ${outcomes[outcome]} times`);
		assertNoGrowth(program, 1);
	});
});
