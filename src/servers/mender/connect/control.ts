import { limits } from "../../../common/deadlines";
import type { TaggedLog } from "../../../common/log";
import { sendError } from "./errors";
import { type Frame, protocols, version } from "./frame";
import { MessagePackReader } from "./msgpack-reader";
import { MessagePackWriter } from "./msgpack-writer";
import type { Outlet } from "./outlet";
import type { Sessions } from "./sessions";

export interface ControlOptions {
	readonly outlet: Outlet;
	readonly sessions: Sessions;
	readonly log: TaggedLog;
	/** Numbers of the protocols that this device has, from the smallest up. */
	readonly offered: () => readonly number[];
}

/** What every session has, whatever it is for. */
export function takeControl(options: ControlOptions, frame: Frame): void {
	const { outlet, sessions, log } = options;
	const { session, type } = frame;
	const take: Readonly<Record<string, () => void>> = {
		ping: () => void outlet.send({ protocol: protocols.control, type: "pong", session }),
		pong: () => undefined,
		open: () => takeOpen(options, frame),
		accept: () => undefined,
		close: () => sessions.end(session),
		error: () => {
			const { text, close } = readError(frame);
			log.warn(`a manager says: ${text}`);
			if (close) sessions.end(session);
		},
	};
	if (Object.hasOwn(take, type)) take[type]?.();
	else sendError(outlet, { session, text: `there is no control message "${type}"`, frame });
}

function takeOpen({ outlet, offered }: ControlOptions, frame: Frame): void {
	const { session } = frame;
	if (!readVersions(frame).includes(version)) {
		sendError(outlet, { session, text: `this device speaks version ${version}`, close: true, frame });
		return;
	}
	const numbers = offered();
	const writer = new MessagePackWriter();
	writer.map(2).text("version").integer(version).text("protocols").array(numbers.length);
	for (const number of numbers) writer.uint16(number);
	outlet.send({ protocol: protocols.control, type: "accept", session }, writer.result);
}

/** Versions that the other side speaks; more than a handful is not meant. */
function readVersions({ body }: Frame): readonly number[] {
	const reader = new MessagePackReader(body, "a request to open a session");
	const versions: number[] = [];
	for (let left = reader.map(); left > 0; left--) {
		if (reader.text(limits.fact) !== "versions") reader.skip();
		else
			for (let more = reader.array(); more > 0; more--)
				if (reader.kind === "integer" && versions.length < mostVersions) versions.push(reader.integer());
				else reader.skip();
	}
	reader.end();
	return versions;
}

const mostVersions = 8;

function readError({ body }: Frame): { readonly text: string; readonly close: boolean } {
	const reader = new MessagePackReader(body, "an error of a manager's");
	let text = "";
	let close = false;
	for (let left = reader.map(); left > 0; left--) {
		const name = reader.text(limits.fact);
		if (name === "err" && reader.kind === "text") text = reader.text(limits.connectMessage);
		else if (name === "close" && reader.kind === "boolean") close = reader.boolean();
		else reader.skip();
	}
	return { text: text.slice(0, limits.quotedText), close };
}
