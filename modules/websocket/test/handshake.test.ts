import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import type { Connection } from "fleetling/http/connection";
import { acceptFor, Handshake, type HandshakeOptions } from "fleetling/websocket/handshake";
import { RefusedError } from "fleetling/websocket/websocket";
import { describe, it } from "test/harness";
import { ascii, textOf } from "./octets";

const defaults: HandshakeOptions = {
	path: "/socket?token=secret",
	authority: "server.test:81",
	headers: [],
	protocols: [],
	excerptBytes: 40,
};

/** What a handshake sends, taken from what it writes to a connection. */
function requestOf(handshake: Handshake): string {
	let sent = "";
	const connection = { writable: 4096, write: (bytes: Uint8Array) => (sent += textOf(bytes)) };
	handshake.flush(connection as unknown as Connection);
	return sent;
}

const keyOf = (request: string): string => /Sec-WebSocket-Key: (.*)\r\n/.exec(request)?.[1] ?? "";

interface Answered {
	readonly accepted: boolean;
	readonly protocol: string | undefined;
	readonly error: FleetlingError | undefined;
	/** What was left for the frames. */
	readonly rest: string;
}

/** Gives an answer, in which ACCEPT stands for the right value, cut at `cuts`. */
function answer(text: string, own: Partial<HandshakeOptions> = {}, cuts: readonly number[] = []): Answered {
	const handshake = new Handshake({ ...defaults, ...own });
	const bytes = ascii(text.replaceAll("ACCEPT", acceptFor(keyOf(requestOf(handshake)))));
	let error: FleetlingError | undefined;
	let rest = "";
	const edges = [0, ...cuts, bytes.length];
	try {
		for (let i = 1; i < edges.length; i++) {
			const [from = 0, to = 0] = edges.slice(i - 1, i + 1);
			if (to <= from) continue;
			const taken = handshake.accepted ? from : handshake.feed(bytes, from, to);
			rest += textOf(bytes.subarray(taken, to));
		}
	} catch (thrown) {
		if (!(thrown instanceof FleetlingError)) throw thrown;
		error = thrown;
	}
	return { accepted: handshake.accepted, protocol: handshake.protocol, error, rest };
}

const lines = (...all: readonly string[]): string => `${all.join("\r\n")}\r\n\r\n`;
const switching = "HTTP/1.1 101 Switching Protocols";
const upgrade = "Upgrade: websocket";
const connection = "Connection: Upgrade";
const accept = "Sec-WebSocket-Accept: ACCEPT";
const good = lines(switching, upgrade, connection, accept);

const constructing = (own: Partial<HandshakeOptions>): string => {
	try {
		new Handshake({ ...defaults, ...own });
	} catch (error) {
		if (error instanceof FleetlingError) return error.code;
		throw error;
	}
	return "none";
};

describe("websocket/handshake: the request", () => {
	it("is what RFC 6455 section 4.1 asks for", () => {
		const request = requestOf(new Handshake(defaults));
		const key = keyOf(request);
		assert.match(key, /^[A-Za-z0-9+/]{22}==$/);
		assert.equal(
			request,
			lines(
				"GET /socket?token=secret HTTP/1.1",
				"Host: server.test:81",
				"Upgrade: websocket",
				"Connection: Upgrade",
				`Sec-WebSocket-Key: ${key}`,
				"Sec-WebSocket-Version: 13",
			),
		);
	});
	it("has another key each time", () => {
		const keys = new Set(Array.from({ length: 20 }, () => keyOf(requestOf(new Handshake(defaults)))));
		assert.equal(keys.size, 20);
	});
	it("carries the caller's headers and subprotocols, and offers no extension", () => {
		const request = requestOf(
			new Handshake({
				...defaults,
				headers: [
					["Authorization", "Bearer token=abc"],
					["Origin", "https://server.test"],
				],
				protocols: ["protomsg/msgpack", "v2.test"],
			}),
		);
		assert.include(request, "\r\nSec-WebSocket-Protocol: protomsg/msgpack, v2.test\r\n");
		assert.include(request, "\r\nAuthorization: Bearer token=abc\r\nOrigin: https://server.test\r\n\r\n");
		assert.notInclude(request, "Extensions");
	});
	for (const [name, own, code] of [
		["a line end in a header", { headers: [["X", "a\r\nY: b"]] }, "http.bad-request"],
		["a blank in the path", { path: "/a b" }, "http.bad-request"],
		["a path that is a whole address", { path: "ws://server.test/" }, "http.bad-request"],
		["Host", { headers: [["Host", "other.test"]] }, "http.bad-request"],
		["Connection", { headers: [["connection", "close"]] }, "http.bad-request"],
		["Upgrade", { headers: [["upgrade", "h2c"]] }, "websocket.bad-use"],
		["Sec-WebSocket-Extensions", { headers: [["Sec-WebSocket-Extensions", "x"]] }, "websocket.bad-use"],
		["a subprotocol with a blank", { protocols: ["a b"] }, "websocket.bad-use"],
		["a subprotocol with a comma", { protocols: ["a,b"] }, "websocket.bad-use"],
		["an empty subprotocol", { protocols: [""] }, "websocket.bad-use"],
		["a subprotocol with a line end", { protocols: ["a\r\nX: y"] }, "websocket.bad-use"],
		["the same subprotocol twice", { protocols: ["a", "b", "a"] }, "websocket.bad-use"],
	] as const)
		it(`does not go out with ${name}`, () => {
			assert.equal(constructing(own), code);
		});
});

