import { assert } from "chai";
import { Cancellation } from "fleetling/common/cancellation";
import type { Network } from "fleetling/common/device";
import type { Sink } from "fleetling/common/sink";
import { HTTPWeb, headOfPart, rangeHeaders, validatorOf } from "fleetling/common/web";
import { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import Timer from "timer";
import { rejects } from "../fakes/errors";
import { Lines } from "../fakes/log";

const date = "Sat, 21 Nov 2026 21:30:41 GMT";

function headers(fields: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
	return new Map(Object.entries(fields));
}

describe("a part of a body", () => {
	it("is asked for with what it has to belong to", () => {
		assert.deepEqual(rangeHeaders({ start: 4096, validator: '"a"' }), [
			["Range", "bytes=4096-"],
			["If-Range", '"a"'],
		]);
		assert.deepEqual(rangeHeaders({ start: 0, end: 700 }), [["Range", "bytes=0-699"]]);
	});

	const good: readonly (readonly [string, Parameters<typeof headOfPart>[1], object])[] = [
		["bytes 100-999/1000", { start: 100 }, { start: 100, length: 1000 }],
		["bytes 100-999/*", { start: 100 }, { start: 100, end: 1000 }],
		["bytes 100-299/1000", { start: 100 }, { start: 100, end: 300, length: 1000 }],
		["bytes 0-699/1000", { start: 0, end: 700 }, { start: 0, end: 700, length: 1000 }],
		["bytes 0-99/1000", { start: 0, end: 700 }, { start: 0, end: 100, length: 1000 }],
	];
	for (const [range, missing, expected] of good)
		it(`is "${range}" for ${JSON.stringify(missing)}`, () => {
			const found = headOfPart({ headers: headers({ "content-range": range }), contentLength: undefined }, missing);
			assert.deepEqual(found, expected as typeof found);
		});

	const bad: readonly (readonly [string | undefined, Parameters<typeof headOfPart>[1], number | undefined])[] = [
		[undefined, { start: 100 }, undefined],
		["", { start: 100 }, undefined],
		["bytes 0-999/1000", { start: 100 }, undefined],
		["bytes 101-999/1000", { start: 100 }, undefined],
		["bytes */1000", { start: 100 }, undefined],
		["bytes 100-99/1000", { start: 100 }, undefined],
		["bytes 0-999/1000", { start: 0, end: 700 }, undefined],
		["bytes 100-999/1000", { start: 100 }, 899],
		["bytes 0-999/1000", undefined, undefined],
	];
	for (const [range, missing, contentLength] of bad)
		it(`is not "${range}" for ${JSON.stringify(missing)}, with ${contentLength} bytes`, async () => {
			const found = headers(range === undefined ? {} : { "content-range": range });
			await rejects("update.bad-range", () => headOfPart({ headers: found, contentLength }, missing));
		});

	it("says what it belongs to", () => {
		const found = headers({ "content-range": "bytes 100-999/1000", etag: '"b"' });
		assert.equal(headOfPart({ headers: found, contentLength: 900 }, { start: 100 }).validator, '"b"');
	});
});

describe("what a body can be recognised by", () => {
	const cases: readonly (readonly [string, Readonly<Record<string, string>>, string | undefined])[] = [
		["a strong ETag", { etag: '"abc"', "last-modified": date }, '"abc"'],
		["not a weak one", { etag: 'W/"abc"' }, undefined],
		["not one without quotes", { etag: "abc" }, undefined],
		["not one that takes too much storage", { etag: `"${"x".repeat(127)}"` }, undefined],
		[
			"a date of change that is a second old",
			{ "last-modified": "Sat, 21 Nov 2026 21:30:40 GMT", date },
			"Sat, 21 Nov 2026 21:30:40 GMT",
		],
		[
			"such a date beside a weak ETag",
			{ etag: 'W/"a"', "last-modified": "Fri, 20 Nov 2026 21:30:40 GMT", date },
			"Fri, 20 Nov 2026 21:30:40 GMT",
		],
		["not one of this second", { "last-modified": date, date }, undefined],
		["not one without the server's time beside it", { "last-modified": date }, undefined],
		["not one that is no date", { "last-modified": "yesterday", date }, undefined],
		["nothing", {}, undefined],
	];
	for (const [what, fields, expected] of cases) it(`is ${what}`, () => assert.equal(validatorOf(headers(fields)), expected));
});

/** A connection over which an answer comes byte by byte, and never to its end. */
class Trickle {
	readonly target: unknown;
	readonly #options: TrickleOptions;
	readonly #waiting: number[] = [];
	#timer: Timer | undefined;

	constructor(options: TrickleOptions) {
		this.#options = options;
		this.target = options.target;
		this.#timer = Timer.set(() => options.onWritable.call(this, 4_096));
	}

	write(bytes: ArrayBuffer | Uint8Array): number {
		const head = "HTTP/1.1 200 OK\r\nContent-Length: 4096\r\n\r\n";
		for (let at = 0; at < head.length; at++) this.#waiting.push(head.charCodeAt(at));
		this.#timer = Timer.set(() => this.#arrive(), 10, 10);
		return 4_096 - bytes.byteLength;
	}

	read(buffer: ArrayBuffer | Uint8Array): number | undefined {
		if (this.#waiting.length === 0) return undefined;
		const bytes = buffer instanceof Uint8Array ? buffer : new Uint8Array(buffer);
		bytes.set(this.#waiting.splice(0, bytes.byteLength));
		return bytes.byteLength;
	}

	close(): void {
		if (this.#timer !== undefined) Timer.clear(this.#timer);
		this.#timer = undefined;
	}

	#arrive(): void {
		this.#waiting.push(0);
		this.#options.onReadable.call(this, this.#waiting.length);
	}
}

interface TrickleOptions {
	readonly target: unknown;
	onWritable(this: unknown, count: number): void;
	onReadable(this: unknown, count: number): void;
}

describe("a download that trickles", () => {
	it("ends when the patience of its sink does, although no block has come", async () => {
		const network = { tcp: { io: Trickle }, dns: { io: Object } } as unknown as Network;
		const web = new HTTPWeb({ network, log: new Lines().tag() });
		let blocks = 0;
		const sink: Sink = { buffer: new Uint8Array(4_096), patience: 300, begin: () => {}, block: () => void blocks++ };
		await rejects("net.timeout", () => web.download({ url: "http://127.0.0.1:1/" }, sink, new Cancellation()));
		assert.equal(blocks, 0);
		web.close();
	});
});

describe("an exchange that does not wait", () => {
	it("is refused while there is no connection, and let through when there is one", async () => {
		const network = { tcp: { io: Trickle }, dns: { io: Object } } as unknown as Network;
		const web = new HTTPWeb({ network, log: new Lines().tag(), connections: 1 });
		const first = new Cancellation();
		const url = "http://127.0.0.1:1/";
		const pending = web.exchange({ url }, first);
		await rejects("http.busy", () => web.exchange({ url, waits: false }, new Cancellation()));
		first.cancel(new FleetlingError("server.stopped", "enough"));
		await rejects("server.stopped", () => pending);
		// It gets as far as its own patience.
		await rejects("net.timeout", () => web.exchange({ url, waits: false, patience: 200 }, new Cancellation()));
		web.close();
	});
});
