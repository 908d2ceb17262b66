/** `npm start [-- --interactive [--port N]]`: the demo. */
import { parseArgs } from "node:util";
import { runDemo } from "../../../test/demo/demo";
import { runInteractive } from "../../../test/demo/interactive";

const usage = `usage: npm start [-- options]

Shows an update from end to end and ends by itself.

  --interactive    keeps a server and a device running, with a page on this machine to watch and drive them
  --port N         port of that page (default: a free one)

Ctrl-C ends it.`;

function portOf(text: string): number {
	const port = Number(text);
	if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`--port wants a number up to 65535, not "${text}"`);
	return port;
}

async function run(): Promise<number> {
	const { values } = parseArgs({
		options: {
			interactive: { type: "boolean", default: false },
			port: { type: "string" },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help) {
		process.stdout.write(`${usage}\n`);
		return 0;
	}
	if (values.interactive) return runInteractive({ port: portOf(values.port ?? "0") });
	if (values.port !== undefined) throw new Error("--port is the port of the page, which there is with --interactive only");
	return runDemo();
}

process.exitCode = await run();
process.exit();
