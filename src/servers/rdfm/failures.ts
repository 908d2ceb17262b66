import { frozen } from "fleetling/frozen/frozen";
import type { ServerError } from "../../agent/server";
import type { Answer, AnswerHead } from "../../common/web";
import { failureOf, later, type Meaning, type Meanings, newToken, noSuchPath, ofDownload } from "../answers";

/** What was asked: the same status means different things. */
export type Call = "authentication" | "update check" | "download" | "upload" | "logs";

const refusedKey: Meaning = frozen({
	code: "server.refused",
	advice: "it refuses what the device says about itself or its signature; check deviceType, mac and the server's version",
});
const refusedMetadata: Meaning = frozen({
	code: "server.refused",
	advice: "it refuses what the device says about itself; check deviceType, mac and the server's version",
});
const goneLink: Meaning = frozen({ code: "server.refused", advice: "the link is not good any more; ask for the file again" });

/** Per call, the statuses with a meaning of their own. */
const meanings: Readonly<Record<Call, Meanings>> = frozen({
	authentication: {
		...later,
		400: refusedKey,
		401: { code: "server.not-approved", advice: "approve the device on the server" },
		404: noSuchPath,
		405: noSuchPath,
		415: noSuchPath,
	},
	"update check": { ...later, 400: refusedMetadata, 401: newToken, 404: noSuchPath, 405: noSuchPath },
	upload: { ...later, 401: goneLink, 403: goneLink, 404: goneLink, 410: goneLink },
	logs: {
		...later,
		400: { code: "server.refused", advice: "it does not want these entries" },
		401: newToken,
		404: noSuchPath,
	},
	download: ofDownload,
});

/** The error for an answer that is not the one hoped for. */
export function failure(server: string, call: Call, answer: AnswerHead | Answer): ServerError {
	return failureOf(server, call, meanings[call], answer);
}
