import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { BodySource } from "fleetling/http/body";
import { exchange } from "fleetling/http/exchange";
import { describe, it } from "test/harness";
import { answering } from "./answering";
import { base, failure, redirectTo, response } from "./outcome";

/** Letters of the alphabet, again and again, and where they were asked for. */
class Letters implements BodySource {
	readonly buffer: Uint8Array;
	readonly length: number;
	readonly asked: number[] = [];

	constructor(length: number, piece: number) {
		this.length = length;
		this.buffer = new Uint8Array(piece);
	}

	read(bytes: Uint8Array, position: number): void {
		this.asked.push(position);
		for (let at = 0; at < bytes.length; at++) bytes[at] = 0x61 + ((position + at) % 26);
	}

	get text(): string {
		return Array.from({ length: this.length }, (_, at) => String.fromCharCode(0x61 + (at % 26))).join("");
	}
}

describe("a body from a source", () => {
	for (const [length, piece, pieces] of [
		[60, 25, 3],
		[50, 25, 2],
		[1, 25, 1],
		[0, 25, 0],
	] as const)
		it(`of ${length} bytes goes out in ${pieces} pieces of up to ${piece}`, async () => {
			const { pool, requests } = answering({ "PUT /x": response("200 OK", "", "ETag: abc") });
			const source = new Letters(length, piece);
			const got = await exchange(pool, { url: `${base}/x`, method: "PUT", source });
			assert.equal(got.headers.get("etag"), "abc");
			assert.equal(source.asked.length, pieces);
			assert.isTrue(requests[0]?.includes(`\r\nContent-Length: ${length}\r\n`));
			assert.isTrue(requests[0]?.endsWith(`\r\n\r\n${source.text}`));
			assert.notInclude(requests[0], "Content-Type");
		});

	it("is asked for from its first byte again for a redirect that keeps it, and not at all for one that does not", async () => {
		const { pool, requests } = answering({
			"PUT /kept": redirectTo("/there", "307 Temporary Redirect"),
			"PUT /there": response("200 OK", ""),
			"PUT /other": redirectTo("/page", "303 See Other"),
			"GET /page": response("200 OK", "page"),
		});
		const source = new Letters(30, 16);
		await exchange(pool, { url: `${base}/kept`, method: "PUT", source });
		assert.deepEqual(source.asked, [0, 16, 0, 16]);
		assert.isTrue(requests[1]?.endsWith(source.text));
		const got = await exchange(pool, { url: `${base}/other`, method: "PUT", source: new Letters(30, 16) });
		assert.equal(got.text(), "page");
	});

	it("that fails ends the request with its error, and the next request is a fresh one", async () => {
		const { pool, requests } = answering({ "PUT /x": response("200 OK", ""), "GET /y": response("200 OK", "y") });
		const source: BodySource = {
			length: 40,
			buffer: new Uint8Array(16),
			read(_, position) {
				if (position > 0) throw new FleetlingError("storage.failed", "the file is gone");
			},
		};
		const error = await failure(exchange(pool, { url: `${base}/x`, method: "PUT", source }));
		assert.equal(error.code, "storage.failed");
		assert.equal((await exchange(pool, { url: `${base}/y` })).text(), "y");
		assert.equal(requests.filter((request) => request.startsWith("PUT")).length, 0, "half a body is no request");
	});
});
