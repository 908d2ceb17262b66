/** Devices, their keys (authentication sets) and whether they are let in: facts 1.1. */
import { createHash, randomUUID } from "node:crypto";
import { EventEmitter } from "node:events";

export type AuthStatus = "pending" | "accepted" | "rejected";

/** One key of a device. */
export interface AuthSet {
	readonly id: string;
	readonly publicKey: string;
	status: AuthStatus;
}

export interface Device {
	readonly id: string;
	/** `id_data`, with its keys sorted. */
	readonly identity: Readonly<Record<string, unknown>>;
	readonly sets: AuthSet[];
	decommissioned: boolean;
}

/** By the hash of what they are known by. */
export class Devices {
	readonly changes = new EventEmitter<{ pending: [Device] }>();
	readonly #devices = new Map<string, Device>();

	/** The key that a device shows: known, or one more that waits. */
	show(identity: Readonly<Record<string, unknown>>, publicKey: string): { readonly device: Device; readonly set: AuthSet } {
		const sorted = Object.fromEntries(Object.entries(identity).sort(([one], [other]) => (one < other ? -1 : 1)));
		const hash = createHash("sha256").update(JSON.stringify(sorted)).digest("hex");
		let device = this.#devices.get(hash);
		if (device === undefined) {
			device = { id: randomUUID(), identity: sorted, sets: [], decommissioned: false };
			this.#devices.set(hash, device);
		}
		let set = device.sets.find((one) => one.publicKey === publicKey);
		if (set === undefined) {
			set = { id: randomUUID(), publicKey, status: "pending" };
			device.sets.push(set);
		}
		if (set.status === "pending") this.changes.emit("pending", device);
		return { device, set };
	}

	all(): readonly Device[] {
		return [...this.#devices.values()];
	}

	/** By what it says its MAC address is. */
	find(mac: string): Device | undefined {
		return this.all().find(({ identity }) => identity.mac === mac);
	}

	get(id: string): Device | undefined {
		return this.all().find((device) => device.id === id);
	}
}
