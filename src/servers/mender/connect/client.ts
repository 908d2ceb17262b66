import { frozen } from "fleetling/frozen/frozen";
import TextEncoder from "text/encoder";
import type { TaggedLog } from "../../../common/log";
import type { Frame } from "./frame";
import type { Outlet } from "./outlet";

export interface ClientOptions {
	readonly outlet: Outlet;
	readonly log: TaggedLog;
	/** Has the device ask for a deployment at once. */
	readonly wake: () => void;
	/** Has it report its inventory at once. */
	readonly report: () => void;
}

const statuses = frozen({ normal: 1, error: 2 } as const);

/** What the server's own buttons do. It sends them without a session, and then nobody could take an answer. */
export function takeClient({ outlet, log, wake, report }: ClientOptions, { protocol, type, session }: Frame): void {
	const acts: Readonly<Record<string, () => void>> = { "check-update": wake, "send-inventory": report };
	const act = Object.hasOwn(acts, type) ? acts[type] : undefined;
	if (act !== undefined) log.info(`a manager asks for "${type}"`);
	act?.();
	if (session === "") return;
	const status = act === undefined ? statuses.error : statuses.normal;
	const text = act === undefined ? `there is no request "${type}"` : "";
	outlet.send({ protocol, type, session, properties: { status } }, new Uint8Array(new TextEncoder().encode(text)));
}
