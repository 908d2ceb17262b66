import { frozen } from "fleetling/frozen/frozen";
import type { ServerError } from "../../agent/server";
import type { Answer, AnswerHead } from "../../common/web";
import { errorText, failureOf, later, type Meaning, type Meanings, newToken, noSuchPath, ofDownload } from "../answers";

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

const badRequest: Meaning = frozen({
	code: "server.refused",
	advice: "it refuses what the device says; check deviceType, identity and the server's version",
});
const over: Meaning = frozen({ code: "server.refused", advice: "it does not want to know any more" });

const common: Meanings = frozen({
	...later,
	400: badRequest,
	404: noSuchPath,
	405: noSuchPath,
	413: badRequest,
	415: badRequest,
});

// An expired token is a 401 today; the server's sources have a 403 for it too.
const authorized: Meanings = frozen({ ...common, 401: newToken, 403: newToken });

/** Per call, the statuses with a meaning of their own. */
const meanings: Readonly<Record<Call, Meanings>> = frozen({
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
	download: ofDownload,
});

/** Where a 404 is the last word on a deployment. */
const final: readonly Call[] = frozen(["status", "final status", "deployment log"]);

/** The error for an answer that is not the one hoped for. */
export function failure(server: string, call: Call, answer: AnswerHead | Answer): ServerError {
	return failureOf(server, call, isOfProxy(call, answer) ? later : meanings[call], answer);
}

/**
 * Whether a page says that there is no such path, and not the service that is asked: while that is being restarted, the server's
 * gateway has the one that shows its web pages answer for it.
 */
function isOfProxy(call: Call, answer: AnswerHead | Answer): boolean {
	const { status, headers } = answer;
	if (!final.includes(call) || (status !== 404 && status !== 405)) return false;
	return !("body" in answer) || errorText(headers.get("content-type"), answer.body) === undefined;
}
