/** The HTTP response parser: the same response in any pieces is the same response, or the same error. */

import { parseContentRange, parseHTTPDate, parseRetryAfter } from "fleetling/http/http";
import { defaultLimits } from "fleetling/http/limits";
import { ResponseParser } from "fleetling/http/parser";
import { alter, ascii, awkward, type Change, ending, inPieces, must, textOf } from "./changes";
import { fuzz } from "./engine";

const limits = { ...defaultLimits, headerBytes: 2048, lineBytes: 600, headerCount: 20, interim: 3 };

const fields = [
	...["Content-Length: 5", "Content-Length: 5, 5", "content-length:0", "Content-Length: 99999999999999999", "Content-Length: -1"],
	...[
		"Transfer-Encoding: chunked",
		"Transfer-Encoding: gzip, chunked",
		"Transfer-Encoding: identity",
		"Connection: close",
		"X: y",
	],
	...["Connection: keep-alive", "Keep-Alive: timeout=5", "Keep-Alive: timeout=999999999", " folded", "Bad Name: x", ": x", "X:"],
	...["Content-Range: bytes 0-4/5", "Content-Range: bytes 5-4/3", "Retry-After: 120", "Date: Sun, 06 Nov 1994 08:49:37 GMT"],
	...['ETag: "x"', "X: \xff\xfe", "X: a\x00b", `X: ${"y".repeat(700)}`, "X: a\rb"],
];
const statuses = [
	...[
		"HTTP/1.1 200 OK",
		"HTTP/1.0 200 OK",
		"HTTP/1.1 206 Partial",
		"HTTP/1.1 204 No",
		"HTTP/1.1 304 Not",
		"HTTP/1.1 100 Continue",
	],
	...[
		"HTTP/1.1 101 Switching",
		"HTTP/1.1 103",
		"HTTP/2 200",
		"HTTP/1.1 099 X",
		"HTTP/1.1 200",
		"ICY 200 OK",
		"HTTP/1.9 599 \xe4",
	],
];
const bodies = [
	"hello",
	"5\r\nhello\r\n0\r\n\r\n",
	"5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n",
	"0\r\n\r\n",
	"",
	"ffffffffffffff\r\n",
	"5\r\nhelloX\r\n",
	"+5\r\n",
];

function read(
	method: string,
	closed: boolean,
	feed: (take: (bytes: Uint8Array, start: number, end: number) => void) => void,
): string {
	const parser = new ResponseParser(limits, "the server");
	parser.begin(method);
	let body = 0;
	let surplus = 0;
	const result = ending(() => {
		feed((bytes, start, end) => {
			for (let at = start; at < end; ) {
				if (parser.phase === "done") {
					surplus += end - at;
					return;
				}
				if (parser.phase === "data") {
					const count = Math.min(parser.readable, end - at);
					must(count > 0, "waits for a body of nothing");
					parser.advance(count);
					body += count;
					at += count;
					continue;
				}
				const next = parser.feed(bytes, at, end);
				must(next >= at && next <= end, `took ${next - at} of ${end - at} bytes`);
				must(next > at, "does not go on");
				at = next;
			}
		});
		if (closed) parser.end();
		return parser.phase;
	});
	must(parser.received === body, `${parser.received} bytes of body instead of ${body}`);
	must(parser.headers.size <= limits.headerCount, `${parser.headers.size} fields`);
	must(
		result !== "done" ||
			parser.contentLength === undefined ||
			method === "HEAD" ||
			parser.status === 304 ||
			body === parser.contentLength,
		"a body of another length than was announced",
	);
	const fields = [...parser.headers].map(([name, value]) => `${name.length}:${value.length}`).join(",");
	return `${parser.status} ${parser.persistent} ${body}+${surplus} ${fields} ${result}`;
}

const respond: Change = (input, random) => {
	const text = textOf(input);
	const end = text.indexOf("\r\n\r\n");
	const lines = (end < 0 ? text : text.slice(0, end)).split("\r\n");
	const at = random.below(lines.length + 1);
	switch (random.below(6)) {
		case 0:
			lines[0] = random.pick(statuses);
			break;
		case 1:
			lines.splice(at, random.below(2), ...Array.from({ length: random.pick([1, 1, 1, 25]) }, () => random.pick(fields)));
			break;
		case 2:
			lines.splice(at, 1);
			break;
		case 3:
			lines.unshift(...Array.from({ length: 1 + random.below(4) }, () => "HTTP/1.1 100 Continue\r\n"));
			break;
		case 4:
			lines[at] = textOf(alter(ascii(lines[at] ?? ""), random, input));
			break;
		default:
			lines.push(`Content-Length: ${awkward(random)}`);
	}
	const body = random.once(3) || end < 0 ? random.pick(bodies) : text.slice(end + 4);
	return ascii(`${lines.join(random.once(8) ? "\n" : "\r\n")}\r\n\r\n${body}`);
};

/** What is read of the values of fields. */
function values(input: Uint8Array): void {
	const text = textOf(input.subarray(0, 60));
	const range = parseContentRange(text);
	if (range?.start !== undefined) must(range.start <= (range.end ?? range.start), "a range that ends before it begins");
	for (const number of [parseHTTPDate(text), parseRetryAfter(text, undefined)])
		must(number === undefined || Number.isFinite(number), `${number} as a time`);
}

fuzz({
	most: 6_000,
	run(input, random) {
		const method = random.once(6) ? "HEAD" : "GET";
		const closed = random.once(2);
		const whole = read(method, closed, (take) => take(input, 0, input.byteLength));
		const pieces = read(method, closed, (take) => inPieces(input, random, take));
		must(whole === pieces, `in one piece "${whole}" and in several "${pieces}"`);
		values(input);
		return whole.replace(/"[^"]*"|[0-9]+/g, "#").slice(-100);
	},
	changes: [respond],
});
