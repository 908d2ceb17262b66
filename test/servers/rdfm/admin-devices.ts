/** The administrator's routes for registrations and devices (facts B.2), open as with the real server's `--no-api-auth`. */
import { httpDate, rfcDateText } from "./dates";
import type { Device, DeviceStore } from "./devices";
import type { GroupStore } from "./groups";
import { type Answer, errorAnswer, jsonAnswer, type Request, type Route, requireJson } from "./http";
import { isObject, type Json } from "./json";
import { record, schemaError, text } from "./schema";

const registrationKey = record<{ readonly mac_address: string; readonly public_key: string }>({
	mac_address: text,
	public_key: text,
});

/** `GET`/`DELETE /api/v1/auth/pending`, `POST /api/v1/auth/register`, `/api/v2/devices`. */
export function deviceAdminRoutes(devices: DeviceStore, groups: GroupStore): readonly Route[] {
	return [
		{ name: "admin", method: "GET", path: /^\/api\/v1\/auth\/pending$/, handle: () => jsonAnswer(pendingList(devices)) },
		{ name: "admin", method: "DELETE", path: /^\/api\/v1\/auth\/pending$/, handle: (request) => reject(devices, request) },
		{ name: "admin", method: "POST", path: /^\/api\/v1\/auth\/register$/, handle: (request) => register(devices, request) },
		{
			name: "admin",
			method: "GET",
			path: /^\/api\/v2\/devices$/,
			handle: () => jsonAnswer(devices.all().map((device) => describe(device, groups))),
		},
		{
			name: "admin",
			method: "GET",
			path: /^\/api\/v2\/devices\/(\d+)$/,
			handle: (_, [id]) => {
				const device = devices.get(Number(id));
				return device ? jsonAnswer(describe(device, groups)) : errorAnswer("device does not exist", 404);
			},
		},
		{
			name: "admin",
			method: "DELETE",
			path: /^\/api\/v2\/devices\/(\d+)$/,
			handle: (_, [id]) => {
				if (!devices.delete(Number(id))) return errorAnswer("device does not exist", 404);
				groups.forget(Number(id));
				return jsonAnswer({});
			},
		},
	];
}

const pendingList = (devices: DeviceStore): Json =>
	devices.pending().map(({ mac, publicKey, metadata, lastAppeared }) => ({
		mac_address: mac,
		public_key: publicKey,
		last_appeared: httpDate(lastAppeared),
		metadata,
	}));

const describe = (device: Device, groups: GroupStore): Json => ({
	id: device.id,
	name: device.mac,
	mac_address: device.mac,
	public_key: device.publicKey,
	metadata: device.metadata,
	last_access: rfcDateText(device.lastAccess),
	groups: groups.of(device.id).map((group) => group.id),
	capabilities: { shell: false, ...device.capabilities },
	connected: device.connected,
});

function reject(devices: DeviceStore, request: Request): Answer {
	const checked = registrationKey(requireJson(request));
	if (!checked.ok) return schemaError(checked.errors);
	const { mac_address: mac, public_key: publicKey } = checked.value;
	return devices.reject(mac, publicKey) ? jsonAnswer({}) : errorAnswer("device does not exist", 404);
}

/** Unlike other routes this one checks nothing beforehand: whatever is wrong with the body is a 500. */
function register(devices: DeviceStore, request: Request): Answer {
	const failed = errorAnswer("fetching registrations failed", 500);
	let body: Json;
	try {
		body = requireJson(request);
	} catch {
		return failed;
	}
	if (!isObject(body) || typeof body.mac_address !== "string" || typeof body.public_key !== "string") return failed;
	const answers = {
		approved: jsonAnswer({}),
		unknown: errorAnswer("specified registration does not exist", 404),
		failed,
	} as const;
	return answers[devices.approve(body.mac_address, body.public_key)];
}
