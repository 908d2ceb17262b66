/** Messages of Mender's device connect: whatever is read of them is bounded, and means the same when it is written again. */
import { type Frame, makeFrame, parseBody, parseFrame } from "fleetling/servers/mender/connect/frame";
import { awkward, type Change, concat, ending, must } from "./changes";
import { fuzz } from "./engine";

function bounded(fields: ReadonlyMap<string, string | number>): void {
	must(fields.size <= 8, `${fields.size} fields`);
	for (const [name, value] of fields) {
		must(name.length <= 64, "a name that is too long");
		if (typeof value === "string") must(value.length <= 255, "a text that is too long");
		else must(Number.isSafeInteger(value), `a number ${value}`);
	}
}

function same(one: Frame, other: Frame): void {
	must(one.protocol === other.protocol && one.type === other.type && one.session === other.session, "another head");
	must(one.body.length === other.body.length && one.body.every((byte, at) => byte === other.body[at]), "another body");
	must(one.properties.size === other.properties.size, "other properties");
	for (const [name, value] of one.properties) must(other.properties.get(name) === value, `another "${name}"`);
}

function read(input: Uint8Array): string {
	const frame = parseFrame(input);
	const { protocol, type, session, properties, body } = frame;
	must(type.length <= 64 && session.length <= 64, "a text that is too long");
	must(body.length < input.length, "more than there is");
	bounded(properties);
	const values = [...properties.values()];
	// What the device itself sends is never negative, and its protocols have 16 bits.
	if (protocol >= 0 && protocol <= 0xffff && values.every((value) => typeof value === "string" || value >= 0))
		same(frame, parseFrame(makeFrame({ protocol, type, session, properties: Object.fromEntries(properties) }, body)));
	const fields = ending(() => {
		const read = parseBody(frame);
		bounded(read);
		return `${read.size} fields`;
	});
	return `${properties.size} ${fields}`;
}

/** Heads of values, with lengths that may be right. */
const heads: Change = (input, random) => {
	const at = random.below(input.length + 1);
	const first = random.pick([
		0x80, 0x8f, 0x90, 0xa0, 0xbf, 0xc0, 0xc1, 0xc4, 0xc5, 0xc6, 0xc9, 0xca, 0xcb, 0xcf, 0xd3, 0xd8, 0xd9, 0xdb, 0xdd, 0xdf,
	]);
	const length = awkward(random);
	const head = new Uint8Array([first, ...[24, 16, 8, 0].slice(random.below(4)).map((shift) => (length >>> shift) & 255)]);
	const again = random.pick([1, 1, 1, 50, 900]);
	return concat([input.subarray(0, at), ...Array.from({ length: again }, () => head), input.subarray(at + random.below(6))]);
};

fuzz({
	most: 8_192,
	run: (input) =>
		ending(() => read(input))
			.replace(/"[^"]*"|[0-9]+/g, "#")
			.slice(0, 100),
	changes: [heads],
});
