import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { type DownloadOptions, download } from "fleetling/http/exchange";
import { describe, it } from "test/harness";
import { answering } from "./answering";
import { textOf } from "./feeding";
import { base, chunked, failure, response } from "./outcome";
import { turn, Wire } from "./wire";

describe("http download", () => {
	const text = Array.from({ length: 1000 }, (_, index) => String(index).padStart(5, " ")).join("");

	const collect = (blocks: string[], more: Partial<DownloadOptions> = {}): DownloadOptions => ({
		url: base,
		buffer: new Uint8Array(512),
		onBlock(bytes) {
			blocks.push(textOf(bytes));
		},
		...more,
	});

	for (const [name, body] of [
		["announced", response("200 OK", text)],
		["in chunks", chunked("200 OK", text)],
		["until the end of the connection", null],
	] as const) {
		it(`delivers whole blocks and the rest, ${name}`, async () => {
			const blocks: string[] = [];
			let got: Promise<{ received: number; complete: boolean }>;
			if (body === null) {
				const wire = new Wire();
				got = download(wire.client(), collect(blocks, { url: "/" }));
				await turn();
				wire.last.takes();
				wire.last.arrive(`HTTP/1.1 200 OK\r\n\r\n${text}`);
				wire.last.end();
			} else got = download(answering({ "GET /": body }).pool, collect(blocks));
			const { received, complete } = await got;
			assert.equal(blocks.join(""), text);
			assert.deepEqual(
				blocks.map((block) => block.length),
				[...Array.from({ length: 9 }, () => 512), 392],
			);
			assert.equal(received, 5000);
			assert.isTrue(complete);
		});
	}
	it("hands out the same memory for every block", async () => {
		const buffer = new Uint8Array(1000);
		const seen = new Set<Uint8Array>();
		const { pool } = answering({ "GET /": response("200 OK", text) });
		await download(pool, { url: base, buffer, onBlock: (bytes) => void seen.add(bytes) });
		assert.deepEqual([...seen], [buffer]);
	});
	it("waits for a block that takes its time, and reads nothing meanwhile", async () => {
		const { pool, wire } = answering({ "GET /": response("200 OK", text) }, {}, 10_000);
		let busy = 0;
		let worst = 0;
		const unread: number[] = [];
		const blocks: string[] = [];
		await download(
			pool,
			collect(blocks, {
				async onBlock(bytes) {
					worst = Math.max(worst, ++busy);
					const before = wire.last.unread;
					await turn(3);
					unread.push(before - wire.last.unread);
					blocks.push(textOf(bytes));
					busy--;
				},
			}),
		);
		assert.equal(blocks.join(""), text);
		assert.equal(worst, 1);
		assert.deepEqual([...new Set(unread)], [0]);
	});
	it("ends after its last block has been dealt with", async () => {
		for (const size of [1024, 1025]) {
			const { pool } = answering({ "GET /": response("200 OK", "x".repeat(size)) }, {}, 10_000);
			let dealt = 0;
			const got = await download(
				pool,
				collect([], {
					async onBlock(bytes) {
						const { length } = bytes;
						await turn(10);
						dealt += length;
					},
				}),
			);
			assert.equal(dealt, size);
			assert.equal(got.received, size);
		}
	});
	it("leaves the body of an error alone", async () => {
		const blocks: string[] = [];
		const { pool, wire } = answering({ "GET /": response("404 Not Found", "<html>") });
		const got = await download(pool, collect(blocks));
		assert.equal(got.status, 404);
		assert.isFalse(got.complete);
		assert.lengthOf(blocks, 0);
		assert.isFalse(wire.last.closed, "a short body is read and dropped");
	});
	it("lets the caller decide by the headers", async () => {
		const blocks: string[] = [];
		const { pool, requests } = answering({
			"GET /": response("206 Partial", "world", "Content-Range: bytes 6-10/11", 'ETag: "x"'),
		});
		const got = await download(
			pool,
			collect(blocks, {
				headers: [
					["Range", "bytes=6-"],
					["If-Range", '"x"'],
				],
				wanted: ["content-range", "etag"],
				onHead: (head) => head.status === 206 && head.headers.get("content-range") === "bytes 6-10/11",
			}),
		);
		assert.isTrue(got.complete);
		assert.deepEqual(blocks, ["world"]);
		assert.include(requests[0], '\r\nRange: bytes=6-\r\nIf-Range: "x"\r\n');
		const none = await download(pool, collect(blocks, { onHead: () => false }));
		assert.equal(none.received, 0);
		assert.isFalse(none.complete);
	});
	for (const [name, stop] of [
		["at once", () => false],
		[
			"later",
			async () => {
				await turn(2);
				return false;
			},
		],
	] as const) {
		it(`stops when a block says so ${name}`, async () => {
			const { pool, wire } = answering({ "GET /": response("200 OK", text) });
			let calls = 0;
			const got = await download(pool, collect([], { onBlock: () => (++calls < 3 ? true : stop()) }));
			assert.equal(calls, 3);
			assert.equal(got.received, 1536);
			assert.isFalse(got.complete);
			assert.isTrue(wire.last.closed);
		});
	}
	for (const [name, fail] of [
		[
			"at once",
			() => {
				throw new RangeError("flash");
			},
		],
		[
			"later",
			async () => {
				await turn(2);
				throw new RangeError("flash");
			},
		],
	] as const) {
		it(`fails with what a block throws ${name}`, async () => {
			const { pool, wire } = answering({ "GET /": response("200 OK", text) });
			let error: unknown;
			try {
				await download(pool, collect([], { onBlock: fail }));
			} catch (thrown) {
				error = thrown;
			}
			assert.instanceOf(error, RangeError);
			assert.isTrue(wire.last.closed);
		});
	}
	it("fails with what onHead throws", async () => {
		const { pool } = answering({ "GET /": response("200 OK", text) });
		const error = new FleetlingError("http.bad-response", "wrong object");
		assert.equal(
			await failure(
				download(
					pool,
					collect([], {
						onHead() {
							throw error;
						},
					}),
				),
			),
			error,
		);
	});
	it("that breaks off has delivered whole blocks, and ends after the one in hand", async () => {
		const wire = new Wire();
		const blocks: string[] = [];
		let inHand = false;
		const got = failure(
			download(
				wire.client(),
				collect(blocks, {
					url: "/",
					async onBlock(bytes) {
						inHand = true;
						await turn(30);
						blocks.push(textOf(bytes));
						inHand = false;
					},
				}),
			),
		);
		await turn();
		wire.last.takes();
		wire.last.arrive(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${text.slice(0, 700)}`);
		wire.last.end();
		assert.equal((await got).code, "http.body-short");
		assert.isFalse(inHand);
		assert.deepEqual(blocks, [text.slice(0, 512)]);
	});
	it("can be cancelled while a block is in hand: it ends after the block", async () => {
		const { pool } = answering({ "GET /": response("200 OK", text) });
		const reason = new FleetlingError("http.cancelled", "stop");
		let cancel: (() => void) | undefined;
		let release: (() => void) | undefined;
		let ended = false;
		let calls = 0;
		const got = failure(
			download(
				pool,
				collect([], {
					cancel: {
						reason,
						add(added) {
							cancel = added;
						},
						remove() {},
					},
					onBlock() {
						calls++;
						return new Promise((resolve) => {
							release = () => resolve(true);
						});
					},
				}),
			),
		).finally(() => {
			ended = true;
		});
		while (release === undefined) await turn(1);
		cancel?.();
		await turn(5);
		assert.isFalse(ended, "the memory of the block is still in use");
		release();
		assert.equal(await got, reason);
		assert.equal(calls, 1);
	});
});
