/** Registered devices and pending registrations: the rules of approval (facts B.2). */
import { EventEmitter } from "node:events";
import { type Metadata, mandatory } from "./schema";

/** A registered device. */
export interface Device {
	readonly id: number;
	readonly mac: string;
	publicKey: string;
	metadata: Metadata;
	/** Milliseconds since 1970 of the last authenticated request. */
	lastAccess: number;
	readonly tags: string[];
	/** As last reported; kept while the device is away. */
	capabilities: Readonly<Record<string, boolean>>;
	/** Whether its management link is open. */
	connected: boolean;
}

/** A device that has shown a valid signature but is not approved with this key. */
export interface Registration {
	readonly mac: string;
	readonly publicKey: string;
	readonly metadata: Metadata;
	/** Milliseconds since 1970. */
	readonly lastAppeared: number;
}

/** How an approval ended; `failed` is the real server's 500 after duplicate tags. */
export type Approval = "approved" | "unknown" | "failed";

/** The two tables. `changes` emits "pending" with each registration that is created or refreshed. */
export class DeviceStore {
	readonly changes = new EventEmitter<{ pending: [Registration]; approved: [Device] }>();
	readonly #clock: () => number;
	readonly #devices = new Map<number, Device>();
	readonly #registrations = new Map<string, Registration>();
	#lastId = 0;

	constructor(clock: () => number) {
		this.#clock = clock;
	}

	all(): readonly Device[] {
		return [...this.#devices.values()];
	}

	get(id: number): Device | undefined {
		return this.#devices.get(id);
	}

	/** The MAC is an opaque, case-sensitive string. */
	find(mac: string): Device | undefined {
		return this.all().find((device) => device.mac === mac);
	}

	pending(): readonly Registration[] {
		return [...this.#registrations.values()];
	}

	/** True if this key string, byte for byte, is the approved one. Otherwise the registration is made or refreshed. */
	authorize(mac: string, publicKey: string, metadata: Metadata): boolean {
		const device = this.find(mac);
		if (device?.publicKey === publicKey) {
			device.metadata = metadata;
			return true;
		}
		const registration: Registration = { mac, publicKey, metadata, lastAppeared: this.#clock() };
		// Deleted first, so that the latest to appear stands last.
		this.#registrations.delete(keyOf(mac, publicKey));
		this.#registrations.set(keyOf(mac, publicKey), registration);
		this.changes.emit("pending", registration);
		return false;
	}

	/** What `POST /api/v1/auth/register` does: creates the device, or gives a known one its new key. */
	approve(mac: string, publicKey: string): Approval {
		const registration = this.#registrations.get(keyOf(mac, publicKey));
		if (!registration) return "unknown";
		const known = this.find(mac);
		if (known) {
			known.publicKey = publicKey;
			known.metadata = registration.metadata;
			known.lastAccess = registration.lastAppeared;
		} else if (!this.#create(registration)) return "failed";
		this.#registrations.delete(keyOf(mac, publicKey));
		const device = this.find(mac);
		if (device) this.changes.emit("approved", device);
		return "approved";
	}

	/** Drops a pending registration. */
	reject(mac: string, publicKey: string): boolean {
		return this.#registrations.delete(keyOf(mac, publicKey));
	}

	/** Deletes a device. Its unexpired token still passes the token check afterwards. */
	delete(id: number): boolean {
		return this.#devices.delete(id);
	}

	/** Notes an authenticated request. */
	touch(mac: string): void {
		const device = this.find(mac);
		if (device) device.lastAccess = this.#clock();
	}

	/** False when a tag occurs twice: the real server has by then stored the device and keeps the registration. */
	#create({ mac, publicKey, metadata, lastAppeared }: Registration): boolean {
		this.#lastId += 1;
		const device: Device = {
			id: this.#lastId,
			mac,
			publicKey,
			metadata,
			lastAccess: lastAppeared,
			tags: [],
			capabilities: {},
			connected: false,
		};
		this.#devices.set(device.id, device);
		// Consumed once, here. A string is walked character by character, as Python does.
		for (const tag of metadata["rdfm.software.tags"] ?? []) {
			if (device.tags.includes(tag)) return false;
			device.tags.push(tag);
		}
		return true;
	}
}

const keyOf = (mac: string, publicKey: string): string => JSON.stringify([mac, publicKey]);

/** The MAC of a device's metadata; undefined where it is a list, which no device can match. */
export function macOf(metadata: Metadata): string | undefined {
	const mac = metadata[mandatory.mac];
	return typeof mac === "string" ? mac : undefined;
}
