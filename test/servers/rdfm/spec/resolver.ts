/** Facts B.3, "Resolution": the graph, without HTTP around it. */
import { strict as assert } from "node:assert";
import { type Policy, parsePolicy, ResolverError, resolve } from "../resolver";

const device = (version: string, more: Record<string, string> = {}) => ({
	"rdfm.software.version": version,
	"rdfm.hardware.devtype": "esp32",
	"rdfm.hardware.macaddr": "m",
	...more,
});
const update = (version: string, requires: Record<string, string> = {}, type = "esp32"): Record<string, string> => ({
	"rdfm.software.version": version,
	"rdfm.hardware.devtype": type,
	...Object.fromEntries(Object.entries(requires).map(([key, value]) => [`requires:${key}`, value])),
});
const on = (version: string) => ({ "rdfm.software.version": version });
const to = (version: string): Policy => ({ kind: "exact_match", version });

describe("B.3 resolution", () => {
	type Row = readonly [
		name: string,
		base: ReturnType<typeof device>,
		packages: readonly ReturnType<typeof update>[],
		Policy,
		number | undefined,
	];
	const chain = [update("v1"), update("v2", on("v1")), update("v3", on("v2"))];
	const deltas = [update("v5", { delta: "a", ...on("v0") }), update("v5", { delta: "b", ...on("v0") }), update("v5", on("v0"))];
	const table: readonly Row[] = [
		["one package", device("v0"), [update("v1")], to("v1"), 0],
		["no_update never offers", device("v0"), [update("v1")], { kind: "no_update" }, undefined],
		["same version", device("v1"), [update("v1")], to("v1"), undefined],
		["a downgrade is offered", device("v9"), [update("v1")], to("v1"), 0],
		["versions are compared as strings", device("1.0"), [update("1.00")], to("1.00"), 0],
		["another device type", device("v0"), [update("v1", {}, "other")], to("v1"), undefined],
		["chain, first hop", device("v0"), chain, to("v3"), 0],
		["chain, second hop", device("v1"), chain, to("v3"), 1],
		["chain, last hop", device("v2"), chain, to("v3"), 2],
		["chain, there", device("v3"), chain, to("v3"), undefined],
		["target unknown", device("v0"), chain, to("v4"), undefined],
		["no path", device("v0"), [update("v2", on("v1"))], to("v2"), undefined],
		["the direct way is taken where there is one", device("v0"), [update("v1"), update("v2")], to("v2"), 1],
		[
			"a cycle does not trap",
			device("v0"),
			[update("v1", on("v2")), update("v2", on("v1")), update("v3", on("v9"))],
			to("v3"),
			undefined,
		],
		["two packages of one version, by what runs", device("v2"), [update("v5", on("v0")), update("v5", on("v2"))], to("v5"), 1],
		["the first of two that fit", device("v0"), [update("v5"), update("v5", on("v0"))], to("v5"), 0],
		["requires of a key: first", device("v0", { delta: "a" }), deltas, to("v5"), 0],
		["requires of a key: second", device("v0", { delta: "b" }), deltas, to("v5"), 1],
		["requires of a key: neither", device("v0"), deltas, to("v5"), 2],
		[
			"a later hop that the package before does not fit",
			device("v0"),
			[update("v1"), update("v2", { board: "x", ...on("v1") })],
			to("v2"),
			undefined,
		],
		[
			"a later hop that it fits, though the device does not",
			device("v0"),
			[{ ...update("v1"), board: "x" }, update("v2", { board: "x", ...on("v1") })],
			to("v2"),
			0,
		],
	];
	for (const [name, base, packages, policy, expected] of table) {
		it(name, () => assert.equal(resolve(base, packages, policy), expected));
	}

	it("a list as version cannot be resolved", () => {
		const base = { ...device("v0"), "rdfm.software.version": ["v0"] };
		assert.throws(() => resolve(base, [update("v1")], to("v1")), ResolverError);
		assert.equal(resolve(base, [update("v1")], { kind: "no_update" }), undefined);
	});

	describe("policies", () => {
		it("exact_match keeps everything after the first comma", () => assert.deepEqual(parsePolicy("exact_match,1,2"), to("1,2")));
		it("no_update wants its comma, too", () => assert.deepEqual(parsePolicy("no_update,"), { kind: "no_update" }));
		for (const text of ["exact_match", "no_update", "", "latest,1"]) {
			it(`"${text}" is refused`, () => assert.ok("error" in parsePolicy(text)));
		}
	});
});
