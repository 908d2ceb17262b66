import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { parseHTTPDate, parseRetryAfter } from "fleetling/http/dates";
import { checkHead, formatHead } from "fleetling/http/head";
import { parseContentRange, rangeFrom } from "fleetling/http/range";
import { SessionMemory } from "fleetling/http/sessions";
import { describe, it } from "test/harness";

const codeOf = (body: () => unknown): string | undefined => {
	try {
		body();
		return undefined;
	} catch (error) {
		return error instanceof FleetlingError ? error.code : String(error);
	}
};

describe("http dates", () => {
	for (const text of ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"]) {
		it(`reads ${text}`, () => assert.equal(parseHTTPDate(text), 784111777000));
	}
	it("takes two digits for a year of this century up to 69", () => {
		assert.equal(parseHTTPDate("Saturday, 21-Nov-26 21:30:41 GMT"), Date.UTC(2026, 10, 21, 21, 30, 41));
	});
	for (const text of [
		"",
		"now",
		"2026-11-21T21:30:41Z",
		"Sat, 31 Feb 2026 21:30:41 GMT",
		"Sat, 00 Nov 2026 21:30:41 GMT",
		"Sat, 21 Foo 2026 21:30:41 GMT",
		"Sat, 21 Nov 2026 25:30:41 GMT",
		"Sat, 21 Nov 2026 21:30:41 +0200",
	]) {
		it(`refuses "${text}"`, () => assert.isUndefined(parseHTTPDate(text)));
	}
	it("reads Retry-After", () => {
		const date = Date.UTC(2026, 10, 21, 21, 30, 41);
		assert.equal(parseRetryAfter("120", undefined), 120_000);
		assert.equal(parseRetryAfter("Sat, 21 Nov 2026 21:31:41 GMT", date), 60_000);
		assert.equal(parseRetryAfter("Sat, 21 Nov 2026 21:29:41 GMT", date), 0);
		assert.isUndefined(parseRetryAfter("Sat, 21 Nov 2026 21:31:41 GMT", undefined));
		assert.isUndefined(parseRetryAfter("-5", date));
		assert.isUndefined(parseRetryAfter("", date));
	});
});

describe("http ranges", () => {
	it("are asked for", () => {
		assert.equal(rangeFrom(65536), "bytes=65536-");
		assert.equal(rangeFrom(0, 0), "bytes=0-0");
	});
	for (const [text, expected] of [
		["bytes 0-499/1234", { start: 0, end: 499, total: 1234 }],
		["bytes 500-1233/1234", { start: 500, end: 1233, total: 1234 }],
		["Bytes 42-1233/*", { start: 42, end: 1233, total: undefined }],
		["bytes */1234", { start: undefined, end: undefined, total: 1234 }],
		["bytes */*", undefined],
		["bytes 500-499/1234", undefined],
		["bytes 0-1234/1234", undefined],
		["bytes 0-/1234", undefined],
		["items 0-1/2", undefined],
		["bytes 0-1", undefined],
		["bytes -1-1/2", undefined],
		["bytes 0-9999999999999999/10000000000000000", undefined],
	] as const) {
		it(`read ${text}`, () => assert.deepEqual(parseContentRange(text), expected));
	}
});

describe("http request heads", () => {
	const head = { method: "GET", path: "/", authority: "h", headers: [], length: undefined, keepAlive: true };
	it("are written in order", () => {
		const headers = [
			["B", "1"],
			["A", "2"],
		] as const;
		assert.equal(
			formatHead({ ...head, method: "POST", path: "/x?y", headers, length: 3 }),
			"POST /x?y HTTP/1.1\r\nHost: h\r\nB: 1\r\nA: 2\r\nContent-Length: 3\r\n\r\n",
		);
	});
	it("announce the absence of a body where one is meant", () => {
		assert.include(formatHead({ ...head, method: "POST" }), "\r\nContent-Length: 0\r\n");
		assert.notInclude(formatHead(head), "Content-Length");
	});
	it("say so when the connection is not kept", () => {
		assert.include(formatHead({ ...head, keepAlive: false }), "\r\nConnection: close\r\n");
	});
	for (const [name, method, path, headers] of [
		["a line end in a value", "GET", "/", [["X", "a\r\nY: b"]]],
		["a lone LF in a value", "GET", "/", [["X", "a\nb"]]],
		["NUL in a value", "GET", "/", [["X", "a\0b"]]],
		["other than ASCII in a value", "GET", "/", [["X", "ä"]]],
		["a line end in a name", "GET", "/", [["X\r\nY", "b"]]],
		["a colon in a name", "GET", "/", [["X:", "b"]]],
		["an empty name", "GET", "/", [["", "b"]]],
		["Host", "GET", "/", [["Host", "evil"]]],
		["Content-Length", "GET", "/", [["content-length", "5"]]],
		["Transfer-Encoding", "GET", "/", [["Transfer-Encoding", "chunked"]]],
		["Connection", "GET", "/", [["CONNECTION", "close"]]],
		["a line end in the path", "GET", "/a\r\nX: y", []],
		["a blank in the path", "GET", "/a b", []],
		["a fragment in the path", "GET", "/a#b", []],
		["a path without a slash", "GET", "a", []],
		["an absolute path", "GET", "http://h/", []],
		["a blank in the method", "GET /", "/", []],
		["no method", "", "/", []],
		["CONNECT", "CONNECT", "/", []],
	] as const) {
		it(`refuse ${name}`, () =>
			assert.equal(
				codeOf(() => checkHead(method, path, headers)),
				"http.bad-request",
			));
	}
	it("do not show values in errors", () => {
		try {
			checkHead("GET", "/x?sig=secret", [["Authorization", "secret\n"]]);
			assert.fail("accepted");
		} catch (error) {
			assert.notInclude(String(error), "secret");
		}
	});
});

describe("http session memory", () => {
	const session = (n: number): ArrayBuffer => new Uint8Array([n]).buffer;
	const first = (secure: { readonly session: ArrayBuffer | undefined }): number | undefined =>
		secure.session === undefined ? undefined : new Uint8Array(secure.session)[0];

	it("hands the latest session to the next connection of its origin only", () => {
		const memory = new SessionMemory();
		const a = memory.secure("https://a:443", { serverName: "a" });
		const b = memory.secure("https://b:443", { serverName: "b" });
		assert.isUndefined(first(a));
		a.onSession(session(1));
		a.onSession(session(2));
		assert.equal(first(a), 2);
		assert.equal(first(memory.secure("https://a:443", {})), 2);
		assert.isUndefined(first(b));
		assert.equal(a.serverName, "a");
	});
	it("forgets on demand, and the oldest when it is full", () => {
		const memory = new SessionMemory(2);
		const [a, b, c] = ["a", "b", "c"].map((origin) => memory.secure(origin, {}));
		if (a === undefined || b === undefined || c === undefined) throw new Error("no options");
		a.onSession(session(1));
		b.onSession(session(2));
		a.onSession(session(3));
		c.onSession(session(4));
		assert.deepEqual([a, b, c].map(first), [3, undefined, 4]);
		memory.forget("a");
		assert.deepEqual([a, b, c].map(first), [undefined, undefined, 4]);
	});
});
