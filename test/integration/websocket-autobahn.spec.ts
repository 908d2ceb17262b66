/**
 * The cases of the Autobahn test suite that apply to a client, by number. Sections 12 and 13 are about compression, which
 * is not offered: that is a test of its own.
 */
import assert from "node:assert/strict";
import { createAuthority, type Issued } from "../pki/pki";
import { closingCases } from "./websocket-autobahn-closing";
import { framingCases } from "./websocket-autobahn-framing";
import { textCases } from "./websocket-autobahn-text";
import { type Case, pieces } from "./websocket-cases";
import { frame, type RawPeer, type RawServer, startRaw } from "./websocket-raw";
import type { OpenStep } from "./websocket-runs";
import { type Client, startClient } from "./websocket-runs";

const all: readonly Case[] = [...framingCases, ...textCases, ...closingCases];
/** How long nothing may happen before a case has failed. */
const patience = 10_000;
/** How long a client may take to do what it must not do. */
const grace = 20;

/** Sends what the case says, piece by piece. */
async function play(peer: RawPeer, played: Case): Promise<void> {
	for (const piece of pieces(played)) {
		if (peer.ended) return;
		if (!peer.socket.write(piece))
			await new Promise<void>((done) => {
				peer.socket.once("drain", done);
				peer.socket.once("close", done);
			});
		// Lets the piece leave before the next one, so that they are not put together.
		if (played.chop !== "once") await new Promise((done) => setImmediate(done));
	}
}

async function judge(peer: RawPeer, played: Case): Promise<void> {
	const { echo, pongs, ending, times = 1 } = played;
	for (let i = 1; i < times; i++) {
		await play(peer, played);
		assert.ok(await peer.until(() => peer.messages.length >= i, patience), `echo ${i} of ${times} does not come`);
	}
	await play(peer, played);
	const expected = Array.from({ length: times }, () => echo).flat();
	await peer.until(() => peer.messages.length >= expected.length && peer.pongs.length >= pongs.length, patience);
	if (ending.kind === "clean") {
		await new Promise((done) => setTimeout(done, grace));
		assert.equal(peer.closeCode, undefined, "the client has given up");
		peer.send({ opcode: 8, payload: Buffer.from([3, 232]) });
	}
	assert.ok(await peer.until(() => peer.closeFrame !== undefined, patience), "no Close frame comes");
	peer.socket.end();
	await peer.until(() => peer.ended, patience);
	assert.deepEqual(peer.faults, []);
	assert.equal(peer.messages.length, expected.length);
	for (const [index, message] of expected.entries()) {
		assert.equal(peer.messages[index]?.binary, message.binary, `kind of message ${index}`);
		assert.ok(peer.messages[index]?.payload.equals(message.payload), `payload of message ${index}`);
	}
	assert.deepEqual(peer.pongs, pongs);
	if (ending.kind === "fails") assert.ok(ending.codes.includes(peer.closeCode ?? 0), `closed with ${peer.closeCode}`);
	else assert.equal(peer.closeCode, ending.kind === "answers" ? ending.code : 1000);
	assert.ok(
		peer.sizes.every((size) => size <= 4090),
		`a frame of ${Math.max(...peer.sizes)} bytes`,
	);
}

function suite(name: string, step: Pick<OpenStep, "mode" | "secure">, cases: readonly Case[]): void {
	describe(`websocket: Autobahn's cases, ${name}`, function () {
		this.timeout(30_000);
		let client: Client;
		let server: RawServer;
		const byPath = new Map(cases.map((each) => [`/${each.id}`, each]));
		const verdicts = new Map<string, Promise<void>>();

		before(async () => {
			let issued: Issued | undefined;
			let ca: string | undefined;
			if (step.secure) {
				const authority = await createAuthority({ name: "Test root", key: "ec" });
				ca = authority.certPEM;
				issued = await authority.issue({ names: ["localhost"] });
			}
			server = await startRaw(
				(peer) => {
					const played = byPath.get(peer.path);
					if (played === undefined) return peer.socket.destroy();
					verdicts.set(played.id, judge(peer, played));
					verdicts.get(played.id)?.catch(() => undefined);
				},
				issued === undefined ? {} : { issued },
			);
			client = await startClient(ca === undefined ? {} : { ca }, 500_000);
		});
		after(async () => {
			await server.close();
			await client.close();
		});

		for (const { id, title, ending } of cases) {
			it(`${id} ${title}`, async () => {
				const limits = { messageBytes: 2_000_000, frameBytes: 2_000_000 };
				const told = await client.run({ ...step, port: server.port, path: `/${id}`, limits, timeouts: { ping: 0 } });
				assert.ok(verdicts.has(id), `no opening handshake: ${told.message}`);
				await verdicts.get(id);
				assert.equal(told.opened, true);
				if (ending.kind === "fails") assert.match(told.code ?? "", /^websocket\.(protocol|bad-text)$/);
				else assert.equal(told.closed?.code, ending.kind === "answers" ? ending.code : 1000, told.message);
			});
		}
		it("12, 13: no compression is offered", () => {
			assert.ok(server.peers.length >= cases.length);
			for (const { head } of server.peers) assert.doesNotMatch(head, /sec-websocket-extensions/i);
		});
	});
}

suite("whole messages", { mode: "echo" }, all);
suite("streamed", { mode: "stream" }, all);
// Where TLS could make a difference: lengths, cuts, and what closes.
suite(
	"streamed over TLS",
	{ mode: "stream", secure: true },
	all.filter(({ id }) => /^(1|5|7|9|10)\./.test(id)),
);

describe("websocket: Autobahn's cases", () => {
	it("are there, each once", () => {
		assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
		const count = (section: string): number => all.filter(({ id }) => id.startsWith(`${section}.`)).length;
		assert.deepEqual(
			["1", "2", "3", "4", "5", "6", "7", "9", "10"].map((section) => [section, count(section)]),
			[
				["1", 16],
				["2", 11],
				["3", 7],
				["4", 10],
				["5", 20],
				["6", 145],
				["7", 37],
				["9", 54],
				["10", 1],
			],
		);
	});
	it("send what they are meant to", () => {
		assert.equal(frame({ opcode: 1, payload: Buffer.from("Hello") }).toString("hex"), "810548656c6c6f");
	});
});
