import { assert } from "chai";
import { type TarListener, type TarMember, TarReader } from "fleetling/update/readers/tar";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { bytesOf, type HeaderFields, joined, noise, padded, paxRecord, tar, tarEnd, tarFile, tarHeader } from "./writing";

class Noting implements TarListener {
	readonly members: [name: string, size: number][] = [];
	readonly contents: number[][] = [];
	ends = 0;

	begin({ name, size }: TarMember): void {
		this.members.push([name, size]);
		this.contents.push([]);
	}

	data(bytes: Uint8Array, start: number, end: number): void {
		assert.isBelow(start, end, "an empty piece");
		for (let at = start; at < end; at++) this.contents.at(-1)?.push(bytes[at] ?? -1);
	}

	end(): void {
		this.ends++;
	}
}

/** Reads an archive in pieces of `piece` bytes that lie in the middle of a buffer. */
function read(bytes: Uint8Array, piece = 512): Noting {
	const listener = new Noting();
	const reader = new TarReader(listener, "the archive");
	const buffer = new Uint8Array(piece + 2);
	for (let at = 0; at < bytes.byteLength; at += piece) {
		const part = bytes.subarray(at, at + piece);
		buffer.set(part, 1);
		reader.write(buffer, 1, 1 + part.byteLength);
		buffer.fill(0xee);
	}
	reader.finish();
	reader.close();
	return listener;
}

const long = "n".repeat(130);

