import { frozen } from "fleetling/frozen/frozen";
import type { LogMemory } from "../../common/log-memory";

/** One message as the server wants it: all three present and not empty, or it refuses the whole log. */
interface Message {
	/** RFC 3339. */
	readonly timestamp: string;
	readonly level: string;
	readonly message: string;
}

/** By the first letter of a line; the words are those of the reference client. */
const levels: Readonly<Record<string, string>> = frozen({ E: "error", W: "warning", I: "info", D: "debug" });

export interface LogPart {
	/** What is kept of the log; absent when nothing is. */
	readonly memory: LogMemory | undefined;
	/** The first entry that belongs to the deployment. */
	readonly from: number;
	/** Milliseconds since 1970 at which the device's ticks were 0. */
	readonly epoch: number;
	/** Now, in milliseconds since 1970. */
	readonly now: number;
	/** Why the deployment failed: the last message, and the only one of a device that logs nothing. */
	readonly verdict: string;
}

/** Characters of a log; the server takes 1 MiB, a device has to hold it while it is sent. */
const most = 3_072;

/** Body of PUT …/deployments/{id}/log: the last of what the log says since the deployment began. */
export function deploymentLog({ memory, from, epoch, now, verdict }: LogPart): string {
	const texts = [JSON.stringify(messageOf(now, "E", verdict === "" ? "the update failed" : verdict))];
	let length = texts[0]?.length ?? 0;
	// From the newest back, so that what has no room is what was first.
	for (let number = (memory?.end ?? 0) - 1; number >= from && length < most; number--) {
		const entry = memory?.read(number);
		if (entry === undefined || entry.lost > 0) break;
		const text = JSON.stringify(messageOf(epoch + entry.ticks, entry.line.charAt(0), afterHead(entry.line)));
		length += text.length + 1;
		if (length < most) texts.push(text);
	}
	return `{"messages":[${texts.reverse().join(",")}]}`;
}

function messageOf(at: number, letter: string, message: string): Message {
	return { timestamp: new Date(at).toISOString(), level: levels[letter] ?? "info", message };
}

/** `I (1234) update: text` without what timestamp and level say. */
function afterHead(line: string): string {
	const text = line.slice(line.indexOf(") ") + 2);
	return text === "" ? line : text;
}
