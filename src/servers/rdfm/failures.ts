import type { ErrorCode } from "fleetling/error/error";
import { ServerError } from "../../agent/server";
import { limits } from "../../common/deadlines";
import { type AnswerHead, retryAfterOf } from "../../common/web";
import { errorText } from "./messages";

/** What was asked: the same status means different things. */
export type Call = "authentication" | "update check" | "download" | "upload" | "logs";

interface Meaning {
	readonly code: ErrorCode;
	/** What to do about it. */
	readonly advice: string;
}

const refusedKey: Meaning = {
	code: "server.refused",
	advice: "it refuses what the device says about itself or its signature; check deviceType, mac and the server's version",
};
const refusedMetadata: Meaning = {
	code: "server.refused",
	advice: "it refuses what the device says about itself; check deviceType, mac and the server's version",
};
const noSuchPath: Meaning = { code: "server.refused", advice: "it does not know the request; check the configuration key url" };
const gone: Meaning = { code: "update.gone", advice: "the package is not there any more; a new check gets a new link" };
const goneLink: Meaning = { code: "server.refused", advice: "the link is not good any more; ask for the file again" };
const shorter: Meaning = { code: "update.changed", advice: "the package is shorter by now; a new check tells which one it is" };
const busy: Meaning = { code: "server.busy", advice: "it is asked again later" };

/** Per call, the statuses with a meaning of their own. All others: the server failed, and may not fail the next time. */
const meanings: Readonly<Record<Call, Readonly<Record<number, Meaning>>>> = {
	authentication: {
		400: refusedKey,
		401: { code: "server.not-approved", advice: "approve the device on the server" },
		404: noSuchPath,
		405: noSuchPath,
		415: noSuchPath,
		429: busy,
		503: busy,
	},
	"update check": {
		400: refusedMetadata,
		401: { code: "server.token-refused", advice: "the device asks for a new token" },
		404: noSuchPath,
		405: noSuchPath,
		429: busy,
		503: busy,
	},
	upload: { 401: goneLink, 403: goneLink, 404: goneLink, 410: goneLink, 429: busy, 503: busy },
	logs: {
		400: { code: "server.refused", advice: "it does not want these entries" },
		401: { code: "server.token-refused", advice: "the device asks for a new token" },
		404: noSuchPath,
		429: busy,
		503: busy,
	},
	download: { 401: gone, 403: gone, 404: gone, 410: gone, 416: shorter, 429: busy, 503: busy },
};

const failed: Meaning = { code: "server.failed", advice: "it is asked again; its own log says more" };

/** The error for an answer that is not the one hoped for; `body` is what it said, if that was read. */
export function failure(server: string, call: Call, answer: AnswerHead, body?: Uint8Array): ServerError {
	const { code, advice } = meanings[call][answer.status] ?? failed;
	const said = body && errorText(answer.headers.get("content-type"), body);
	const quoted = said === undefined ? "" : ` "${said.slice(0, limits.quotedText)}"`;
	return new ServerError(
		code,
		`${server} answered the ${call} with status ${answer.status}${quoted}: ${advice}`,
		answer.status,
		retryAfterOf(answer),
	);
}
