/** Groups: which devices get which packages under which policy. */
import { parsePolicy } from "./resolver";

/** One group. */
export interface Group {
	readonly id: number;
	/** Milliseconds since 1970. */
	readonly created: number;
	readonly metadata: Readonly<Record<string, unknown>>;
	policy: string;
	/** The group with the lowest value is a device's active one. */
	priority: number;
	readonly devices: Set<number>;
	packages: readonly number[];
}

/** Priority of a group that is created without one. */
const defaultPriority = 25;

/** The groups. Methods that can meet a conflict return the server's text for it, or undefined when all went well. */
export class GroupStore {
	readonly #clock: () => number;
	readonly #groups = new Map<number, Group>();
	#lastId = 0;

	constructor(clock: () => number) {
		this.#clock = clock;
	}

	all(): readonly Group[] {
		return [...this.#groups.values()];
	}

	get(id: number): Group | undefined {
		return this.#groups.get(id);
	}

	create(metadata: Readonly<Record<string, unknown>>, priority = defaultPriority): Group {
		this.#lastId += 1;
		const group: Group = {
			id: this.#lastId,
			created: this.#clock(),
			metadata,
			policy: "no_update,",
			priority,
			devices: new Set(),
			packages: [],
		};
		this.#groups.set(group.id, group);
		return group;
	}

	/** False while devices or packages are assigned. */
	delete(group: Group): boolean {
		return group.devices.size === 0 && group.packages.length === 0 && this.#groups.delete(group.id);
	}

	/** Groups a device is in. */
	of(device: number): readonly Group[] {
		return this.all().filter((group) => group.devices.has(device));
	}

	/** The group that decides for a device. */
	active(device: number): Group | undefined {
		return this.of(device).reduce<Group | undefined>(
			(best, group) => (best === undefined || group.priority < best.priority ? group : best),
			undefined,
		);
	}

	/** Adds, then removes; nothing happens on conflict. */
	changeDevices(
		group: Group,
		add: readonly number[],
		remove: readonly number[],
		exists: (id: number) => boolean,
	): string | undefined {
		if (add.some((device) => this.of(device).some((other) => other.priority === group.priority))) {
			return "A group with the same priority is already assigned to one of the devices requested to be added";
		}
		if (!add.every(exists) || new Set(add).size < add.length) {
			return "conflict while assigning device, the device may not exist";
		}
		for (const device of add) group.devices.add(device);
		for (const device of remove) group.devices.delete(device);
		return undefined;
	}

	changePackages(group: Group, packages: readonly number[], exists: (id: number) => boolean): string | undefined {
		if (!packages.every(exists) || new Set(packages).size < packages.length) {
			return "conflict while assigning package, the package may not exist anymore";
		}
		group.packages = [...packages].sort((left, right) => left - right);
		return undefined;
	}

	changePriority(group: Group, priority: number): string | undefined {
		const others = [...group.devices].flatMap((device) => this.of(device)).filter((other) => other !== group);
		if (others.some((other) => other.priority === priority)) {
			return "A group with the same priority is already assigned to one of the devices in this group";
		}
		group.priority = priority;
		return undefined;
	}

	/** Sets a policy; the text of a refusal otherwise. */
	changePolicy(group: Group, policy: string): string | undefined {
		const parsed = parsePolicy(policy);
		if ("error" in parsed) return `invalid policy: ${parsed.error}`;
		group.policy = policy;
		return undefined;
	}

	/** Takes a deleted device out of every group. */
	forget(device: number): void {
		for (const group of this.all()) group.devices.delete(device);
	}
}
