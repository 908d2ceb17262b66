/** The administrator's routes for actions (facts D). */
import type { ActionRow, Actions } from "./actions";
import { httpDate } from "./dates";
import { type Answer, errorAnswer, htmlAnswer, jsonAnswer, type Route } from "./http";
import type { Json } from "./json";
import type { Management } from "./management";

/** `/api/v2/devices/<mac>/action/…` */
export function actionAdminRoutes(actions: Actions, management: Management): readonly Route[] {
	const route = (
		method: Route["method"],
		tail: string,
		handle: (mac: string, rest: string) => Answer | Promise<Answer>,
	): Route => ({
		name: "admin",
		method,
		path: new RegExp(`^/api/v2/devices/([^/]+)/action/${tail}$`),
		handle: (_, [mac = "", rest = ""]) => handle(mac, rest),
	});
	return [
		route("GET", "list", (mac) => {
			const link = management.linkOf(mac);
			return link ? jsonAnswer(actions.listOf(link) as unknown as Json) : errorAnswer("device is not connected", 404);
		}),
		route("GET", "exec/([^/]+)", async (mac, actionId) => {
			const outcome = await actions.execute(mac, actionId);
			if (outcome.status === 200) return jsonAnswer({ status_code: outcome.statusCode, output: outcome.output });
			return outcome.status === 202 ? jsonAnswer({}, 202) : htmlAnswer(500);
		}),
		route("GET", "log", (mac) => jsonAnswer(actions.rows.filter((row) => row.mac === mac).map(describe))),
		// Only those that ended with 0 or -1.
		route("DELETE", "log", (mac) => remove(actions, mac, ["0", "-1"])),
		route("DELETE", "pending", (mac) => remove(actions, mac, ["pending"])),
	];
}

const describe = ({ id, actionId, created, status }: ActionRow): Json => ({
	execution_id: id,
	action: actionId,
	created: httpDate(created),
	status,
});

function remove(actions: Actions, mac: string, statuses: readonly string[]): Answer {
	const kept = actions.rows.filter((row) => row.mac !== mac || !statuses.includes(row.status));
	actions.rows.splice(0, actions.rows.length, ...kept);
	return jsonAnswer({});
}
