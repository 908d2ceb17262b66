import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import { ServerError } from "../../../agent/server";
import { type ConversationEnd, RefusedError } from "../../../common/conversation";
import { limits } from "../../../common/deadlines";
import { retryAfterOf } from "../../../common/web";
import type { Verdict } from "../../../management/link";

interface Meaning {
	readonly code: ErrorCode;
	/** What to do about it. */
	readonly text: string;
	/** Whether the next try waits for the next successful check. */
	readonly rest?: boolean;
}

const absent =
	"it offers no device connect, or not for this device; check the server's plan and the key url, or set management to off";

/** Statuses with which the server refuses to open the link. All others: it failed, and may not fail the next time. */
const refusals: Readonly<Record<number, Meaning>> = frozen({
	400: { code: "server.refused", text: "something on the way does not let WebSockets through; check proxies and the key url" },
	401: { code: "server.token-refused", text: "the device asks for a new token" },
	// Hosted servers have plans without it: a handshake every two minutes for nothing would be too much.
	402: { code: "server.refused", text: absent, rest: true },
	403: { code: "server.refused", text: absent, rest: true },
	404: { code: "server.refused", text: absent, rest: true },
	429: { code: "server.busy", text: "it is asked again later" },
	503: { code: "server.busy", text: "it is asked again later" },
});

const failed: Meaning = frozen({ code: "server.failed", text: "it is asked again; its own log says more" });

/** What the end of a link means (src/management/link.ts). `server` names the server. */
export function judge(server: string, end: ConversationEnd): Verdict {
	if (end instanceof RefusedError) {
		const { code, text, rest } = refusals[end.status] ?? failed;
		const sentence = `${server} refused device connect with status ${end.status}: ${text}`;
		const error = new ServerError(code, sentence, end.status, retryAfterOf(end));
		return rest ? { kind: "rest", error } : { kind: "retry", error };
	}
	if (!(end instanceof FleetlingError)) {
		const reason = end.reason === "" ? "" : ` "${end.reason.slice(0, limits.quotedText)}"`;
		const text = `${server} closed device connect with ${end.code}${reason}: the device connects again`;
		return { kind: "retry", error: new FleetlingError("server.link-closed", text) };
	}
	// Asking for approval is the agent's business: the link begins again with the next check that succeeds.
	if (end.code === "server.not-approved") return { kind: "rest", error: end };
	// Judged before: a refusal comes back from whoever has given the token.
	if (end instanceof ServerError && refusals[end.status]?.rest) return { kind: "rest", error: end };
	return { kind: "retry", error: end, ...(end instanceof ServerError && { wait: end.retryAfter }) };
}
