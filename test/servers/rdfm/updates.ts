/** `POST /api/v1/update/check` (facts B.3). */
import { httpDate } from "./dates";
import { type DeviceStore, macOf } from "./devices";
import type { GroupStore } from "./groups";
import { type Answer, errorAnswer, jsonAnswer, noContent, type Request, type Route, requireJson } from "./http";
import type { Package, PackageStore } from "./packages";
import { parsePolicy, resolve } from "./resolver";
import { type Metadata, mandatory, metadata, schemaError } from "./schema";
import { deviceRoute, type Tokens } from "./tokens";

/** A row of `device_updates`: one is added by every offer, and they pile up. */
export interface DeviceUpdate {
	readonly mac: string;
	/** Milliseconds since 1970. */
	readonly created: number;
	readonly version: string;
	progress: number;
}

/** What the check needs of the server. */
export interface UpdateWorld {
	readonly devices: DeviceStore;
	readonly groups: GroupStore;
	readonly packages: PackageStore;
	readonly tokens: Tokens;
	readonly updates: DeviceUpdate[];
	readonly clock: () => number;
	/** Absolute link to a stored package. */
	readonly link: (offered: Package) => string;
}

/** The route. Whatever goes wrong inside, malformed JSON and a wrong Content-Type included, is a 500 with JSON. */
export function updateRoutes(world: UpdateWorld): readonly Route[] {
	const check = (request: Request): Answer => {
		try {
			return answer(world, request);
		} catch {
			return errorAnswer("update check failed", 500);
		}
	};
	const handle = deviceRoute(world.tokens, (mac) => world.devices.touch(mac), check);
	return [{ name: "check", method: "POST", path: /^\/api\/v1\/update\/check$/, handle }];
}

function answer(world: UpdateWorld, request: Request): Answer {
	const checked = metadata(requireJson(request));
	if (!checked.ok) return schemaError({ metadata: checked.errors });
	// The MAC in the body selects the device; the token's device_id is not compared with it.
	const mac = macOf(checked.value);
	if (mac === undefined) throw new TypeError("a list cannot be a MAC address");
	const device = world.devices.find(mac);
	if (!device) return errorAnswer("provided MAC address does not match any device", 500);
	const offered = select(world, device.id, checked.value);
	if (!offered) return noContent;
	const version = String(offered.metadata[mandatory.version]);
	world.updates.push({ mac: device.mac, created: world.clock(), version, progress: 0 });
	return jsonAnswer({
		id: offered.id,
		created: httpDate(offered.created),
		sha256: offered.offeredHash,
		uri: world.link(offered),
	});
}

/** The package to offer, if any. */
function select(world: UpdateWorld, device: number, reported: Metadata): Package | undefined {
	const group = world.groups.active(device);
	if (!group) return undefined;
	const packages = group.packages.flatMap((id) => world.packages.get(id) ?? []);
	if (packages.length === 0) return undefined;
	const policy = parsePolicy(group.policy);
	if ("error" in policy) throw new Error(policy.error);
	const index = resolve(
		reported,
		packages.map((candidate) => candidate.metadata),
		policy,
	);
	return index === undefined ? undefined : packages[index];
}