describe("websocket/handshake: the answer", () => {
	it("proves itself as in RFC 6455 section 1.3", () => {
		assert.equal(acceptFor("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	});
	it("is accepted, wherever it is cut, and the frames after it are left alone", () => {
		const text = `${good}\x81\x02hi`;
		for (let cut = 0; cut <= text.length + 20; cut++) {
			const { accepted, protocol, error, rest } = answer(text, {}, [cut]);
			assert.isUndefined(error, `cut at ${cut}`);
			assert.isTrue(accepted);
			assert.isUndefined(protocol);
			assert.equal(rest, "\x81\x02hi", `cut at ${cut}`);
		}
		assert.isTrue(answer(good, {}, [...ascii(good).keys()]).accepted);
	});
	for (const [name, text] of [
		["in other cases and among other tokens", lines(switching, "uPGRADE: WebSocket", "connection: keep-alive, upGRADE", accept)],
		["with blanks around", lines(switching, "Upgrade:   websocket  ", "Connection:\tUpgrade", `${accept}  `)],
		["with other headers", lines(switching, "Server: x", upgrade, "Date: today", connection, accept, "X-Y: z")],
		["with an empty reason", lines("HTTP/1.1 101 ", upgrade, connection, accept)],
		["after an interim response", lines("HTTP/1.1 100 Continue") + good],
		["with an empty list of extensions", lines(switching, upgrade, connection, accept, "Sec-WebSocket-Extensions:")],
	] as const)
		it(`is accepted ${name}`, () => {
			const { accepted, error } = answer(text);
			assert.isUndefined(error);
			assert.isTrue(accepted);
		});
	it("selects a subprotocol of those that were offered, or none", () => {
		const protocols = ["a", "protomsg/msgpack"];
		const chosen = lines(switching, upgrade, connection, accept, "Sec-WebSocket-Protocol: protomsg/msgpack");
		assert.equal(answer(chosen, { protocols }).protocol, "protomsg/msgpack");
		const none = answer(good, { protocols });
		assert.isTrue(none.accepted);
		assert.isUndefined(none.protocol);
	});
	for (const [name, text] of [
		["no Upgrade", lines(switching, connection, accept)],
		["another Upgrade", lines(switching, "Upgrade: h2c", connection, accept)],
		["no Connection", lines(switching, upgrade, accept)],
		["another Connection", lines(switching, upgrade, "Connection: keep-alive", accept)],
		["no Accept", lines(switching, upgrade, connection)],
		["a wrong Accept", lines(switching, upgrade, connection, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")],
		["the Accept twice", lines(switching, upgrade, connection, accept, accept)],
		["an extension", lines(switching, upgrade, connection, accept, "Sec-WebSocket-Extensions: permessage-deflate")],
		["a subprotocol that was not offered", lines(switching, upgrade, connection, accept, "Sec-WebSocket-Protocol: other")],
		["two subprotocols", lines(switching, upgrade, connection, accept, "Sec-WebSocket-Protocol: a, b")],
	] as const)
		it(`is refused with ${name}`, () => {
			const { accepted, error } = answer(text, { protocols: ["a", "b"] });
			assert.isFalse(accepted);
			assert.equal(error?.code, "websocket.bad-handshake");
		});
	for (const [name, text] of [
		["noise", "\x16\x03\x01\x02\x00\n"],
		["a frame instead", "\x81\x05hello\n"],
		["a malformed header", lines(switching, "Upgrade websocket")],
		["another version of HTTP", lines("HTTP/2 101 Switching Protocols", upgrade, connection, accept)],
	] as const)
		it(`is no HTTP with ${name}`, () => {
			assert.equal(answer(text).error?.code, "http.bad-response");
		});
	it("is refused when it has too many headers", () => {
		assert.equal(answer(lines(switching, ...Array(100).fill("X: y"))).error?.code, "http.head-too-large");
	});
});

describe("websocket/handshake: a refusal", () => {
	const refusal = (text: string, cuts: readonly number[] = [], own: Partial<HandshakeOptions> = {}): RefusedError => {
		const { error } = answer(text, own, cuts);
		if (!(error instanceof RefusedError)) throw new Error(`not refused: ${String(error)}`);
		return error;
	};
	const unauthorized = lines("HTTP/1.1 401 Unauthorized", "Content-Length: 33", "Retry-After: 7", "Set-Cookie: x=y");
	const body = '{"error":"device \r\n unauthorized"}'.slice(0, 33);

	it("tells status, some headers, and the beginning of the body, wherever it is cut", () => {
		const text = unauthorized + body;
		for (let cut = 0; cut < text.length; cut++) {
			const error = refusal(text, [cut]);
			assert.equal(error.status, 401);
			assert.equal(error.excerpt, body);
			assert.deepEqual([...error.headers], [["retry-after", "7"]]);
			assert.equal(error.code, "websocket.refused");
		}
	});
	it("is put into words without the query, in one line, with what to do", () => {
		const { message } = refusal(unauthorized + body);
		assert.equal(
			message,
			'server.test:81 does not open a WebSocket at /socket but answers 401: {"error":"device unauthorized"; check the credentials',
		);
	});
	it("keeps no more of the body than it is told, and does not wait for the rest", () => {
		const error = refusal(`${lines("HTTP/1.1 500 X", "Content-Length: 100000")}${"x".repeat(60)}`, [], { excerptBytes: 50 });
		assert.equal(error.excerpt, "x".repeat(50));
	});
	for (const [name, text, status, excerpt] of [
		["without a body", lines("HTTP/1.1 404 Not Found", "Content-Length: 0"), 404, ""],
		[
			"with a body in chunks",
			`${lines("HTTP/1.1 503 X", "Transfer-Encoding: chunked")}3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n`,
			503,
			"abcde",
		],
		["with a body in an unknown coding", lines("HTTP/1.1 503 X", "Transfer-Encoding: gzip"), 503, ""],
		["200", `${lines("HTTP/1.1 200 OK", "Content-Length: 2")}ok`, 200, "ok"],
		["204", lines("HTTP/1.1 204 No Content"), 204, ""],
		["a redirect", lines("HTTP/1.1 302 Found", "Location: /other", "Content-Length: 0"), 302, ""],
		["426", lines("HTTP/1.1 426 Upgrade Required", "Sec-WebSocket-Version: 8", "Content-Length: 0"), 426, ""],
	] as const)
		it(`${name}`, () => {
			const error = refusal(text);
			assert.equal(error.status, status);
			assert.equal(error.excerpt, excerpt);
		});
	it("that ends with the connection is told by what has come", () => {
		const handshake = new Handshake(defaults);
		assert.isUndefined(handshake.refusal());
		const bytes = ascii(`${lines("HTTP/1.1 403 Forbidden")}no`);
		assert.equal(handshake.feed(bytes, 0, bytes.length), bytes.length);
		const error = handshake.refusal();
		assert.equal(error?.status, 403);
		assert.equal(error?.excerpt, "no");
		assert.match(error?.message ?? "", /check the credentials$/);
	});
	it("of a redirect says that it is not followed", () => {
		const error = refusal(lines("HTTP/1.1 302 Found", "Location: https://other.test/", "Content-Length: 0"));
		assert.match(error.message, /redirects are not followed/);
		assert.equal(error.headers.get("location"), "https://other.test/");
	});
});
