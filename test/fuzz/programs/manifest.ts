/** The manifest of an artifact: what it lists is well-formed, however it came in. */
import { Checksums } from "fleetling/update/readers/checksums";
import { ManifestReader } from "fleetling/update/readers/manifest";
import { ascii, type Change, ending, inPieces, must, textOf } from "./changes";
import { fuzz } from "./engine";

type Kind = "manifest" | "manifest-augment";

const names = [
	...[
		"version",
		"header.tar",
		"header.tar.gz",
		"header.tar.xz",
		"header-augment.tar",
		"data/0000/file",
		"data/0001/f.bin",
		"data/0000/",
	],
	...[
		"data/0000/../x",
		"data/0000/a b",
		"manifest",
		"",
		"data/9999/x",
		`data/0000/${"n".repeat(255)}`,
		`data/0000/${"n".repeat(256)}`,
	],
];
const hash = "0123456789abcdef".repeat(4);

function read(kind: Kind, feed: (take: (bytes: Uint8Array, start: number, end: number) => void) => void): string {
	const checksums = new Checksums();
	const reader = new ManifestReader(kind, checksums);
	const result = ending(() => {
		feed((bytes, start, end) => reader.write(bytes, start, end));
		reader.finish();
		return "read";
	});
	const listed = checksums.starting("");
	for (const { name, sha256, augmented } of listed) {
		must(sha256.length === 64 && !/[^0-9a-f]/.test(sha256), `a checksum "${sha256}"`);
		must(name !== "" && !name.includes("..") && !name.includes("\n"), `a name "${name}"`);
		must(augmented === (kind === "manifest-augment"), "signed and unsigned are mixed up");
	}
	must(new Set(listed.map(({ name }) => name)).size === listed.length, "a file is listed twice");
	must(listed.length <= 32 + 4, `${listed.length} files`);
	return `${result} ${listed.length}`;
}

/** Lines that are right each for itself: more, fewer, others. */
const lines: Change = (input, random) => {
	const old = textOf(input).split("\n");
	const line = `${random.once(9) ? hash.toUpperCase() : hash}${random.once(9) ? " *" : "  "}${random.pick(names)}`;
	const at = random.below(old.length);
	if (random.once(4)) for (let i = 0; i < 40; i++) old.splice(at, 0, `${hash}  data/0000/file-${i}`);
	else old.splice(at, random.below(3), ...(random.once(3) ? [] : [line]), ...old.slice(at, at + random.below(2)));
	return ascii(old.join("\n"));
};

fuzz({
	most: 9_000,
	run(input, random) {
		const kind: Kind = random.once(3) ? "manifest-augment" : "manifest";
		const whole = read(kind, (take) => take(input, 0, input.byteLength));
		const pieces = read(kind, (take) => inPieces(input, random, take));
		must(whole === pieces, `in one piece "${whole}" and in several "${pieces}"`);
		return `${kind} ${whole.replace(/"[^"]*"|[0-9]+/g, "#").slice(0, 100)}`;
	},
	changes: [lines],
});
