/** The administrator's routes for groups: devices, packages, policy and priority (facts B.3). */
import { rfcDateText } from "./dates";
import type { DeviceStore } from "./devices";
import type { Group, GroupStore } from "./groups";
import { type Answer, errorAnswer, jsonAnswer, type Request, type Route, requireJson } from "./http";
import { isObject, type Json } from "./json";
import type { PackageStore } from "./packages";
import { integer, listOf, type Rule, record, schemaError, text } from "./schema";

const devicesRule = record<{ readonly add: readonly number[]; readonly remove: readonly number[] }>({
	add: listOf(integer),
	remove: listOf(integer),
});
const packagesRule = record<{ readonly packages: readonly number[] }>({ packages: listOf(integer) });
const policyRule = record<{ readonly policy: string }>({ policy: text });
const priorityRule = record<{ readonly priority: number }>({ priority: integer });

/** `/api/v2/groups` and below. */
export function groupAdminRoutes(groups: GroupStore, devices: DeviceStore, packages: PackageStore): readonly Route[] {
	const one = (path: RegExp, method: Route["method"], handle: (group: Group, request: Request) => Answer): Route => ({
		name: "admin",
		method,
		path,
		handle: (request, [id]) => {
			const group = groups.get(Number(id));
			return group ? handle(group, request) : errorAnswer("group does not exist", 404);
		},
	});
	/** A change whose body follows a rule; a conflict has the given status. */
	const change = <T>(
		method: Route["method"],
		path: RegExp,
		rule: Rule<T>,
		status: number,
		apply: (group: Group, value: T) => string | undefined,
	) =>
		one(path, method, (group, request) => {
			const checked = rule(requireJson(request));
			if (!checked.ok) return schemaError(checked.errors);
			const conflict = apply(group, checked.value);
			return conflict === undefined ? jsonAnswer({}) : errorAnswer(conflict, status);
		});
	const deviceExists = (id: number): boolean => devices.get(id) !== undefined;
	const packageExists = (id: number): boolean => packages.get(id) !== undefined;
	return [
		{ name: "admin", method: "GET", path: /^\/api\/v2\/groups$/, handle: () => jsonAnswer(groups.all().map(describe)) },
		{ name: "admin", method: "POST", path: /^\/api\/v2\/groups$/, handle: (request) => create(groups, request) },
		one(/^\/api\/v2\/groups\/(\d+)$/, "GET", (group) => jsonAnswer(describe(group))),
		one(/^\/api\/v2\/groups\/(\d+)$/, "DELETE", (group) =>
			groups.delete(group) ? jsonAnswer({}) : errorAnswer("group is still assigned to some devices", 409),
		),
		change("PATCH", /^\/api\/v2\/groups\/(\d+)\/devices$/, devicesRule, 409, (group, { add, remove }) =>
			groups.changeDevices(group, add, remove, deviceExists),
		),
		change("POST", /^\/api\/v2\/groups\/(\d+)\/package$/, packagesRule, 409, (group, value) =>
			groups.changePackages(group, value.packages, packageExists),
		),
		change("POST", /^\/api\/v2\/groups\/(\d+)\/policy$/, policyRule, 400, (group, { policy }) =>
			groups.changePolicy(group, policy),
		),
		change("POST", /^\/api\/v2\/groups\/(\d+)\/priority$/, priorityRule, 409, (group, { priority }) =>
			groups.changePriority(group, priority),
		),
	];
}

const describe = (group: Group): Json => ({
	id: group.id,
	created: rfcDateText(group.created),
	metadata: group.metadata as Json,
	policy: group.policy,
	priority: group.priority,
	devices: [...group.devices],
	packages: [...group.packages],
});

/** Nothing is checked beforehand: a body without `metadata` is a 500. */
function create(groups: GroupStore, request: Request): Answer {
	try {
		const body = requireJson(request);
		if (!isObject(body) || !isObject(body.metadata)) throw new TypeError("no metadata");
		return jsonAnswer(describe(groups.create(body.metadata, typeof body.priority === "number" ? body.priority : undefined)));
	} catch {
		return errorAnswer("group creation failed", 500);
	}
}
