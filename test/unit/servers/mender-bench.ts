import { Identity } from "fleetling/agent/identity";
import type { Server, ServerContext } from "fleetling/agent/server";
import { Cancellation } from "fleetling/common/cancellation";
import { mender } from "fleetling/servers/mender/mender";
import { Lines } from "../fakes/log";
import { MemoryStore } from "../fakes/store";
import { type Scripted, ScriptedWeb } from "../fakes/web";

export const url = "https://host";
export const never = new Cancellation();
export const facts = {
	version: "1.0.0",
	settledVersion: "1.0.0",
	deviceType: "esp32-mod",
	mac: "02:42:ac:11:00:02",
	others: { target: "esp32c3" },
	condition: { slot: "ota_0", free: "123456" },
};
export const provides = { artifact_name: "release-v1", "rootfs-image.version": "release-v1" };
export const id = "a4d9c64f-3de5-40f0-9886-c0f77d00baf0";
export const view = { id, from: "1.0.0", version: undefined };
export const link = "https://s3.example.com/bucket/x?X-Amz-Expires=86400&X-Amz-Signature=abc";
export const deployment = {
	id,
	artifact: {
		id: "1",
		artifact_name: "release-v2",
		source: { uri: link, expire: "2026-11-22T21:30:41Z" },
		device_types_compatible: ["esp32-mod"],
	},
};
/** What the clock says: 2026-11-21T21:26:42Z. */
export const now = 1_795_296_402_000;

export interface Bench {
	readonly server: Server;
	readonly web: ScriptedWeb;
	readonly lines: Lines;
	readonly aborted: string[];
}

export function bench(script: readonly (Scripted | Error)[], more: Partial<ServerContext> = {}): Bench {
	const web = new ScriptedWeb(...script);
	const lines = new Lines();
	const aborted: string[] = [];
	const server = mender.create({
		url,
		web,
		clock: { now: () => now, set: () => {} },
		log: lines.tag("mender"),
		wake: () => {},
		abort: (called, reason) => void aborted.push(`${called} ${reason}`),
		provides: () => provides,
		ticks: () => 60_000,
		...more,
	});
	return { server, web, lines, aborted };
}

let identity: Identity | undefined;

export async function anyone(): Promise<Identity> {
	identity ??= await Identity.load(new MemoryStore(), "p-256", new Lines().tag());
	return identity;
}
