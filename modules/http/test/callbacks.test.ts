import { assert } from "chai";
import type { RequestOptions } from "fleetling/http/types";
import { describe, it } from "test/harness";
import { Recorded, turn, Wire } from "./wire";

const response = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
const names = ["onHeaders", "onReadable", "onWritable"] as const;

const withBody = (name: string): Partial<RequestOptions> => (name === "onWritable" ? { method: "PUT", bodyLength: 3 } : {});

describe("http client: callbacks", () => {
	for (const name of names) {
		it(`${name} that throws ends its request, and nothing else`, async () => {
			const wire = new Wire();
			const client = wire.client();
			const recorded = new Recorded(client, {
				...withBody(name),
				[name]: () => {
					throw new Error("mistake");
				},
			});
			await turn();
			wire.last.takes();
			wire.last.arrive(response);
			assert.equal(recorded.error?.code, "http.callback");
			assert.include(String(recorded.error), "mistake");
			assert.isTrue(wire.last.closed);
			const next = new Recorded(client);
			await turn();
			wire.last.takes();
			wire.last.arrive(response);
			assert.equal(next.body, "abc");
		});
		it(`${name} that closes its request is the last one`, async () => {
			const wire = new Wire();
			const client = wire.client();
			let calls = 0;
			const recorded = new Recorded(client, {
				...withBody(name),
				[name]() {
					calls++;
					recorded.request.close();
				},
			});
			await turn();
			wire.last.takes();
			wire.last.arrive(response);
			await turn();
			assert.equal(calls, 1);
			assert.isFalse(recorded.done);
			assert.isTrue(wire.last.closed);
			assert.isFalse(client.busy);
		});
		it(`${name} that closes the client ends everything`, async () => {
			const wire = new Wire();
			const client = wire.client();
			const recorded = new Recorded(client, { ...withBody(name), [name]: () => client.close() });
			const waiting = new Recorded(client);
			await turn();
			wire.last.takes();
			wire.last.arrive(response);
			await turn();
			assert.equal(recorded.events.filter((event) => event === "http.cancelled").length, 1);
			assert.deepEqual(waiting.events, ["http.cancelled"]);
			assert.isTrue(wire.last.closed);
			assert.throws(() => new Recorded(client), /closed/);
		});
	}
	it("onDone that throws is reported", async () => {
		const wire = new Wire();
		const errors: string[] = [];
		const client = wire.client({ onError: (error) => errors.push(error.code) });
		client.request({
			path: "/",
			onDone() {
				throw new Error("mistake");
			},
		});
		await turn();
		wire.last.takes();
		wire.last.arrive(response);
		assert.deepEqual(errors, ["http.callback"]);
	});
	it("onError and onClose that throw do no harm", async () => {
		const wire = new Wire();
		const fail = () => {
			throw new Error("mistake");
		};
		const client = wire.client({ onError: fail, onClose: fail, onRefused: fail });
		const recorded = new Recorded(client);
		await turn();
		wire.last.end(new Error("refused"));
		assert.deepEqual(recorded.events, ["net.refused"]);
		const next = new Recorded(client);
		await turn();
		wire.last.takes();
		wire.last.arrive(`${response}surplus`);
		assert.deepEqual(next.events, ["head 200", "done"]);
	});
	it("never come from within request", () => {
		const wire = new Wire();
		const recorded = new Recorded(
			wire.client({
				socket: {
					io: class {
						constructor() {
							throw new Error("no");
						}
						read() {
							return 0;
						}
						write() {
							return 0;
						}
						close() {}
					},
				},
			}),
		);
		assert.deepEqual(recorded.events, []);
	});
	it("onDone can send the next request, on the same connection", async () => {
		const wire = new Wire();
		const client = wire.client();
		let next: Recorded | undefined;
		new Recorded(client, {
			onDone() {
				next = new Recorded(client, { path: "/next" });
			},
		});
		await turn();
		wire.last.takes();
		wire.last.arrive(response);
		await turn();
		assert.include(wire.last.sent, "GET /next ");
		wire.last.arrive(response);
		assert.equal(next?.body, "abc");
		assert.lengthOf(wire.sockets, 1);
	});
	it("a closed request that waited leaves the queue", async () => {
		const wire = new Wire();
		const client = wire.client();
		new Recorded(client);
		const waiting = new Recorded(client, { path: "/waiting" });
		const last = new Recorded(client, { path: "/last" });
		await turn();
		waiting.request.close();
		waiting.request.close();
		wire.last.takes();
		wire.last.arrive(response);
		await turn();
		assert.include(wire.last.sent, "GET /last ");
		assert.notInclude(wire.last.sent, "/waiting");
		wire.last.arrive(response);
		assert.isTrue(last.done);
	});
	it("closing a request in the middle of a response closes the connection", async () => {
		const wire = new Wire();
		const client = wire.client();
		const recorded = new Recorded(client);
		await turn();
		wire.last.takes();
		wire.last.arrive(response.slice(0, -1));
		recorded.request.close();
		assert.isTrue(wire.last.closed);
		assert.equal(recorded.request.read(new Uint8Array(4)), 0);
		assert.equal(recorded.request.write(new Uint8Array(4)), 0);
	});
	it("close is idempotent", () => {
		const client = new Wire().client();
		client.close();
		client.close();
		assert.isFalse(client.busy);
	});
});
