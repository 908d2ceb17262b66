/** Makes HTTP requests as the driver describes them, and tells how each of them went. */
import TCP from "embedded:io/socket/tcp";
import Resolver from "embedded:network/dns/resolver/udp";
import { SHA256 } from "fleetling/crypto/sha256";
import { FleetlingError } from "fleetling/error/error";
import { download, exchange, HTTPPool, type HTTPPoolOptions } from "fleetling/http/http";
import { TLSSocket, TrustStore } from "fleetling/tls/tls";
import Hex from "hex";
import { emit, exit, parameters } from "test/harness";
import Time from "time";
import Timer from "timer";
import type { Step, Told } from "./http-steps";

const steps = parameters.steps as readonly Step[];
/** Number of steps that run at the same time. */
const parallel = Number(parameters.parallel ?? 1);
const ca = parameters.ca as string | undefined;
const reported: string[] = [];

const pool = new HTTPPool({
	http: { io: TCP },
	...(ca !== undefined && { https: { io: TLSSocket, over: TCP, secure: { trust: new TrustStore(ca) } } }),
	dns: { io: Resolver },
	...(parameters.pool as Partial<HTTPPoolOptions> | undefined),
	onError: (error) => reported.push(error.code),
});

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => Timer.set(() => resolve(), milliseconds));

async function fetchDownload({ block = 4096, slow, stopAfter, ...options }: Step): Promise<Partial<Told>> {
	const hash = new SHA256();
	let blocks = 0;
	try {
		const got = await download(pool, {
			...options,
			buffer: new Uint8Array(block),
			onBlock(bytes) {
				hash.update(bytes);
				const more = ++blocks !== stopAfter;
				return slow === undefined ? more : pause(slow).then(() => more);
			},
		});
		return {
			status: got.status,
			received: got.received,
			complete: got.complete,
			sha256: Hex.toString(hash.digest()).toLowerCase(),
			headers: Object.fromEntries(got.headers),
			path: got.url.path,
		};
	} finally {
		hash.close();
	}
}

async function fetchExchange({ bodyBytes, ...options }: Step): Promise<Partial<Told>> {
	const body = bodyBytes === undefined ? options.body : new Uint8Array(bodyBytes).map((_, index) => index * 7);
	const got = await exchange(pool, { ...options, ...(body !== undefined && { body }) });
	return {
		status: got.status,
		text: got.text(),
		truncated: got.truncated,
		...(got.date !== undefined && { date: got.date }),
		...(got.retryAfter !== undefined && { retryAfter: got.retryAfter }),
		headers: Object.fromEntries(got.headers),
		path: got.url.path,
	};
}

async function run(step: Step, index: number): Promise<void> {
	if (step.pause !== undefined) await pause(step.pause);
	const start = Time.ticks;
	let outcome: Partial<Told>;
	try {
		outcome = await (step.kind === "download" ? fetchDownload(step) : fetchExchange(step));
	} catch (error) {
		outcome = error instanceof FleetlingError ? { code: error.code, message: error.message } : { code: String(error) };
	}
	emit({ step: index, ...outcome, took: Time.delta(start) });
}

let next = 0;
async function work(): Promise<void> {
	while (next < steps.length) {
		const index = next++;
		const step = steps[index];
		if (step !== undefined) await run(step, index);
	}
}

await Promise.all(Array.from({ length: parallel }, work));
// What a server sends after its last response is reported too.
await pause(Number(parameters.linger ?? 20));
emit({ finished: true, reported });
pool.close();
exit();
