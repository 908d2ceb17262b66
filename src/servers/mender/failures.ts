import type { ErrorCode } from "fleetling/error/error";
import { ServerError } from "../../agent/server";
import { limits } from "../../common/deadlines";
import { type Answer, type AnswerHead, retryAfterOf } from "../../common/web";
import { errorText } from "./messages";

/** What was asked: the same status means different things. */
export type Call =
	| "authentication"
	| "update check"
	| "status"
	| "final status"
	| "deployment log"
	| "inventory"
	| "configuration"
	| "download";

interface Meaning {
	readonly code: ErrorCode;
	/** What to do about it. */
	readonly advice: string;
}

type Meanings = Readonly<Record<number, Meaning>>;

const noSuchPath: Meaning = { code: "server.refused", advice: "it does not know the request; check the configuration key url" };
const badRequest: Meaning = {
	code: "server.refused",
	advice: "it refuses what the device says; check deviceType, identity and the server's version",
};
const busy: Meaning = { code: "server.busy", advice: "it is asked again later" };
const newToken: Meaning = { code: "server.token-refused", advice: "the device asks for a new token" };
const gone: Meaning = { code: "update.gone", advice: "the link is no good any more; a new check gets a new one" };
const shorter: Meaning = { code: "update.changed", advice: "the package is shorter by now; a new check tells which one it is" };
const over: Meaning = { code: "server.refused", advice: "it does not want to know any more" };

const common: Meanings = {
	400: badRequest,
	404: noSuchPath,
	405: noSuchPath,
	413: badRequest,
	415: badRequest,
	429: busy,
	503: busy,
};

// An expired token is a 401 today; the server's sources have a 403 for it too.
const authorized: Meanings = { ...common, 401: newToken, 403: newToken };

/** Per call, the statuses with a meaning of their own. All others: the server failed, and may not fail the next time. */
const meanings: Readonly<Record<Call, Meanings>> = {
	// Waiting, rejected and dismissed are the same answer: the server does not tell a stranger which.
	authentication: { ...common, 401: { code: "server.not-approved", advice: "accept the device on the server" } },
	"update check": {
		...authorized,
		409: {
			code: "server.failed",
			advice: "it has given up the deployment, because the device had another artifact name when it began; it is asked again",
		},
	},
	status: {
		...authorized,
		404: { code: "update.cancelled", advice: "the deployment is not there any more" },
		409: { code: "update.cancelled", advice: "the deployment was aborted" },
	},
	"final status": { ...authorized, 400: over, 404: over, 409: over },
	"deployment log": { ...authorized, 404: over },
	inventory: authorized,
	// A hosted server has it as an addition, which a device may have or not.
	configuration: { ...authorized, 403: { code: "server.refused", advice: "it does not give this device a configuration" } },
	download: { 401: gone, 403: gone, 404: gone, 410: gone, 416: shorter, 429: busy, 503: busy },
};

const failed: Meaning = { code: "server.failed", advice: "it is asked again; its own log says more" };

/** The error for an answer that is not the one hoped for, with what the server says about it if that was read. */
export function failure(server: string, call: Call, answer: AnswerHead | Answer): ServerError {
	const { code, advice } = meanings[call][answer.status] ?? failed;
	const said = "body" in answer ? errorText(answer.headers.get("content-type"), answer.body) : undefined;
	const quoted = said === undefined ? "" : ` "${said.slice(0, limits.quotedText)}"`;
	return new ServerError(
		code,
		`${server} answered the ${call} with status ${answer.status}${quoted}: ${advice}`,
		answer.status,
		retryAfterOf(answer),
	);
}
