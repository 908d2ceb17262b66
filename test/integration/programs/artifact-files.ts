/** What the host's files do, step by step, as the device's own would. */
import type { Directory } from "fleetling/common/files";
import Files from "fleetling/host/files";
import { emit, exit, parameters } from "test/harness";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";

const files: Directory = Files;

function write(path: string, text: string): void {
	const file = files.openFile({ path, mode: "w" });
	file.write(new TextEncoder().encode(text), 0);
	file.flush();
	file.close();
	file.close();
}

function read(path: string): string {
	const file = files.openFile({ path });
	const buffer = new Uint8Array(64);
	const count = file.read(buffer, 0);
	file.close();
	return new TextDecoder().decode(buffer.subarray(0, count));
}

/** What `work` gives, or what it throws. */
function outcome(work: () => unknown): unknown {
	try {
		return work() ?? "done";
	} catch (error) {
		return `threw ${error instanceof Error ? error.message : String(error)}`;
	}
}

/** A file that stays open while it is used in ways that it must bear. */
function useOpen(): unknown[] {
	const file = files.openFile({ path: "open", mode: "w+" });
	file.write(new TextEncoder().encode("0123456789"), 0);
	file.write(new Uint8Array([0x41]), 4);
	const two = new Uint8Array(2);
	const results: unknown[] = [
		file.read(two, 4),
		new TextDecoder().decode(two),
		file.read(two, 9),
		file.read(two, 10),
		file.status().size,
	];
	file.setSize(3);
	results.push(file.status().size, file.status().isFile());
	file.close();
	results.push(
		outcome(() => file.read(two, 0)),
		outcome(() => file.write(two, 0)),
	);
	return results;
}

const paths = parameters.paths as readonly string[];
emit({ event: "before", available: Files.available, error: outcome(() => files.status("x").size) });
Files.use(String(parameters.folder));
write("a", "first");
const made = [
	files.createDirectory("folder"),
	files.createDirectory("folder"),
	outcome(() => files.createDirectory("a")),
	outcome(() => files.createDirectory("x/y")),
];
write("folder/b", "second");
files.move("a", "folder/b");
emit({
	event: "files",
	made,
	moved: [read("folder/b"), files.status("a").isFile(), files.status("folder/b").size, files.status("folder").isDirectory()],
	names: [[...files.scan("")].sort(), [...files.scan("folder")]],
	deleted: [files.delete("folder/b"), files.delete("folder/b"), files.delete("folder"), outcome(() => files.delete("no/such"))],
	missing: [outcome(() => read("none")), outcome(() => files.move("none", "other")), outcome(() => [...files.scan("none")])],
	open: useOpen(),
	odd: [
		outcome(() => files.openFile({ path: "open", mode: "x" as "r" })),
		outcome(() => files.openFile({ path: "link" })),
		outcome(() => read("pipe")),
	],
});
emit({
	event: "escapes",
	results: paths.map((path) => [
		path,
		outcome(() => read(path)),
		outcome(() => write(path, "written")),
		outcome(() => files.delete(path)),
		outcome(() => files.move("open", path)),
		outcome(() => files.createDirectory(path)),
		outcome(() => [...files.scan(path)]),
		outcome(() => files.status(path).isFile()),
	]),
});
exit();
