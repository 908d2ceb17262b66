/** The tar reader: members come whole or not at all, however the archive is cut into pieces. */
import { TarReader } from "fleetling/update/readers/tar";
import { ending, inPieces, must } from "./changes";
import { fuzz } from "./engine";
import { changeTar } from "./tar-changes";

/** What a listener has heard, as one text. */
function read(input: Uint8Array, feed: (take: (bytes: Uint8Array, start: number, end: number) => void) => void): string {
	let heard = "";
	let left = -1;
	const reader = new TarReader(
		{
			begin({ name, size }) {
				must(left < 0, "a member begins inside of another");
				must(Number.isSafeInteger(size) && size >= 0, `a size of ${size}`);
				must(name !== "" && name.length <= 255, "a name of a length that was to be refused");
				left = size;
				heard += `${name.length}:${size} `;
			},
			data(bytes, start, end) {
				must(start < end && end <= bytes.byteLength, "no data, or data beyond the piece");
				must(end - start <= left, "more data than the member has");
				left -= end - start;
			},
			end() {
				must(left === 0, "a member ends before all of it has come");
				left = -1;
				heard += "end ";
			},
		},
		"the archive",
	);
	const result = ending(() => {
		feed((bytes, start, end) => reader.write(bytes, start, end));
		reader.finish();
		return "read";
	});
	reader.close();
	must(result !== "read" || (left < 0 && input.byteLength >= 1024), "an archive without its end was taken for whole");
	return `${heard}${result}`;
}

fuzz({
	most: 20_000,
	run(input, random) {
		const whole = read(input, (take) => take(input, 0, input.byteLength));
		const pieces = read(input, (take) => inPieces(input, random, take));
		must(whole === pieces, `in one piece "${whole}" and in several "${pieces}"`);
		return whole
			.slice(whole.lastIndexOf("end ") + 4)
			.replace(/[0-9]+|"[^"]*"/g, "#")
			.slice(0, 100);
	},
	changes: [changeTar],
});
