/** `npm start [-- --server KIND | --interactive [--port N]]`: the demo. */
import { parseArgs } from "node:util";
import { backends, runDemo } from "../../../test/demo/demo";
import { runInteractive } from "../../../test/demo/interactive";
import { setUpFor } from "./setup";

const usage = `usage: npm start [-- options]

Shows an update from end to end and ends by itself.

  --server KIND    kind of the server: rdfm (default) or mender
  --interactive    keeps a server and a device running, with a page on this machine to watch and drive them
  --port N         port of that page (default: a free one)

Ctrl-C ends it.`;

function portOf(text: string): number {
	const port = Number(text);
	if (!/^\d+$/.test(text) || port > 65_535) throw new Error(`--port wants a number up to 65535, not "${text}"`);
	return port;
}

type Kind = keyof typeof backends;

function kindOf(text: string): Kind {
	const kinds = Object.keys(backends) as Kind[];
	const kind = kinds.find((name) => name === text);
	if (kind === undefined) throw new Error(`--server wants the kind of server, one of ${kinds.join(", ")}, not "${text}"`);
	return kind;
}

async function run(): Promise<number> {
	const { values } = parseArgs({
		options: {
			server: { type: "string", default: "rdfm" },
			interactive: { type: "boolean", default: false },
			port: { type: "string" },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help) {
		process.stdout.write(`${usage}\n`);
		return 0;
	}
	const kind = kindOf(values.server);
	if (values.interactive) {
		if (kind !== "rdfm") throw new Error(`the page of --interactive drives an RDFM server only: leave out --server ${kind}`);
		return runInteractive({ port: portOf(values.port ?? "0") });
	}
	if (values.port !== undefined) throw new Error("--port is the port of the page, which there is with --interactive only");
	if (kind === "mender") setUpFor("mender-artifact");
	return runDemo(kind);
}

process.exitCode = await run();
process.exit();
