import { assert } from "chai";
import { codes } from "fleetling/error/error";
import { defaultLimits } from "fleetling/http/limits";
import { ResponseParser } from "fleetling/http/parser";
import { describe, it } from "test/harness";
import { allCuts, bytesOf, type Fed, type Feeding, feed } from "./feeding";

interface Case extends Feeding {
	readonly name: string;
	readonly response: string;
	readonly expected: Partial<Fed>;
}

const crlf = (...lines: readonly string[]): string => lines.join("\r\n");

const good: readonly Case[] = [
	{
		name: "Content-Length",
		response: crlf("HTTP/1.1 200 OK", "Content-Length: 5", "Content-Type: text/plain", "", "hello"),
		expected: {
			status: 200,
			body: "hello",
			persistent: true,
			headers: { "content-length": "5", "content-type": "text/plain" },
		},
	},
	{
		name: "an empty body",
		response: crlf("HTTP/1.1 200 OK", "Content-Length: 0", "", ""),
		expected: { status: 200, body: "", persistent: true },
	},
	{
		name: "no reason, and no space before it",
		response: crlf("HTTP/1.1 404", "Content-Length: 0", "", ""),
		expected: { status: 404, persistent: true },
	},
	{
		name: "a single LF as line end",
		response: "HTTP/1.1 200 OK\nContent-Length: 2\n\nab",
		expected: { status: 200, body: "ab" },
	},
	{
		name: "blanks around a value",
		response: crlf("HTTP/1.1 200 OK", "X: \t a b \t ", "Y:", "Content-Length:0", "", ""),
		expected: { headers: { x: "a b", y: "", "content-length": "0" } },
	},
	{
		name: "a field several times",
		response: crlf("HTTP/1.1 200 OK", "Vary: a", "vary: b", "VARY: c", "Content-Length: 0", "", ""),
		expected: { headers: { vary: "a, b, c", "content-length": "0" } },
	},
	{
		name: "only the fields that are wanted, framing all the same",
		response: crlf("HTTP/1.1 200 OK", 'ETag: "x"', "Server: s", "Content-Length: 2", "Connection: close", "", "ab"),
		wanted: ["etag", "date"],
		expected: { headers: { etag: '"x"' }, body: "ab", persistent: false },
	},
	{
		name: "UTF-8 and broken UTF-8 in a value",
		response: crlf("HTTP/1.1 200 OK", "X: \xc3\xa4", "Y: \xff!", "Content-Length: 0", "", ""),
		expected: { headers: { x: "ä", y: "\ufffd!", "content-length": "0" } },
	},
	{
		name: "chunks",
		response: crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "3", "abc", "2", "de", "0", "", ""),
		expected: { body: "abcde", persistent: true },
	},
	{
		name: "chunks with extensions and upper case sizes",
		response: crlf("HTTP/1.1 200 OK", "transfer-encoding: Chunked", "", 'A;a=b;c="d"', "0123456789", "000 ;x", "", ""),
		expected: { body: "0123456789", persistent: true },
	},
	{
		name: "chunks with trailers, which are dropped",
		response: crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "1", "x", "0", "Digest: abc", "Expires: 0", "", ""),
		expected: { body: "x", headers: { "transfer-encoding": "chunked" }, persistent: true },
	},
	{
		name: "chunk data that looks like framing",
		response: crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", "7", "\r\n0\r\n\r\n", "0", "", ""),
		expected: { body: "\r\n0\r\n\r\n" },
	},
	{
		name: "Transfer-Encoding with Content-Length: chunks count, the connection is not used again",
		response: crlf("HTTP/1.1 200 OK", "Content-Length: 3", "Transfer-Encoding: chunked", "", "1", "x", "0", "", ""),
		expected: { body: "x", persistent: false, surplus: "" },
	},
	{
		name: "a body that ends with the connection",
		response: crlf("HTTP/1.1 200 OK", "", "as long as it lasts"),
		closed: true,
		expected: { body: "as long as it lasts", persistent: false },
	},
	{
		name: "an empty body that ends with the connection",
		response: crlf("HTTP/1.0 200 OK", "", ""),
		closed: true,
		expected: { body: "", persistent: false },
	},
	{
		name: "HEAD: no body, whatever the fields say",
		method: "HEAD",
		response: crlf("HTTP/1.1 200 OK", "Content-Length: 1000", "", ""),
		expected: { status: 200, body: "", persistent: true },
	},
	{
		name: "HEAD with Transfer-Encoding",
		method: "HEAD",
		response: crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "", ""),
		expected: { body: "", persistent: true },
	},
	{
		name: "HEAD without a length",
		method: "HEAD",
		response: crlf("HTTP/1.1 200 OK", "", ""),
		expected: { body: "", persistent: true },
	},
	{
		name: "204 without a length",
		response: crlf("HTTP/1.1 204 NO CONTENT", "Content-Type: application/json", "", ""),
		expected: { status: 204, body: "", persistent: true },
	},
	{
		name: "204 that lies: what follows is surplus and the connection is given up",
		response: crlf("HTTP/1.1 204 No Content", "Content-Length: 4", "", "oops"),
		expected: { status: 204, body: "", persistent: false, surplus: "oops" },
	},
	{
		name: "304 with the length of what it does not send",
		response: crlf("HTTP/1.1 304 Not Modified", "Content-Length: 4000", "ETag: x", "", ""),
		expected: { status: 304, body: "", persistent: true },
	},
	{
		name: "interim responses",
		response: crlf(
			"HTTP/1.1 100 Continue",
			"",
			"HTTP/1.1 103 Early",
			"Link: x",
			"",
			"HTTP/1.1 200 OK",
			"Content-Length: 1",
			"",
			"y",
		),
		expected: { status: 200, body: "y", headers: { "content-length": "1" } },
	},
	{
		name: "HTTP/1.0 closes",
		response: crlf("HTTP/1.0 200 OK", "Content-Length: 1", "", "y"),
		expected: { body: "y", persistent: false },
	},
	{
		name: "HTTP/1.0 with keep-alive",
		response: crlf("HTTP/1.0 200 OK", "Content-Length: 1", "Connection: Keep-Alive", "", "y"),
		expected: { body: "y", persistent: true },
	},
	{
		name: "Connection: close among others",
		response: crlf("HTTP/1.1 200 OK", "Connection: foo, Close", "Content-Length: 1", "", "y"),
		expected: { body: "y", persistent: false },
	},
	{
		name: "surplus is not taken",
		response: crlf("HTTP/1.1 200 OK", "Content-Length: 2", "", "abHTTP/1.1 200 OK"),
		expected: { body: "ab", surplus: "HTTP/1.1 200 OK" },
	},
];

