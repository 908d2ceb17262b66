/** Sets the machine up and hands over to one command; an error ends it with one clear sentence. */
import { pathToFileURL } from "node:url";
import { setUp } from "./setup";

// Whoever reads has read enough, as in "npm run device … | head": that ends any program, and is nothing to explain.
for (const stream of [process.stdout, process.stderr])
	stream.on("error", (error: NodeJS.ErrnoException) => {
		if (error.code !== "EPIPE") throw error;
		process.exit(141);
	});

const [path, ...rest] = process.argv.slice(2);
process.argv.splice(1, process.argv.length - 1, path ?? "", ...rest);
try {
	setUp(path?.endsWith("/test.ts"));
	await import(pathToFileURL(path ?? "").href);
} catch (error) {
	process.stderr.write(`${process.env.FLEETLING_DEBUG ? (error as Error).stack : (error as Error).message}\n`);
	process.exitCode = 1;
}
