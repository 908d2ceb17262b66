/**
 * What this device sends to a Mender server beside what the two real clients were recorded to send in the same situation
 * (Debian's mender-client 3.4.0, mender-mcu 55fa6a1). Every difference is in the table, with its reason; one that is not there
 * fails, and so does one that is there and does not show.
 */
import assert from "node:assert/strict";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { menderArtifact } from "../artifacts/mender";
import { type Recorded, type RecordingName, recording } from "../servers/mender/recorded/recordings";
import type { RequestRecord } from "../servers/rdfm/records";
import { deviceType, MenderFleet, mac } from "./mender-fleet";

interface Sent {
	readonly method: string;
	readonly path: string;
	readonly headers: Readonly<Record<string, string>>;
	/** Of a query or of JSON, one level of lists and objects flattened. */
	readonly values: Readonly<Record<string, string>>;
}

/** Of the connection or of the length: not of the protocol. */
const plumbing = ["host", "connection", "content-length", "transfer-encoding"];

/** Other for each device, each call, or each run. */
const own = ["pubkey", "x-men-signature"];

/** Of the log only its form is compared, of the inventory what every device has. */
function valuesOf(body: string, query: string): Readonly<Record<string, string>> {
	if (body === "") return Object.fromEntries(new URLSearchParams(query));
	const value: unknown = JSON.parse(body);
	if (Array.isArray(value)) return Object.fromEntries(value.map(({ name, value: text }) => [name, JSON.stringify(text)]));
	const { messages, id_data: identity, ...rest } = value as Record<string, unknown>;
	if (Array.isArray(messages)) return Object.fromEntries(Object.keys(messages[0]).map((name) => [`messages.${name}`, "text"]));
	const inner = typeof identity === "string" ? { id_data: JSON.parse(identity) } : {};
	return flat({ ...rest, ...inner });
}

function flat(value: Readonly<Record<string, unknown>>, before = ""): Record<string, string> {
	return Object.fromEntries(
		Object.entries(value).flatMap(([name, one]) =>
			typeof one === "object" && one !== null
				? Object.entries(flat(one as Record<string, unknown>, `${before}${name}.`))
				: [[`${before}${name}`, String(one)]],
		),
	);
}

