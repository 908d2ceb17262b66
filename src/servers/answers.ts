import type { ErrorCode } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { ServerError } from "../agent/server";
import { limits } from "../common/deadlines";
import { type Fields, parseObject } from "../common/json";
import { type Answer, type AnswerHead, retryAfterOf } from "../common/web";

/** What a status means for the call that it answers. */
export interface Meaning {
	readonly code: ErrorCode;
	/** What to do about it. */
	readonly advice: string;
}

export type Meanings = Readonly<Record<number, Meaning>>;

export const noSuchPath: Meaning = frozen({
	code: "server.refused",
	advice: "it does not know the request; check the configuration key url",
});
export const newToken: Meaning = frozen({ code: "server.token-refused", advice: "the device asks for a new token" });
const busy: Meaning = frozen({ code: "server.busy", advice: "it is asked again later" });
const gone: Meaning = frozen({ code: "update.gone", advice: "the link is no good any more; a new check gets a new one" });
const shorter: Meaning = frozen({
	code: "update.changed",
	advice: "the package is shorter by now; a new check tells which one it is",
});
const failed: Meaning = frozen({ code: "server.failed", advice: "it is asked again; its own log says more" });

/** What every call can be answered. */
export const later: Meanings = frozen({ 429: busy, 503: busy });

/** Of a package under its link, from whatever storage (RFC 9110 section 15; S3 says 403 for a link that has expired). */
export const ofDownload: Meanings = frozen({ ...later, 401: gone, 403: gone, 404: gone, 410: gone, 416: shorter });

/**
 * The error for an answer that is not the one hoped for, with what the server says about it if that was read. A status without
 * a meaning: the server failed, and may not fail the next time.
 */
export function failureOf(server: string, call: string, meanings: Meanings, answer: AnswerHead | Answer): ServerError {
	const { code, advice } = meanings[answer.status] ?? failed;
	const said = "body" in answer ? errorText(answer.headers.get("content-type"), answer.body) : undefined;
	const quoted = said === undefined ? "" : ` "${said.slice(0, limits.quotedText)}"`;
	return new ServerError(
		code,
		`${server} answered the ${call} with status ${answer.status}${quoted}: ${advice}`,
		answer.status,
		retryAfterOf(answer),
	);
}

/** The text of an error body `{"error": "…"}`; undefined when it is something else: a proxy or a framework answers in HTML. */
export function errorText(contentType: string | undefined, body: Uint8Array): string | undefined {
	if (contentType === undefined || !contentType.toLowerCase().startsWith("application/json")) return undefined;
	try {
		return parseObject(body, "the server's error").optional("error", (fields: Fields) => fields.text("error"));
	} catch {
		return undefined;
	}
}
