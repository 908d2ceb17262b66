import { assert } from "chai";
import type { HTTPClientOptions } from "fleetling/http/client";
import type { Timeouts } from "fleetling/http/limits";
import type { RequestOptions } from "fleetling/http/types";
import { describe, it } from "test/harness";
import Time from "time";
import { Recorded, turn, Wire } from "./wire";

const long: Timeouts = { resolve: 5000, connect: 5000, send: 5000, headers: 5000, idle: 5000, keepAlive: 5000, total: 0 };
const short = 40;

interface Case {
	readonly name: keyof Timeouts;
	readonly client?: Partial<HTTPClientOptions>;
	readonly options?: Partial<RequestOptions>;
	readonly drive: (wire: Wire) => void;
	readonly code?: string;
}

const head = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";

const cases: readonly Case[] = [
	{ name: "resolve", client: { host: "server.test" }, drive: () => undefined, code: "net.dns" },
	{ name: "connect", drive: () => undefined },
	{ name: "send", options: { method: "PUT", body: new Uint8Array(9000) }, drive: (wire) => wire.last.takes(100) },
	{ name: "headers", drive: (wire) => wire.last.takes() },
	{
		name: "headers",
		drive: (wire) => {
			wire.last.takes();
			wire.last.arrive("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nX: ");
		},
	},
	{
		name: "idle",
		drive: (wire) => {
			wire.last.takes();
			wire.last.arrive(`${head}abc`);
		},
	},
	{ name: "total", drive: () => undefined },
	{ name: "total", drive: (wire) => wire.last.takes() },
	{
		name: "total",
		drive: (wire) => {
			wire.last.takes();
			wire.last.arrive(`${head}abc`);
		},
	},
];

describe("http client: deadlines", () => {
	for (const [index, { name, client, options, drive, code = "net.timeout" }] of cases.entries()) {
		it(`${name}, case ${index + 1}: ends the request in time`, async () => {
			const wire = new Wire();
			const start = Time.ticks;
			let took = 0;
			const recorded = new Recorded(wire.client({ timeouts: { ...long, [name]: short }, ...client }), {
				...options,
				onDone(error) {
					took = Time.delta(start);
					recorded.error = error;
					recorded.done = true;
				},
			});
			await turn();
			drive(wire);
			await turn(short + 60);
			assert.isTrue(recorded.done);
			assert.equal(recorded.error?.code, code);
			assert.include(recorded.error?.message, `${short} ms`);
			assert.isAtLeast(took, short - 1);
			assert.isAtMost(took, short + 40);
			if (wire.sockets.length > 0) assert.isTrue(wire.last.closed);
		});
	}
	it("idle counts from the last byte", async () => {
		const wire = new Wire();
		const recorded = new Recorded(wire.client({ timeouts: { ...long, idle: 60 } }));
		await turn();
		wire.last.takes();
		wire.last.arrive(head);
		for (let i = 0; i < 5; i++) {
			await turn(30);
			wire.last.arrive("ab");
		}
		assert.isTrue(recorded.done);
		assert.isUndefined(recorded.error);
	});
	it("headers does not, so that a trickle ends", async () => {
		const wire = new Wire();
		const recorded = new Recorded(wire.client({ timeouts: { ...long, headers: 60 } }));
		await turn();
		wire.last.takes();
		for (let i = 0; i < 6; i++) {
			wire.last.arrive("H".slice(i));
			await turn(20);
		}
		assert.equal(recorded.error?.code, "net.timeout");
	});
	for (const apart of [false, true]) {
		it(`idle stands while the caller has not read what has come${apart ? " after the headers" : ""}, and begins again when it has`, async () => {
			const wire = new Wire();
			const recorded = new Recorded(wire.client({ timeouts: { ...long, idle: 80 } }), { onReadable() {} });
			await turn();
			wire.last.takes();
			if (apart) wire.last.arrive(head);
			wire.last.arrive(apart ? "abc" : `${head}abc`);
			await turn(apart ? 60 : 150);
			assert.isFalse(recorded.done);
			assert.equal(recorded.request.read(new Uint8Array(apart ? 3 : 16)), 3);
			await turn(50);
			assert.isFalse(recorded.done, "the time before counts");
			await turn(60);
			assert.equal(recorded.error?.code, "net.timeout");
		});
	}
	for (const begun of [`${head}abc`, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc"]) {
		it("idle is not held up by a caller that asks again and again", async () => {
			const wire = new Wire();
			const recorded = new Recorded(wire.client({ timeouts: { ...long, idle: 50 } }), { onReadable() {} });
			await turn();
			wire.last.takes();
			wire.last.arrive(begun);
			const buffer = new Uint8Array(16);
			for (let i = 0; i < 15; i++) {
				recorded.request.read(buffer);
				await turn(10);
			}
			assert.equal(recorded.error?.code, "net.timeout");
		});
	}
	it("send stands while the caller has not written its body", async () => {
		const wire = new Wire();
		const recorded = new Recorded(wire.client({ timeouts: { ...long, send: 20 } }), {
			method: "PUT",
			bodyLength: 3,
			onWritable() {},
		});
		await turn();
		wire.last.takes();
		await turn(70);
		assert.isFalse(recorded.done);
		recorded.request.write(new Uint8Array(3));
		wire.last.arrive("HTTP/1.1 204 No Content\r\n\r\n");
		assert.deepEqual(recorded.events, ["head 204", "done"]);
	});
	it("total counts the time in the queue", async () => {
		const wire = new Wire();
		const client = wire.client({ timeouts: long });
		new Recorded(client);
		const waiting = new Recorded(client, { timeouts: { total: 20 } });
		await turn(60);
		assert.deepEqual(waiting.events, ["net.timeout"]);
		assert.isFalse(wire.last.closed, "the request before it was hurt");
	});
	it("nothing runs on after the end", async () => {
		const wire = new Wire();
		const recorded = new Recorded(wire.client({ timeouts: { ...long, headers: 20, total: 30 } }));
		await turn();
		wire.last.takes();
		wire.last.arrive("HTTP/1.1 204 No Content\r\n\r\n");
		await turn(60);
		assert.deepEqual(recorded.events, ["head 204", "done"]);
		assert.isFalse(wire.last.closed);
	});
});
