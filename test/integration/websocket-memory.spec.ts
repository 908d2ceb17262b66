/** WebSockets leave nothing behind: a thousand of them that end in every possible way leave the heap where it was. */
import assert from "node:assert/strict";
import net from "node:net";
import { TLSSocket } from "node:tls";
import { createAuthority } from "../pki/pki";
import { runXS } from "../xs/driver";
import { assertNoGrowth, assertOpenCost } from "./growth";
import { type RawPeer, startRaw } from "./websocket-raw";

const text = (content: string) => ({ opcode: 1, payload: Buffer.from(content) });
const close = (code: number) => ({ opcode: 8, payload: Buffer.of(code >> 8, code & 255) });
const goodbye = (peer: RawPeer, code = 1000): void => {
	peer.send(close(code));
	void peer.until(() => peer.closeFrame !== undefined).then(() => peer.socket.end());
};

/** What the server does, by path. */
const acts: Readonly<Record<string, (peer: RawPeer) => void>> = {
	normal: (peer) => {
		peer.send(text("hello"), text("x".repeat(3000)), { opcode: 9, payload: Buffer.from("ping") });
		void peer.until(() => peer.messages.length >= 2).then(() => goodbye(peer));
	},
	duplicate: (peer) => goodbye(peer, 4002),
	http: (peer) => void peer.socket.end("HTTP/1.1 500 INTERNAL SERVER ERROR\r\n\r\n<html>"),
	after: (peer) => {
		peer.send(close(4001), Buffer.from("HTTP/1.1 200 OK\r\n\r\n"));
		peer.socket.end();
	},
	protocol: (peer) => {
		peer.send({ opcode: 3 });
		void peer.until(() => peer.closeFrame !== undefined).then(() => peer.socket.end());
	},
	text: (peer) => {
		peer.send({ opcode: 1, payload: Buffer.of(0x61, 0xff) });
		void peer.until(() => peer.closeFrame !== undefined).then(() => peer.socket.end());
	},
	half: (peer) => void peer.socket.end(Buffer.of(0x81, 20, 0x61)),
	// A TLS connection cannot be reset from here, but broken off.
	reset: (peer) => void (peer.socket instanceof TLSSocket ? peer.socket.destroy() : peer.socket.resetAndDestroy()),
	throws: (peer) => {
		peer.send(text("x"));
		void peer.until(() => peer.closeFrame !== undefined).then(() => peer.socket.end());
	},
	ends: (peer) => void peer.until(() => peer.closeFrame !== undefined).then(() => goodbye(peer)),
	leaves: () => undefined,
	unread: (peer) => peer.send(text("x".repeat(5000))),
	silent: () => undefined,
	idle: () => undefined,
};
/** Ends without a WebSocket. */
const others = ["early", "refused", "unauthorized", "mute", "nonsense"];

const answers: Readonly<Record<string, string>> = {
	unauthorized: `HTTP/1.1 401 X\r\nContent-Length: 300\r\n\r\n${"x".repeat(300)}`,
	mute: "HTTP/1.1 1",
	nonsense: "nonsense\r\n\r\n",
};

function suite(name: string, secure: boolean, rounds: number, each: number): void {
	it(`is the same after ${rounds * each} WebSockets, ${name}`, async () => {
		const authority = await createAuthority({ name: "Test root", key: "ec" });
		const issued = await authority.issue({ names: ["localhost"] });
		let used = 0;
		const server = await startRaw(
			(peer) => {
				used++;
				acts[peer.path.slice(1)]?.(peer);
			},
			{
				...(secure && { issued }),
				answer: (head) => answers[head.split(" ")[1]?.slice(1) ?? ""],
			},
		);
		const closed = net.createServer();
		await new Promise<void>((done) => closed.listen(0, "127.0.0.1", done));
		const { port: closedPort } = closed.address() as net.AddressInfo;
		await new Promise((done) => closed.close(done));
		const paths = [...Object.keys(acts).filter((path) => path !== "idle"), ...others];
		const program = await runXS({
			main: "test/integration/programs/websocket-memory.ts",
			parameters: { port: server.port, closedPort, paths, rounds, each, ...(secure && { ca: authority.certPEM }) },
			timeout: 110_000,
		});
		const end = await program.done;
		await server.close();
		assert.equal(end.timedOut, false, `a WebSocket never ended:\n${JSON.stringify(program.events.slice(-3))}`);
		assert.equal(end.code, 0, end.output);
		assert.ok(used >= rounds * each * 0.7, `${used} connections`);
		const outcomes = program.events.find((event) => "outcomes" in event)?.outcomes as Readonly<Record<string, number>>;
		for (const outcome of [
			"1000",
			"4001",
			"4002",
			"left",
			"http.bad-response",
			"net.refused",
			"websocket.bad-text",
			"websocket.callback",
			"websocket.lost",
			"websocket.protocol",
			"websocket.refused",
			"websocket.timeout",
		])
			assert.ok((outcomes[outcome] ?? 0) >= (rounds * each) / 25, `${outcome}: ${outcomes[outcome]} times`);
		assertNoGrowth(program, Math.ceil(rounds / 2));
		assertOpenCost(program, secure ? { slots: 16_384, chunks: 8_192 } : { slots: 8_192, chunks: 8_192 });
	});
}

describe("websocket memory", function () {
	this.timeout(120_000);
	suite("plain", false, 11, 100);
	suite("over TLS", true, 5, 100);
});
