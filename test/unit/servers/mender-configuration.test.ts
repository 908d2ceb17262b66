import { assert } from "chai";
import type { ServerConfiguration } from "fleetling/agent/server";
import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";
import { json, type Scripted } from "../fakes/web";
import { anyone, type Bench, bench, facts, never, url } from "./mender-bench";

const path = `${url}/api/devices/v1/deviceconfig/configuration`;

/** What the server sets is in force at once, unless it is not to be. */
class Configuration implements ServerConfiguration {
	revision = 0;
	values: Readonly<Record<string, string>> = { pollSeconds: "900" };
	readonly wanted: unknown[] = [];
	fails: ErrorCode | undefined;
	readonly settled: (boolean | undefined)[] = [];

	settle(orderly?: boolean): void {
		this.settled.push(orderly);
	}

	inForce(): Readonly<Record<string, string>> {
		return this.values;
	}

	want(values: Readonly<Record<string, unknown>>): void {
		this.wanted.push(values);
		if (this.fails !== undefined) throw new FleetlingError(this.fails, 'configuration key "colour"');
		if (JSON.stringify(values) === JSON.stringify(this.values)) return;
		this.change(values as Record<string, string>);
	}

	change(values: Readonly<Record<string, string>>): void {
		this.values = values;
		this.revision += 1;
	}
}

interface Polls extends Bench {
	readonly configuration: Configuration;
	/** One poll that finds no update, with what follows it. */
	poll(...answers: readonly (Scripted | Error)[]): Promise<void>;
	/** Of the last poll: requests for the configuration. */
	asked(): readonly (readonly [method: string | undefined, body: string])[];
}

/** A device that has sent its inventory already; `inventorySecs` is the time between two questions. */
async function polls(inventorySecs = 3_600): Promise<Polls> {
	const configuration = new Configuration();
	const settings = { identity: {}, tenantToken: undefined, inventorySecs };
	const made = bench([], { settings, configuration });
	let first = 0;
	const poll = async (...answers: readonly (Scripted | Error)[]): Promise<void> => {
		first = made.web.requests.length;
		made.web.script.push({ status: 204 }, ...answers);
		assert.isUndefined(await made.server.check("t", facts, never));
		assert.lengthOf(made.web.script, 0, "something was not asked for");
	};
	const asked = (): readonly (readonly [string | undefined, string])[] => {
		const all = made.web.requests.map((request, at) => [request, made.web.text(at)] as const).slice(first);
		return all.filter(([request]) => request.url === path).map(([{ method }, text]) => [method, text]);
	};
	return { ...made, configuration, poll, asked };
}

const inventory = { status: 200 };
const taken = { status: 204 };

