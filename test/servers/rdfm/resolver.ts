/**
 * Which package a device is offered (facts B.3, "Resolution"): versions are opaque nodes of a graph, packages its edges,
 * and the first hop of the shortest path to the policy's version is the offer. Downgrades are paths like any other.
 */
import type { PackageMetadata } from "./packages";
import { type Metadata, mandatory } from "./schema";

/** A policy: no target, or one version to converge to. */
export type Policy = { readonly kind: "no_update" } | { readonly kind: "exact_match"; readonly version: string };

/** `"<name>,<argument>"`; the comma is mandatory, the argument may hold commas. */
export function parsePolicy(text: string): Policy | { readonly error: string } {
	const comma = text.indexOf(",");
	if (comma < 0) return { error: "invalid policy string, missing arguments" };
	const name = text.slice(0, comma);
	if (name === "no_update") return { kind: "no_update" };
	if (name === "exact_match") return { kind: "exact_match", version: text.slice(comma + 1) };
	return { error: `invalid policy type: '${name}'` };
}

/** What the real server fails on with a 500: lists as versions, packages without the two mandatory keys. */
export class ResolverError extends Error {
	override name = "ResolverError";
}

type Values = Metadata | PackageMetadata;

/** A key that must be there. */
function required(values: Values, key: string): unknown {
	if (!Object.hasOwn(values, key)) throw new ResolverError(`metadata without ${key}`);
	return values[key];
}

function version(values: Values): unknown {
	const value = required(values, mandatory.version);
	if (typeof value === "object") throw new ResolverError("a list cannot be a version");
	return value;
}

const requirement = "requires:";

/** True if `update` can be installed where `base` runs: every `requires:` met, same device type, other version. */
function installable(base: Values, update: Values): boolean {
	const met = Object.entries(update)
		.filter(([key]) => key.startsWith(requirement))
		.every(([key, value]) => Object.hasOwn(base, key.slice(requirement.length)) && base[key.slice(requirement.length)] === value);
	const differs = version(base) !== version(update);
	return required(base, mandatory.deviceType) === required(update, mandatory.deviceType) && differs && met;
}

interface Edge {
	readonly to: unknown;
	readonly index: number;
}

/**
 * Index of the package to offer, or undefined when there is none: no target, target unknown to packages of this device type,
 * no path, or already there.
 */
export function resolve(device: Metadata, packages: readonly PackageMetadata[], policy: Policy): number | undefined {
	if (policy.kind === "no_update") return undefined;
	const current = version(device);
	const compatible = packages.filter((values) => required(values, mandatory.deviceType) === device[mandatory.deviceType]);
	if (current !== policy.version && !compatible.map(version).includes(policy.version)) return undefined;
	return firstHop(edgesOf(current, device, packages), current, policy.version);
}

/**
 * Edges by the version they start from. Those of the device itself come first: of parallel edges the first is taken, and only
 * they have been checked against what the device really has.
 */
function edgesOf(
	current: unknown,
	device: Metadata,
	packages: readonly PackageMetadata[],
): ReadonlyMap<unknown, readonly Edge[]> {
	const edges = new Map<unknown, Edge[]>();
	const connect = (from: unknown, base: Values): void => {
		for (const [index, update] of packages.entries()) {
			if (!installable(base, update)) continue;
			const list = edges.get(from) ?? [];
			edges.set(from, list);
			list.push({ to: version(update), index });
		}
	};
	connect(current, device);
	for (const base of packages) connect(version(base), base);
	return edges;
}

/** Breadth-first: every hop costs the same. */
function firstHop(edges: ReadonlyMap<unknown, readonly Edge[]>, from: unknown, target: unknown): number | undefined {
	const seen = new Set([from]);
	let frontier: { readonly at: unknown; readonly hop: number | undefined }[] = [{ at: from, hop: undefined }];
	while (frontier.length > 0) {
		const reached = frontier.find(({ at }) => at === target);
		if (reached) return reached.hop;
		const next: typeof frontier = [];
		for (const { at, hop } of frontier) {
			for (const { to, index } of edges.get(at) ?? []) {
				if (seen.has(to)) continue;
				seen.add(to);
				next.push({ at: to, hop: hop ?? index });
			}
		}
		frontier = next;
	}
	return undefined;
}
