/**
 * Makes many connections that end in every possible way, and tells what memory is in use after each hundred of them.
 * The peer answers by the path; what the client itself does to a request is said here.
 */
import TCP from "embedded:io/socket/tcp";
import Resolver from "embedded:network/dns/resolver/udp";
import { FleetlingError } from "fleetling/error/error";
import { HTTPClient, type RequestOptions } from "fleetling/http/http";
import { emit, exit, parameters } from "test/harness";
import { memoryInUse } from "./memory";

const port = Number(parameters.port);
/** Where nobody listens. */
const closedPort = Number(parameters.closedPort);
const paths = parameters.paths as readonly string[];
const rounds = Number(parameters.rounds);

const outcomes = new Map<string, number>();
const count = (outcome: string): void => void outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
const buffer = new Uint8Array(512);

function makeClient(options: { readonly port: number; readonly host?: string }): HTTPClient {
	return new HTTPClient({
		host: "127.0.0.1",
		...options,
		socket: { io: TCP },
		dns: { io: Resolver },
		timeouts: { headers: 1000, idle: 1000, keepAlive: 0 },
		onError: (error) => count(error.code),
	});
}

/** Runs one request to its end; `path` "closed" and the like are ends that the client itself brings about. */
function run(client: HTTPClient, path: string): Promise<void> {
	return new Promise((resolve) => {
		const options: RequestOptions = {
			path: `/${path}`,
			method: path === "repost" ? "POST" : "GET",
			headers: [["X-Some", "thing"]],
			...(path === "silent" && { timeouts: { headers: 3, idle: 3, total: 50 } }),
			onHeaders(_status, headers) {
				if (path === "throws") throw new Error("on purpose");
				if (path === "cancelled" && headers.size > 0) {
					this.close();
					count("closed");
					resolve();
				}
			},
			onReadable() {
				while (this.read(buffer) > 0);
			},
			onDone(error) {
				count(error?.code ?? "done");
				resolve();
			},
		};
		try {
			client.request(options);
		} catch (error) {
			count(error instanceof FleetlingError ? error.code : String(error));
			resolve();
		}
	});
}

const kept = makeClient({ port });
const refused = makeClient({ port: closedPort });
for (let round = 0; round <= rounds; round++) {
	emit({ round, ...memoryInUse() });
	for (let i = 0; i < 100; i++) {
		const path = paths[i % paths.length] ?? "";
		if (path === "refused") await run(refused, path);
		else if (i % 2 === 0) await run(kept, path);
		else {
			const client = makeClient({ port });
			await run(client, path);
			client.close();
		}
	}
}
emit({ round: rounds + 1, ...memoryInUse() });
emit({ outcomes: Object.fromEntries(outcomes) });
exit();
