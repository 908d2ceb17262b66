import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { ServerError } from "../../agent/server";
import { type ConversationEnd, RefusedError } from "../../common/conversation";
import { intervals, limits } from "../../common/deadlines";
import { retryAfterOf } from "../../common/web";
import type { Verdict } from "../../management/link";

interface Meaning {
	readonly code: ErrorCode;
	/** What happened, and what to do about it. */
	readonly text: string;
}

/** RDFM's close codes. 4000 is defined and never sent, 4003 goes to managers only. All others: the link was closed. */
const closings: Readonly<Record<number, Meaning>> = frozen({
	1003: { code: "server.message-refused", text: "it takes text only; this is a fault of the firmware, report it" },
	1008: {
		code: "server.link-closed",
		text: "no answer to its ping has reached it; the network loses packets, or the device was busy for too long",
	},
	4001: { code: "server.message-refused", text: "it did not want what the device said; check that both are of fitting versions" },
	4002: {
		code: "server.duplicate-link",
		text: "it still holds a connection of this device, which it gives up within a minute, or another device has the same address",
	},
});

const closed: Meaning = frozen({ code: "server.link-closed", text: "the device connects again" });

/** Statuses with which the server refuses to open the link. All others: it failed, and may not fail the next time. */
const refusals: Readonly<Record<number, Meaning>> = frozen({
	400: { code: "server.refused", text: "something on the way does not let WebSockets through; check proxies and the key url" },
	401: { code: "server.token-refused", text: "the device asks for a new token" },
	403: { code: "server.refused", text: "check the device on the server" },
	404: {
		code: "server.refused",
		text: "it offers no management link; check the configuration key url, or set management to off",
	},
	429: { code: "server.busy", text: "it is asked again later" },
	503: { code: "server.busy", text: "it is asked again later" },
});

const failed: Meaning = frozen({ code: "server.failed", text: "it is asked again; its own log says more" });

/** What the end of a link means (src/management/link.ts). `server` names the server. */
export function judge(server: string, end: ConversationEnd): Verdict {
	if (end instanceof RefusedError) return { kind: "retry", error: refusal(server, end) };
	if (!(end instanceof FleetlingError)) {
		const { code, text } = closings[end.code] ?? closed;
		const reason = end.reason === "" ? "" : ` "${end.reason.slice(0, limits.quotedText)}"`;
		const error = new FleetlingError(code, `${server} closed the management link with ${end.code}${reason}: ${text}`);
		// The old connection wins until a ping of the server's (every 25 s) has not been answered: 51 to 52 s.
		if (code === "server.duplicate-link") return { kind: "wait", error, milliseconds: intervals.duplicateLink };
		return { kind: "retry", error };
	}
	// Asking for approval is the agent's business: the link begins again with the next check that succeeds.
	if (end.code === "server.not-approved") return { kind: "rest", error: end };
	return { kind: "retry", error: end, ...(end instanceof ServerError && { wait: end.retryAfter }) };
}

function refusal(server: string, { status, headers }: RefusedError): ServerError {
	const { code, text } = refusals[status] ?? failed;
	const answer = { status, headers };
	return new ServerError(
		code,
		`${server} refused the management link with status ${status}: ${text}`,
		status,
		retryAfterOf(answer),
	);
}
