/** `npm run provision -- --set key=value … --file key=path … --out nvs.bin [--size BYTES]`: what a factory flashes into a device's storage. */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { parseArgs } from "node:util";
import { makeStorageImage } from "./nvs-image";

/** That of the ESP32 target's partition tables (targets/esp32/flash). */
const usualSize = 0x6000;
const pageSize = 0x1000;
/** One page is always free. */
const leastSize = 3 * pageSize;
const mostSize = 0x100000;
/** Whoever has one of these is the device, or in its network. */
const secrets = new Set(["password", "tenantToken"]);

const usage = `usage: npm run provision -- --set key=value … [options] --out FILE

  --set key=value    a value of the configuration; also ssid, password and hostname of a device with Wi-Fi
  --file key=PATH    the same from a file, e.g. ca=ca.pem; - is standard input, so that secrets stay out of the shell's history
  --out FILE         the image of the partition "nvs"; only its owner can read it
  --size BYTES       of the partition (default ${usualSize}, as in targets/esp32/flash)
`;

type Source = (key: string) => Promise<string>;

async function standardInput(key: string): Promise<string> {
	if (!process.stdin.isTTY) return readText(0, "standard input");
	process.stderr.write(`${key}: `);
	const hidden = new Writable({ write: (_chunk, _encoding, done) => done() });
	const line = createInterface({ input: process.stdin, output: hidden, terminal: true });
	const text = await new Promise<string>((resolve, reject) => {
		line.once("line", resolve);
		line.once("SIGINT", () => reject(new Error("interrupted")));
	});
	line.close();
	process.stderr.write("\n");
	return text;
}

/** Without the line end that editors and \`echo\` put there. */
function readText(path: string | number, name: string): string {
	let bytes: Buffer;
	try {
		bytes = readFileSync(path);
	} catch (error) {
		throw new Error(`${name} cannot be read: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
	}
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/\r?\n$/, "");
	} catch {
		throw new Error(`${name} is not a text in UTF-8`);
	}
}

function sourceOf(path: string): Source {
	return path === "-" ? standardInput : async (key) => readText(path, `--file ${key}=${path}`);
}

function split(option: string, assignment: string, of: string): readonly [string, string] {
	const at = assignment.indexOf("=");
	// Not quoted: it may be the secret alone.
	if (at <= 0) throw new Error(`--${option} wants key=${of}`);
	return [assignment.slice(0, at), assignment.slice(at + 1)];
}

async function collect(sets: readonly string[], files: readonly string[]): Promise<Map<string, string>> {
	const values = new Map<string, string>();
	const add = (key: string, value: string): void => {
		if (values.has(key)) throw new Error(`"${key}" is given twice`);
		if (value.includes("\0")) throw new Error(`the value of "${key}" is not a text: it holds a 0`);
		values.set(key, value);
	};
	for (const assignment of sets) {
		const [key, value] = split("set", assignment, "value");
		if (secrets.has(key)) process.stderr.write(`"${key}" is in your shell's history now: --file ${key}=- asks for it\n`);
		add(key, value);
	}
	const inputs = files.map((assignment) => split("file", assignment, "path"));
	if (inputs.filter(([, path]) => path === "-").length > 1) throw new Error("only one value can come from standard input");
	for (const [key, path] of inputs) add(key, await sourceOf(path)(key));
	return values;
}

function sizeOf(text: string): number {
	const size = Number(text);
	if (Number.isInteger(size) && size % pageSize === 0 && size >= leastSize && size <= mostSize) return size;
	throw new Error(`--size wants a multiple of ${pageSize} from ${leastSize} to ${mostSize} bytes, not "${text}"`);
}

/** In one step, and readable for nobody else at any time. */
function write(path: string, bytes: Buffer): void {
	const temporary = `${path}.${process.pid}`;
	try {
		writeFileSync(temporary, bytes, { mode: 0o600, flag: "wx" });
		renameSync(temporary, path);
	} catch (error) {
		rmSync(temporary, { force: true });
		throw new Error(`${path} cannot be written: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
	}
}

const { values: given } = parseArgs({
	options: {
		set: { type: "string", multiple: true, default: [] },
		file: { type: "string", multiple: true, default: [] },
		out: { type: "string" },
		size: { type: "string", default: String(usualSize) },
		help: { type: "boolean", default: false },
	},
});
const { set, file, out, size, help } = given;
if (help || out === undefined || set.length + file.length === 0) {
	process.stdout.write(usage);
	process.exitCode = help ? 0 : 64;
} else {
	const bytes = sizeOf(size);
	const values = await collect(set, file);
	write(out, await makeStorageImage(values, bytes));
	process.stdout.write(`${out}: ${bytes} bytes with ${[...values.keys()].join(", ")}\n`);
}
