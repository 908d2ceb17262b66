/** Hands an answer to a connection, whole or with the faults of a test. */
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { type Answer, reasons } from "./http";
import type { Connection } from "./listener";

/** How much of an answer went out. */
export interface Delivery {
	readonly bytes: number;
	readonly complete: boolean;
}

/** Where a body is to end early. */
export interface Interruption {
	readonly after: number;
	/** The connection is closed, reset, or left open in silence. */
	readonly end: "close" | "reset" | "stall";
}

/** Bytes handed over at a time: smaller blocks would slow a benchmark of the device, larger ones hide when a client went. */
const blockSize = 262_144;

/** Resolves when the client has everything, has gone, or the interruption has taken place. */
export async function transmit(
	outgoing: ServerResponse,
	{ status, headers, body }: Answer,
	connectionHeaders: Readonly<Record<string, string>>,
	connection: Connection,
	interruption?: Interruption,
	pace?: number,
): Promise<Delivery> {
	outgoing.sendDate = false;
	// werkzeug and gunicorn write reason phrases as they are given; Flask gives them in capitals.
	outgoing.writeHead(status, (reasons[status] ?? "Unknown").toUpperCase(), { ...headers, ...connectionHeaders });
	const wanted = outgoing.req.method === "HEAD" ? 0 : body.byteLength;
	const end = Math.min(wanted, interruption?.after ?? wanted);
	// A client waits for the head even where not one byte of the body follows.
	if (interruption) outgoing.flushHeaders();
	const bytes = await writeBlocks(outgoing, body, end, pace);
	if (outgoing.destroyed) return { bytes, complete: false };
	if (interruption) {
		if (interruption.end !== "stall") connection.abort(interruption.end === "reset");
		return { bytes, complete: false };
	}
	outgoing.end();
	await finished(outgoing);
	return { bytes, complete: outgoing.writableFinished };
}

/** Writes `body` up to `end`; returns what was written when the client went. */
async function writeBlocks(outgoing: ServerResponse, body: Uint8Array, end: number, pace?: number): Promise<number> {
	let offset = 0;
	const size = pace === undefined ? blockSize : Math.max(1, Math.floor(pace / 10));
	while (offset < end && !outgoing.destroyed) {
		if (pace !== undefined) await sleep(100);
		const block = body.subarray(offset, Math.min(offset + size, end));
		await new Promise<void>((resolve) => {
			const done = (): void => {
				outgoing.off("close", done);
				resolve();
			};
			outgoing.once("close", done);
			outgoing.write(block, done);
		});
		offset += block.byteLength;
	}
	return offset;
}

const finished = async (outgoing: ServerResponse): Promise<void> => {
	if (!outgoing.writableFinished && !outgoing.destroyed) await Promise.race([once(outgoing, "finish"), once(outgoing, "close")]);
};
