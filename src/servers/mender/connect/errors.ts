import type { ErrorCode, FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { limits } from "../../../common/deadlines";
import { type Frame, protocols } from "./frame";
import { MessagePackWriter } from "./msgpack-writer";
import type { Outlet } from "./outlet";

export interface Complaint {
	readonly session: string;
	readonly text: string;
	/** Whether the session ends with it. */
	readonly close?: boolean;
	/** What it is about. */
	readonly frame?: Frame;
}

/** An error of no protocol's own. */
export function sendError(outlet: Outlet, { session, text, close = false, frame }: Complaint): void {
	const writer = new MessagePackWriter();
	writer.map(frame === undefined ? 2 : 4);
	writer.text("err").text(text.slice(0, limits.logText)).text("close").boolean(close);
	if (frame !== undefined)
		writer
			.text("msgproto")
			.uint16(frame.protocol & 0xffff)
			.text("msgtype")
			.text(frame.type);
	outlet.send({ protocol: protocols.control, type: "error", session }, writer.result);
}

/** Statuses that whoever asked through the server's own API gets to see. All others: 500. */
const statuses: Partial<Readonly<Record<ErrorCode, number>>> = frozen({
	"management.bad-path": 400,
	"server.bad-answer": 400,
	"management.read-only": 403,
	"management.not-forwarded": 403,
	"management.no-file": 404,
	"management.file-changed": 409,
	"management.too-large": 413,
	"management.busy": 503,
});

/** An error in the words of files and forwarded connections. */
export function sendFailure(
	outlet: Outlet,
	{ protocol, type, session }: Pick<Frame, "protocol" | "type" | "session">,
	error: FleetlingError,
	properties?: Readonly<Record<string, string>>,
): void {
	const writer = new MessagePackWriter();
	// For a person: the code says it in one word.
	writer.map(3).text("err").text(`${error.code}: ${error.message}`.slice(0, limits.logText));
	writer
		.text("msgtype")
		.text(type)
		.text("code")
		.integer(statuses[error.code] ?? 500);
	outlet.send({ protocol, type: "error", session, ...(properties && { properties }) }, writer.result);
}
