/** The logs API (facts B.5): a device's POST and the administrator's GET. */
import { rfcDateText } from "./dates";
import type { DeviceStore } from "./devices";
import { type Answer, errorAnswer, jsonAnswer, type Request, type Route, requireJson } from "./http";
import { type Checked, listOf, type Rule, record, rfcDate, schemaError, text } from "./schema";
import { deviceRoute, type Tokens } from "./tokens";

/** A stored entry; times in milliseconds since 1970. */
export interface LogEntry {
	readonly id: number;
	readonly created: number;
	readonly device: number;
	readonly deviceTimestamp: number;
	readonly name: string;
	readonly entry: string;
}

interface Entry {
	readonly device_timestamp: number;
	readonly name: string;
	readonly entry: string;
}

const batchRule = record<{ readonly batch: readonly Entry[] }>({
	batch: listOf(record<Entry>({ device_timestamp: rfcDate, name: text, entry: text })),
});

/** Entries of all devices, in order of arrival. */
export class LogStore {
	readonly entries: LogEntry[] = [];

	add(device: number, created: number, batch: readonly Entry[]): void {
		for (const { device_timestamp: deviceTimestamp, name, entry } of batch) {
			this.entries.push({ id: this.entries.length + 1, created, device, deviceTimestamp, name, entry });
		}
	}
}

/** Filter of the administrator's query. */
interface Filter {
	readonly name?: string;
	readonly since?: number;
	readonly to?: number;
}

const filterRules = { name: text, since: rfcDate, to: rfcDate } as const satisfies Record<string, Rule<string | number>>;

function filterOf(query: URLSearchParams): Checked<Filter> {
	const filter: Record<string, string | number> = {};
	for (const [key, value] of query) {
		const rule: Rule<string | number> | undefined = Object.hasOwn(filterRules, key)
			? filterRules[key as keyof typeof filterRules]
			: undefined;
		if (!rule) return { ok: false, errors: { [key]: ["Unknown field."] } };
		const checked = rule(value);
		if (!checked.ok) return { ok: false, errors: { [key]: checked.errors } };
		filter[key] = checked.value;
	}
	return { ok: true, value: filter };
}

/** Both routes. */
export function logRoutes(logs: LogStore, devices: DeviceStore, tokens: Tokens, clock: () => number): readonly Route[] {
	const post = deviceRoute(
		tokens,
		(mac) => devices.touch(mac),
		(request, { device_id: mac }): Answer => {
			const checked = batchRule(requireJson(request));
			if (!checked.ok) return schemaError(checked.errors);
			const device = devices.find(mac);
			// A token outlives its device; the real server then stumbles and says so with an empty object.
			if (!device) return jsonAnswer({}, 500);
			logs.add(device.id, clock(), checked.value.batch);
			return jsonAnswer({});
		},
	);
	const get = (request: Request, [id]: readonly string[]): Answer => {
		const filter = filterOf(request.query);
		if (!filter.ok) return schemaError(filter.errors);
		const device = Number(id);
		if (!devices.get(device)) return errorAnswer(`device with an ID of ${device} does not exist`, 404);
		return jsonAnswer(select(logs, device, filter.value));
	};
	return [
		{ name: "logs", method: "POST", path: /^\/api\/v1\/logs$/, handle: post },
		{ name: "admin", method: "GET", path: /^\/api\/v1\/logs\/device\/(\d+)$/, handle: get },
	];
}

/** Newest first, as the administrator sees them. */
function select(logs: LogStore, device: number, { name, since, to }: Filter) {
	return logs.entries
		.filter((entry) => entry.device === device && (!name || entry.name === name))
		.filter(({ deviceTimestamp: time }) => (since === undefined || time >= since) && (to === undefined || time <= to))
		.sort((left, right) => right.deviceTimestamp - left.deviceTimestamp)
		.map((entry) => ({
			id: entry.id,
			created: rfcDateText(entry.created),
			device_id: entry.device,
			device_timestamp: rfcDateText(entry.deviceTimestamp),
			name: entry.name,
			entry: entry.entry,
		}));
}