describe("Mender's device configuration", () => {
	it("is reported, asked for and reported again, once", async () => {
		const { poll, asked, configuration, web } = await polls();
		await poll(inventory, taken, json(200, { pollSeconds: "60" }), taken);
		assert.deepEqual(asked(), [
			["PUT", '{"pollSeconds":"900"}'],
			["GET", ""],
			["PUT", '{"pollSeconds":"60"}'],
		]);
		assert.deepEqual(configuration.wanted, [{ pollSeconds: "60" }]);
		for (let at = 0; at < web.requests.length; at++) assert.equal(web.header(at, "Authorization"), "Bearer t");
		assert.equal(web.header(2, "Content-Type"), "application/json");
		await poll();
		assert.deepEqual(asked(), []);
	});

	it("is asked for at the inventory's intervals, and reported when it has changed only", async () => {
		const { poll, asked, configuration } = await polls(0);
		await poll(inventory, taken, json(200, {}), taken);
		await poll(json(200, {}));
		assert.deepEqual(asked(), [["GET", ""]]);
		await poll(json(200, { pollSeconds: "60" }), taken);
		assert.deepEqual(asked()[1], ["PUT", '{"pollSeconds":"60"}']);
		assert.lengthOf(configuration.wanted, 3);
	});

	it("is reported as soon as it has changed, without being asked for", async () => {
		const { poll, asked, configuration } = await polls();
		await poll(inventory, taken, json(200, { pollSeconds: "900" }));
		configuration.change({ pollSeconds: "30" });
		await poll(taken);
		assert.deepEqual(asked(), [["PUT", '{"pollSeconds":"30"}']]);
		await poll();
	});

	it("that is no good is said once, and tried again in an interval", async () => {
		const { poll, asked, configuration, lines } = await polls(0);
		configuration.fails = "config.unknown";
		await poll(inventory, taken, json(200, { colour: "red" }));
		await poll(json(200, { colour: "red" }));
		assert.lengthOf(lines.with("W (0) mender: config.unknown"), 1);
		configuration.fails = undefined;
		await poll(json(200, { pollSeconds: "60" }), taken);
		assert.lengthOf(asked(), 2);
		const slow = await polls();
		slow.configuration.fails = "config.unknown";
		await slow.poll(inventory, taken, json(200, { colour: "red" }));
		await slow.poll();
	});

	for (const there of ["no such path", "a proxy's page"] as const)
		it(`is not asked for again before a restart where the server has none: ${there}`, async () => {
			const { poll, lines, configuration } = await polls(0);
			await poll(inventory, there === "no such path" ? json(404, { error: "not found" }) : { status: 404, type: "text/html" });
			configuration.change({ pollSeconds: "30" });
			await poll();
			assert.lengthOf(lines.with("I (0) mender: the server has no configuration"), 1);
		});

	it("is asked for again by a device that the server does not know yet", async () => {
		const { poll, asked } = await polls(0);
		await poll(inventory, taken, json(404, { error: "device does not exist" }));
		await poll(json(200, {}), taken);
		assert.lengthOf(asked(), 2);
	});

	it("is reported and asked for anew once the device has been let in again: the server may have forgotten it", async () => {
		const { poll, asked, server, web } = await polls();
		await poll(inventory, taken, json(200, { pollSeconds: "900" }));
		web.script.push({ status: 200, type: "application/jwt", body: "ey.J.x" });
		await server.authenticate({ facts, identity: await anyone() }, never);
		await poll(inventory, taken, json(200, { pollSeconds: "900" }));
		assert.deepEqual(asked(), [
			["PUT", '{"pollSeconds":"900"}'],
			["GET", ""],
		]);
	});

	it("is repeated with a new token when the old one ends in between", async () => {
		const { poll, asked, server, web, lines, configuration } = await polls();
		await poll(inventory, taken, json(200, { pollSeconds: "900" }));
		configuration.change({ pollSeconds: "30" });
		web.script.push({ status: 204 }, { status: 401 });
		await rejects("server.token-refused", () => server.check("t", facts, never));
		assert.lengthOf(lines.with("W (0) mender: "), 0);
		web.script.push({ status: 200, type: "application/jwt", body: "ey.J.x" });
		await server.authenticate({ facts, identity: await anyone() }, never);
		await poll(inventory, taken, json(200, { pollSeconds: "30" }));
		assert.deepEqual(asked()[0], ["PUT", '{"pollSeconds":"30"}']);
	});

	it("is not worth a new token for a server that refuses it with each", async () => {
		const { poll, server, web, lines } = await polls(0);
		for (let times = 1; times <= 2; times++) {
			web.script.push({ status: 200, type: "application/jwt", body: "ey.J.x" });
			await server.authenticate({ facts, identity: await anyone() }, never);
			await poll(inventory, { status: 401 });
		}
		assert.lengthOf(lines.with("W (0) mender: server.token-refused"), 1);
	});

	const troubles: readonly (readonly [string, Scripted | Error, boolean])[] = [
		["a token that has ended", { status: 401 }, true],
		["a server that fails", json(500, { error: "Internal Server Error" }), true],
		["a server that wants to be left alone", { status: 429, retryAfter: "60" }, false],
		["a device without the right", json(403, { error: "forbidden" }), false],
		["a report that is refused", json(400, { error: "invalid request body" }), false],
		["a connection that breaks", new FleetlingError("net.closed", "broke"), true],
		["an error of another kind", new RangeError("broke"), false],
	];
	for (const [what, answer, again] of troubles)
		it(`does not fail a poll: ${what}, ${again ? "tried with the next one" : "tried later"}`, async () => {
			const { poll, asked, lines } = await polls();
			await poll(inventory, answer);
			assert.lengthOf(lines.with("W (0) mender: "), 1);
			await (again ? poll(taken, json(200, { pollSeconds: "900" })) : poll());
			assert.lengthOf(asked(), again ? 2 : 0);
		});

	const answers: readonly (readonly [string, Scripted | Error])[] = [
		["no JSON", { status: 200, type: "application/json", body: "<html>" }],
		["no object", json(200, [])],
		["more than is read", new FleetlingError("http.body-too-large", "more than 4096 bytes")],
	];
	for (const [what, answer] of answers)
		it(`is not changed by an answer that is ${what}, which is looked at again in an interval`, async () => {
			const { poll, configuration } = await polls();
			await poll(inventory, taken, answer);
			assert.lengthOf(configuration.wanted, 0);
			await poll();
		});

	it("is settled with each sign of life, and in the end", async () => {
		const { poll, server, configuration } = await polls();
		await poll(inventory, taken, json(200, { pollSeconds: "900" }));
		await poll();
		server.close();
		assert.deepEqual(configuration.settled, [undefined, undefined, true]);
	});

	it("is left alone where the device does not allow it", async () => {
		const { server, web } = bench([{ status: 204 }, inventory]);
		await server.check("t", facts, never);
		assert.lengthOf(web.requests, 2);
	});
});