const bad: readonly Case[] = [
	...[
		"HTTP/2 200 OK",
		"HTTP/1.1 2000 OK",
		"HTTP/1.1 20 OK",
		"HTTP/1.1  200 OK",
		"http/1.1 200 OK",
		"HTTP/1.1 099 x",
		"SSH-2.0-OpenSSH",
		"",
		"ICY 200 OK",
		"HTTP/1.1\t200\tOK",
	].map((line) => ({
		name: `status line "${line}"`,
		response: `${line}\r\n\r\n`,
		expected: { error: "http.bad-response" },
	})),
	...[
		["two lengths", "Content-Length: 5\r\nContent-Length: 6"],
		["the same length twice", "Content-Length: 5\r\nContent-Length: 5"],
		["a list of lengths", "Content-Length: 5, 5"],
		["a signed length", "Content-Length: +5"],
		["a negative length", "Content-Length: -5"],
		["a hexadecimal length", "Content-Length: 0x5"],
		["an empty length", "Content-Length:"],
		["a length beyond 2^53", "Content-Length: 99999999999999999999"],
		["a folded line", "X: a\r\n b"],
		["a first line that is folded", " X: a"],
		["a blank before the colon", "Content-Length : 5"],
		["a field without a colon", "Content-Length 5"],
		["a field without a name", ": 5"],
		["a name with other characters", "Cont\xe4nt: 5"],
		["NUL in a value", "X: a\0b"],
		["CR in a value", "X: a\rb"],
		["an escape sequence in a value", "X: \x1b[2J"],
	].map(([name = "", field]) => ({
		name,
		response: `HTTP/1.1 200 OK\r\n${field}\r\n\r\nhello`,
		expected: { error: "http.bad-response" },
	})),
	...[
		["gzip", "gzip"],
		["chunked twice", "chunked, chunked"],
		["gzip, chunked", "gzip, chunked"],
		["identity", "identity"],
	].map(([name, value]) => ({
		name: `transfer coding ${name}`,
		response: `HTTP/1.1 200 OK\r\nTransfer-Encoding: ${value}\r\n\r\n`,
		expected: { error: "http.unsupported" },
	})),
	{
		name: "two Transfer-Encoding fields",
		response: crlf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked", "", ""),
		expected: { error: "http.unsupported" },
	},
	{
		name: "Transfer-Encoding in HTTP/1.0",
		response: crlf("HTTP/1.0 200 OK", "Transfer-Encoding: chunked", "", "0", "", ""),
		expected: { error: "http.bad-response" },
	},
	{
		name: "switching protocols unasked",
		response: crlf("HTTP/1.1 101 Switching Protocols", "Upgrade: x", "", ""),
		expected: { error: "http.unsupported" },
	},
	{
		name: "interim responses without end",
		response: "HTTP/1.1 100 Continue\r\n\r\n".repeat(20),
		expected: { error: "http.bad-response" },
	},
	...["x", "", "-1", "0x10", "5 5", "5,", "fffffffffffffff", " 5"].map((size) => ({
		name: `chunk size "${size}"`,
		response: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${size}\r\nhello\r\n0\r\n\r\n`,
		expected: { error: "http.bad-response" },
	})),
	{
		name: "a chunk size that ends with LF alone",
		response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
		expected: { error: "http.bad-response" },
	},
	{
		name: "a control character in a chunk extension",
		response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n",
		expected: { error: "http.bad-response" },
	},
	{
		name: "a chunk longer than its size",
		response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
		expected: { error: "http.head-too-large" },
	},
	{
		name: "a chunk that ends with LF alone",
		response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
		expected: { error: "http.bad-response" },
	},
	{
		name: "a malformed trailer",
		response: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nno colon\r\n\r\n",
		expected: { error: "http.bad-response" },
	},
	{
		name: "a line that is too long",
		response: `HTTP/1.1 200 OK\r\nX: ${"a".repeat(100)}\r\n\r\n`,
		limits: { lineBytes: 64 },
		expected: { error: "http.head-too-large" },
	},
	{
		name: "a line that never ends",
		response: "a".repeat(200),
		limits: { lineBytes: 64 },
		expected: { error: "http.head-too-large" },
	},
	{
		name: "a header section that is too long",
		response: `HTTP/1.1 200 OK\r\n${"X: 0123456789\r\n".repeat(20)}\r\n`,
		limits: { headerBytes: 200 },
		expected: { error: "http.head-too-large" },
	},
	{
		name: "too many fields",
		response: `HTTP/1.1 200 OK\r\n${"X: 0\r\n".repeat(20)}\r\n`,
		limits: { headerCount: 10 },
		expected: { error: "http.head-too-large" },
	},
	{
		name: "trailers that are too long",
		response: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n${"X: 0123456789\r\n".repeat(20)}\r\n`,
		limits: { headerBytes: 200 },
		expected: { error: "http.head-too-large" },
	},
	...[
		["nothing at all", "", "net.closed"],
		["in the status line", "HTTP/1.1 20", "net.closed"],
		["in the headers", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n", "net.closed"],
		["in the body", "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nabc", "http.body-short"],
		["before the body", "HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\n", "http.body-short"],
		["in a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel", "http.body-short"],
		["after a chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "http.body-short"],
		["in the trailers", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: y\r\n", "http.body-short"],
	].map(([name, response = "", error]) => ({
		name: `the connection ends: ${name}`,
		response,
		closed: true,
		expected: { error },
	})),
];

function check(actual: Fed, { expected }: Case, where: string): void {
	const seen = Object.fromEntries(Object.keys(expected).map((key) => [key, actual[key as keyof Fed]]));
	assert.deepEqual(seen, { ...expected }, where);
}

describe("http response parser", () => {
	for (const test of good) {
		it(`takes ${test.name}, cut anywhere`, () => {
			for (const cuts of allCuts(test.response.length)) {
				const actual = feed(test.response, { ...test, cuts });
				const where = `cut at ${cuts.length > 1 ? "every byte" : cuts}`;
				assert.isUndefined(actual.error, `${where}: ${actual.text}`);
				check(actual, test, where);
			}
		});
	}
	for (const test of bad) {
		it(`refuses ${test.name}, cut anywhere`, () => {
			for (const cuts of allCuts(test.response.length)) {
				const actual = feed(test.response, { ...test, cuts });
				check(actual, test, `cut at ${cuts.length > 1 ? "every byte" : cuts}`);
				assert.property(codes, actual.error ?? "");
				assert.match(actual.text, /^server\.test .{20,}/);
			}
		});
	}
	it("is used again for the next response, whatever the last one left behind", () => {
		const parser = new ResponseParser(defaultLimits, "server.test");
		const broken = bytesOf("HTTP/1.1 500 Oops\r\nContent-Length: 7\r\nKeep-Alive: timeout=3\r\nX: unfinis");
		parser.begin("GET");
		parser.feed(broken, 0, broken.length);
		const next = bytesOf("HTTP/1.1 204 No Content\r\n\r\n");
		parser.begin("GET");
		assert.equal(parser.feed(next, 0, next.length), next.length);
		assert.equal(parser.phase, "done");
		assert.equal(parser.status, 204);
		assert.equal(parser.headers.size, 0);
		assert.isUndefined(parser.contentLength);
		assert.isUndefined(parser.keepAlive);
		assert.isTrue(parser.persistent);
	});
	for (const end of ["\r\n", "\n"]) {
		it(`takes a line of exactly the limit that ends with ${JSON.stringify(end)}, and none longer`, () => {
			for (const [length, error] of [
				[64, undefined],
				[65, "http.head-too-large"],
			] as const) {
				const response = `HTTP/1.1 204 No Content${end}X: ${"a".repeat(length - 3)}${end}${end}`;
				for (const cuts of allCuts(response.length))
					assert.equal(feed(response, { limits: { lineBytes: 64 }, cuts }).error, error, `cut at ${cuts}`);
			}
		});
	}
	for (const [field, expected] of [
		["timeout=5", 5000],
		["max=100, timeout=15", 15_000],
		['timeout="3", max=2', 3000],
		["max=100", undefined],
		["timeout=soon", undefined],
	] as const) {
		it(`reads Keep-Alive: ${field}`, () => {
			const parser = new ResponseParser(defaultLimits, "server.test");
			const response = bytesOf(`HTTP/1.1 204 No Content\r\nKeep-Alive: ${field}\r\n\r\n`);
			parser.begin("GET");
			parser.feed(response, 0, response.length);
			assert.equal(parser.keepAlive, expected);
		});
	}
	it("never shows the peer's control characters in an error", () => {
		const { text } = feed("HTTP/1.1 200 OK\r\nTransfer-Encoding: \x80\x9b[2Jgzip\r\n\r\n");
		assert.match(text, /^[\x20-\x7e]+$/);
	});
});