const normal = (path: string): string => path.replace(/deployments\/[0-9a-f-]{36}\//, "deployments/<id>/");

function ours({ method, path, query, headers, body }: RequestRecord): Sent {
	const named = Object.entries(headers).map(([name, value]): [string, string] => [name, String(value)]);
	const shown = named.map(([name, value]): [string, string] => [name, value.startsWith("Bearer ey") ? "Bearer <token>" : value]);
	return {
		method,
		path: normal(path),
		headers: Object.fromEntries(shown),
		values: valuesOf(Buffer.from(body).toString(), query),
	};
}

function theirs({ method, target, headers, body }: Recorded): Sent {
	const [path = "", query = ""] = target.split("?");
	return { method, path: normal(path), headers, values: valuesOf(body, query) };
}

/** What is not the same, in words. */
function differences(one: Sent, other: Sent): readonly string[] {
	const found: string[] = [];
	if (one.method !== other.method) found.push(`${one.method} for ${other.method}`);
	if (one.path !== other.path) found.push("another path");
	for (const [what, left, right] of [
		["header", one.headers, other.headers],
		["value", one.values, other.values],
	] as const)
		for (const name of new Set([...Object.keys(left), ...Object.keys(right)])) {
			if (plumbing.includes(name)) continue;
			if (!(name in left)) found.push(`no ${what} ${name}`);
			else if (!(name in right)) found.push(`${what} ${name} added`);
			else if (left[name] !== right[name] && !own.includes(name)) found.push(`${what} ${name} is another`);
		}
	return found.sort();
}

const pick = (name: RecordingName, number: number): Sent => {
	const one = recording(name)[number - 1];
	assert.ok(one, `${name} #${number}`);
	return theirs(one);
};

const agent = "costs bytes with every request, and says to whoever listens what to attack";
const compressed = "answers are small, and nothing here decompresses them";
const anything = "says nothing that its absence does not";
/** With every request. */
const debian = { "no header accept-encoding": compressed, "no header user-agent": agent };
const mcu = { "no header accept": anything, "no header user-agent": agent };

const why = "a person reads why on the server without opening the log";
const shown = { "value substate added": "the two times of installing can be told apart on the server" };
const link = {
	"another path": "the link is the storage's",
	"value X-Amz-Signature is another": "the link is the storage's",
};
/** What this device has to show in its inventory. */
const facts = Object.fromEntries(
	["firmware_version", "free", "mac", "reset", "slot", "target", "uptime", "xs"].map((name) => [
		`value ${name} added`,
		"what a person wants to know of a chip",
	]),
);
const scripts = "from a script of that Linux system";

interface Comparison {
	readonly what: string;
	readonly ours: (all: readonly RequestRecord[]) => RequestRecord | undefined;
	readonly debian?: readonly [RecordingName, number, Readonly<Record<string, string>>];
	readonly mcu?: readonly [RecordingName, number, Readonly<Record<string, string>>];
}

const status =
	(word: string, nth = 0) =>
	(all: readonly RequestRecord[]): RequestRecord | undefined =>
		all.filter(({ route, body }) => route === "status" && Buffer.from(body).includes(`"${word}"`))[nth];
const first =
	(route: string, method: string) =>
	(all: readonly RequestRecord[]): RequestRecord | undefined =>
		all.find((one) => one.route === route && one.method === method);

const success: RecordingName = "02-success-module-gzip-signed-rsa";
const small: RecordingName = "mcu-01-success";
const comparisons: readonly Comparison[] = [
	{
		what: "authentication",
		ours: first("auth", "POST"),
		debian: [
			success,
			1,
			{ ...debian, "no header authorization": "the tenant's token is in the body; the server looks for it there" },
		],
		mcu: [
			small,
			1,
			{
				...mcu,
				"no value tier": "the open-source server has no such field; a hosted one takes a device without it for a standard one",
				"value id_data.sn added": "configured as in the recording of the other client",
			},
		],
	},
	{
		what: "next, second version",
		ours: first("check", "POST"),
		debian: [success, 3, { ...debian, "no value update_control_map": "there is no such map here, as in mender-mcu" }],
		mcu: [small, 3, mcu],
	},
	{
		what: "next, first version",
		ours: first("check", "GET"),
		debian: [
			success,
			4,
			{
				...debian,
				"GET for POST": "the form that the server documents; the other sends provides in a way that it does not read",
				"no header content-type": "there is no body",
			},
		],
		mcu: [small, 4, mcu],
	},
	{ what: "downloading", ours: status("downloading"), debian: [success, 5, debian], mcu: [small, 5, mcu] },
	{
		what: "download",
		ours: first("download", "GET"),
		debian: [success, 6, { ...debian, ...link }],
		mcu: [small, 6, { "no header accept": anything, ...link }],
	},
	{ what: "installing", ours: status("installing"), debian: [success, 9, debian], mcu: [small, 7, mcu] },
	{ what: "rebooting", ours: status("rebooting"), mcu: [small, 8, mcu] },
	{
		what: "before the commit",
		ours: status("installing", 1),
		debian: [success, 11, { ...debian, ...shown }],
		mcu: [small, 10, { ...mcu, ...shown }],
	},
	{ what: "success", ours: status("success"), debian: [success, 12, debian], mcu: [small, 11, mcu] },
	{
		what: "failure",
		ours: status("failure"),
		debian: ["04-install-failure-with-log", 10, { ...debian, "value substate added": why }],
		mcu: ["mcu-09-fail-verify-reboot-rollback", 9, { ...mcu, "value substate added": why }],
	},
	{ what: "log", ours: first("logs", "PUT"), debian: ["04-install-failure-with-log", 11, debian] },
	{
		what: "inventory",
		ours: first("inventory", "PUT"),
		debian: [
			success,
			2,
			{
				...debian,
				...facts,
				...Object.fromEntries(["hostname", "ip", "mem_total_kB"].map((name) => [`no value ${name}`, scripts])),
				"no value mender_client_version": "this is another client; firmware_version and xs say which",
			},
		],
	},
	{
		what: "inventory after the update",
		ours: (all) => all.filter(({ route, body }) => route === "inventory" && Buffer.from(body).includes("release-v2"))[0],
		mcu: [
			small,
			12,
			{ ...mcu, ...facts, "no value demo": "from the demo's own code", "no value foo": "from the demo's own code" },
		],
	},
	{
		what: "next after the update",
		ours: (all) => all.filter(({ query }) => query.includes("release-v2"))[0],
		mcu: [small, 14, mcu],
	},
];

describe("device: its requests beside those of the real Mender clients", function () {
	this.timeout(120_000);
	let fleet: MenderFleet;
	before(async function () {
		const tool = menderArtifact();
		if ("missing" in tool) {
			process.stdout.write(`      skipped: ${tool.missing}\n`);
			this.skip();
		}
		const settings = {
			tenantToken: "dummy-tenant-token",
			identity: '{"sn":"ESP32-0001"}',
			imageType: "moddable-firmware",
		};
		fleet = await MenderFleet.start({ version: "release-v1", settings });
		const options = { name: "release-v2", type: "moddable-firmware" };
		const content = await fleet.artifact("release-v2", {}, options);
		const good = fleet.server.deploy(mac, { name: "release-v2", deviceTypes: [deviceType], content });
		await fleet.server.until(good, "success");
		await fleet.checked();
		const image = await makeFirmware({ version: "release-v3" });
		const at = image.length - 100;
		image[at] = (image[at] ?? 0) ^ 0xff;
		const bad = await fleet.deploy("3", {}, { type: "moddable-firmware", files: [fleet.workbench.file("damaged.bin", image)] });
		await fleet.server.log.next(({ route }) => route === "logs", 60_000);
		assert.equal(bad.status, "failure");
	});
	after(() => fleet?.stop());

	for (const { what, ours: find, ...recorded } of comparisons)
		for (const [client, there] of [
			["mender-client", recorded.debian],
			["mender-mcu", recorded.mcu],
		] as const)
			if (there !== undefined)
				it(`${what}: as ${client}, but for what is listed`, () => {
					const [name, number, listed] = there;
					const record = find(fleet.server.log.records);
					assert.ok(record, `no ${what} was sent`);
					assert.deepEqual(differences(ours(record), pick(name, number)), Object.keys(listed).sort());
				});

	/** What a client says of a deployment, repetitions left out. */
	const story = (all: readonly { readonly path: string; readonly word: string }[]): readonly string[] =>
		all.map(({ word }) => word).filter((word, at, words) => word !== words[at - 1]);
	const recordedStory = (name: RecordingName): readonly string[] =>
		story(
			recording(name)
				.filter(({ target }) => /\/(status|log)$/.test(target))
				.map(({ target, body }) => ({ path: target, word: target.endsWith("/log") ? "log" : JSON.parse(body).status })),
		);
	const ourStory = (nth: number): readonly string[] => {
		const { id } = fleet.server.deployments.all()[nth] ?? { id: "" };
		return story(
			fleet.server.log.records
				.filter(({ path }) => path.includes(id))
				.map(({ path, route, body }) => ({
					path,
					word: route === "logs" ? "log" : JSON.parse(Buffer.from(body).toString()).status,
				})),
		);
	};

	it("tells the story of a success as mender-mcu, which restarts for it too", () => {
		assert.deepEqual(ourStory(0), recordedStory("mcu-01-success"));
	});

	it("tells the story of a failed installation as mender-client", () => {
		assert.deepEqual(ourStory(1), recordedStory("04-install-failure-with-log"));
	});
});
