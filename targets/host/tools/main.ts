/** Sets the machine up and hands over to one command; an error ends it with one clear sentence. */
import { pathToFileURL } from "node:url";
import { setUp } from "./setup";

const [path, ...rest] = process.argv.slice(2);
process.argv.splice(1, process.argv.length - 1, path ?? "", ...rest);
try {
	setUp(path?.endsWith("/test.ts"));
	await import(pathToFileURL(path ?? "").href);
} catch (error) {
	process.stderr.write(`${process.env.FLEETLING_DEBUG ? (error as Error).stack : (error as Error).message}\n`);
	process.exitCode = 1;
}
