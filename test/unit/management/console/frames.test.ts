import { assert } from "chai";
import { FrameSeparator, packet } from "fleetling/management/console/frames";
import { beforeEach, describe, it } from "test/harness";
import { Random } from "../../../../modules/websocket/test/random";

const bytesOf = (text: string): number[] => [...text].map((character) => character.charCodeAt(0));
const textOf = (bytes: Uint8Array): string => [...bytes].map((byte) => String.fromCharCode(byte)).join("");

let separator: FrameSeparator;
let typed: string;
let events: string[];
let waits: number[];

beforeEach(() => {
	typed = "";
	events = [];
	waits = [];
	separator = new FrameSeparator({
		onText: (bytes) => {
			typed += textOf(bytes);
		},
		onPacket: (type, data) => events.push(`${type}:${textOf(data)}`),
		onBroken: () => events.push("broken"),
		wait: (milliseconds) => waits.push(milliseconds),
	});
});

const push = (...parts: readonly (string | ArrayLike<number>)[]): void => {
	const all = parts.flatMap((part) => (typeof part === "string" ? bytesOf(part) : Array.from(part)));
	separator.push(new Uint8Array(all));
};
/** A packet without its line feed. */
const bare = (type: number, data: string): number[] => [...packet(type, bytesOf(data))].slice(0, -1);

describe("packets of Improv", () => {
	it("have the bytes of the specification", () => {
		// Request current state, as the protocol's own JavaScript client sends it: sum 0x1e7 - 7 letters, versions and lengths by hand.
		const sum = bytesOf("IMPROV").reduce((all, byte) => all + byte, 0) + 1 + 3 + 2 + 2 + 0;
		assert.deepEqual([...packet(3, [2, 0])], [0x49, 0x4d, 0x50, 0x52, 0x4f, 0x56, 1, 3, 2, 2, 0, sum & 0xff, 10]);
		assert.equal(sum & 0xff, 0xe5);
	});
	it("are told from what is typed before and after them", () => {
		push("sta", packet(3, bytesOf("one")), "tus\r");
		assert.deepEqual(events, ["3:one"]);
		assert.equal(typed, "status\r");
	});
	it("may come byte by byte, one after the other, with and without a line feed", () => {
		const all = [...bare(3, "one"), ...packet(3, bytesOf("two")), ...bare(1, ""), ...bytesOf("x")];
		for (const byte of all) push([byte]);
		assert.deepEqual(events, ["3:one", "3:two", "1:"]);
		assert.equal(typed, "x");
	});
	it("only the line feed right behind a packet belongs to it", () => {
		push(packet(3, []), "\n", bare(3, ""));
		separator.expire();
		push("\n");
		assert.equal(typed, "\n\n");
	});
	it("may have 255 bytes, and a line feed and another head in their data", () => {
		const data = `${"x".repeat(120)}\nIMPROV\x01${"y".repeat(127)}`;
		push(packet(3, bytesOf(data)));
		assert.deepEqual(events, [`3:${data}`]);
		assert.equal(typed, "");
	});
	for (const text of ["I", "IM", "IMPROV", "IIMPROV", "IMPIMPROVE", "IMPROV\x02", "IMPROVIMPROV", "IMPROVING\r"]) {
		it(`what only begins like one is typed: ${JSON.stringify(text)}`, () => {
			for (const byte of bytesOf(text)) push([byte]);
			separator.expire();
			assert.equal(typed, text);
			assert.deepEqual(events, []);
		});
	}
	it("a head right behind the beginning of one is found", () => {
		push("IMPI", "IMPRO", packet(3, bytesOf("one")), "I");
		separator.expire();
		assert.equal(typed, "IMPIIMPROI");
		assert.deepEqual(events, ["3:one"]);
	});
	it("a person's letter waits a tenth of a second at most", () => {
		push("I");
		assert.equal(typed, "");
		assert.deepEqual(waits, [100]);
		separator.expire();
		assert.equal(typed, "I");
	});
	it("a wrong checksum is told, and nothing of it is typed", () => {
		const damaged = bare(3, "secret");
		damaged[damaged.length - 1] = ((damaged[damaged.length - 1] ?? 0) + 1) & 0xff;
		push(damaged, "\nhelp");
		assert.deepEqual(events, ["broken"]);
		assert.equal(typed, "help");
	});
	it("a torn one is told when its time is over, and nothing of it is typed", () => {
		push(bare(3, "secret").slice(0, 12));
		assert.deepEqual(events, []);
		assert.equal(waits.at(-1), 500);
		separator.expire();
		push("help");
		assert.deepEqual(events, ["broken"]);
		assert.equal(typed, "help");
	});
	it("a good one behind a torn one is found, when the torn one is full or its time is over", () => {
		push(bare(3, "x".repeat(20)).slice(0, 15), packet(3, bytesOf("one")), packet(3, bytesOf("two")), "help");
		assert.deepEqual(events, ["broken", "3:one", "3:two"]);
		assert.equal(typed, "help");
		events = [];
		push(bare(3, "x".repeat(200)).slice(0, 15), packet(3, bytesOf("one")));
		assert.deepEqual(events, []);
		separator.expire();
		assert.deepEqual(events, ["broken", "3:one"]);
	});
	it("whatever comes, nothing throws, and a good one afterwards is found", () => {
		const random = new Random(1);
		for (let round = 0; round < 300; round++) {
			const noise = Array.from({ length: random.below(40) }, () =>
				random.below(3) === 0 ? (bytesOf("IMPROV\x01")[random.below(7)] ?? 0) : random.below(256),
			);
			const begun = random.below(2) === 0 ? [...bytesOf("IMPROV\x01"), ...noise] : noise;
			push(begun);
			separator.expire();
			separator.expire();
			events = [];
			push(packet(3, bytesOf(`round ${round}`)));
			assert.deepEqual(events, [`3:round ${round}`]);
		}
	});
});