describe("tar", () => {
	const archive = tar([
		["one", noise(511)],
		["empty", ""],
		["two", noise(512, 2)],
		[long, noise(513, 3)],
		["three", noise(1200, 4)],
	]);
	const pieces = [1, 2, 7, 100, 511, 512, 513, 1000, 4096, 16384];
	for (const piece of pieces)
		it(`gives the same in pieces of ${piece} bytes`, () => {
			const { members, contents, ends } = read(archive, piece);
			assert.deepEqual(members, [
				["one", 511],
				["empty", 0],
				["two", 512],
				[long, 513],
				["three", 1200],
			]);
			assert.deepEqual(contents, [[...noise(511)], [], [...noise(512, 2)], [...noise(513, 3)], [...noise(1200, 4)]]);
			assert.equal(ends, 5);
		});

	it("may be empty", () => assert.deepEqual(read(tarEnd).members, []));

	it("may be padded with zeros as GNU tar does", () =>
		assert.deepEqual(read(joined(tarFile("a", "b"), tarEnd, new Uint8Array(9216))).members, [["a", 1]]));

	it("joins prefix and name", () => {
		const bytes = joined(tarHeader({ name: "file", prefix: "some/folder" }), tarEnd);
		assert.deepEqual(read(bytes).members, [["some/folder/file", 0]]);
	});

	it("reads a name of exactly 100 characters", () =>
		assert.deepEqual(read(joined(tarHeader({ name: "m".repeat(100) }), tarEnd)).members, [["m".repeat(100), 0]]));

	it("passes over records that say nothing about the data", () => {
		const records = joined(paxRecord("mtime", "1.5"), paxRecord("path", "given"), paxRecord("uname", "someone"));
		const bytes = joined(tarHeader({ type: "x", size: records.byteLength }), padded(records), tarFile("short", "c"), tarEnd);
		assert.deepEqual(read(bytes).members, [["given", 1]]);
	});

	it("takes the NUL type of old writers for a file", () =>
		assert.deepEqual(read(joined(tarHeader({ type: "\0", name: "old" }), tarEnd)).members, [["old", 0]]));

	const one = (fields: HeaderFields): Uint8Array => joined(tarHeader(fields), tarEnd);
	const extended = (record: Uint8Array): Uint8Array =>
		joined(tarHeader({ type: "x", size: record.byteLength }), padded(record), tarFile("a", "b"), tarEnd);
	const refused: readonly (readonly [string, Parameters<typeof rejects>[0], Uint8Array, string])[] = [
		["a wrong checksum", "artifact.bad-tar", one({ checksum: 1 }), "checksum"],
		["GNU's own form", "artifact.bad-tar", one({ magic: "ustar  \0" }), "ustar"],
		["no magic", "artifact.bad-tar", one({ magic: "\0\0\0\0\0\0\0\0" }), "ustar"],
		["a size in base 256", "artifact.bad-tar", one({ sizeText: "\x80\0\0\0\0\0\0\0\0\0\x02\0" }), "octal"],
		["a size that is not octal", "artifact.bad-tar", one({ sizeText: "00000000189\0" }), "octal"],
		["a negative size", "artifact.bad-tar", one({ sizeText: "-0000000010\0" }), "number"],
		["no size", "artifact.bad-tar", one({ sizeText: "\0".repeat(12) }), "lacks"],
		["no name", "artifact.bad-tar", one({ name: "" }), "name"],
		...(["1", "2", "3", "4", "5", "6", "7", "g", "L", "K", "S", "A"] as const).map(
			(type) => [`type ${type}`, "artifact.bad-tar", one({ type, name: "odd" }), "odd"] as const,
		),
		["a name beyond 255 characters", "artifact.too-large", tar([["n".repeat(256), ""]]), "256"],
		["an extended header that is too large", "artifact.too-large", one({ type: "x", size: 1025 }), "1025"],
		["a record of no length", "artifact.bad-tar", extended(bytesOf("path=x\n")), "extended"],
		["a record that is too long", "artifact.bad-tar", extended(bytesOf("99 path=x\n")), "extended"],
		["a record that is too short", "artifact.bad-tar", extended(bytesOf("3 path=x\n")), "extended"],
		["a record without a value", "artifact.bad-tar", extended(bytesOf("8 path\n\n")), "extended"],
		["an empty path", "artifact.bad-tar", extended(paxRecord("path", "")), "extended"],
		[
			"a path that is not UTF-8",
			"artifact.bad-tar",
			extended(new Uint8Array([0x39, 0x20, 0x70, 0x61, 0x74, 0x68, 0x3d, 0xff, 0x0a])),
			"extended",
		],
		["a sparse file", "artifact.bad-tar", extended(paxRecord("GNU.sparse.major", "1")), "GNU.sparse.major"],
		["a link in a record", "artifact.bad-tar", extended(paxRecord("linkpath", "/etc")), "linkpath"],
		["two sizes", "artifact.bad-tar", extended(paxRecord("size", "2")), "two sizes"],
		[
			"two extended headers",
			"artifact.bad-tar",
			joined(tarHeader({ type: "x" }), tarHeader({ type: "x" }), tarEnd),
			"two extended",
		],
		["an extended header for nothing", "artifact.bad-tar", one({ type: "x" }), "behind an extended"],
		["something behind its end", "artifact.bad-tar", joined(tarFile("a", "b"), tarEnd, bytesOf("x")), "behind its end"],
		[
			"one block of zeros between files",
			"artifact.bad-tar",
			joined(tarFile("a", "b"), new Uint8Array(512), tarFile("c", "d")),
			"behind its end",
		],
		[
			"something between files",
			"artifact.bad-tar",
			joined(tarHeader({ size: 1 }), bytesOf("ab"), new Uint8Array(510), tarEnd),
			"between",
		],
		["zeros without end", "artifact.too-large", new Uint8Array(65536 + 512), "zeros"],
		["nothing at all", "artifact.truncated", new Uint8Array(0), "before its end"],
		["no end", "artifact.truncated", tarFile("a", "b"), "before its end"],
		["half an end", "artifact.truncated", joined(tarFile("a", "b"), new Uint8Array(512)), "before its end"],
		["half a header", "artifact.truncated", tarHeader({}).subarray(0, 300), "before its end"],
		["half a file", "artifact.truncated", tarFile("a", noise(600)).subarray(0, 700), '"a"'],
	];
	for (const [what, code, bytes, text] of refused)
		for (const piece of [1, 4096])
			it(`refuses ${what} in pieces of ${piece}`, () => rejects(code, () => read(bytes, piece), text).then(() => {}));

	it("takes a size in a record that says the same", () =>
		assert.deepEqual(read(extended(paxRecord("size", "1"))).members, [["a", 1]]));

	it("refuses every flipped bit of a header, but for the filling of the checksum itself", async () => {
		const bytes = tar([["file", "content"]]);
		for (let bit = 0; bit < 512 * 8; bit++) {
			// A leading zero may be a space, and the NUL at the end too.
			if ([148, 149, 154, 155].includes(bit >> 3)) continue;
			const damaged = bytes.slice();
			damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
			await rejects("artifact.bad-tar", () => read(damaged));
		}
	});
});
