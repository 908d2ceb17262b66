import { assert } from "chai";
import type { Grant } from "fleetling/agent/server";
import { Session } from "fleetling/agent/session";
import { FleetlingError } from "fleetling/error/error";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";

const refused = (): FleetlingError => new FleetlingError("server.token-refused", "401");

/** A server that gives out tokens t1, t2, … and knows which it accepts. */
class Gate {
	now = 0;
	given = 0;
	accepted: (token: string) => boolean = () => true;
	readonly lifetime: number | undefined;
	readonly used: string[] = [];
	readonly session = new Session({
		ticks: () => this.now,
		authenticate: async (): Promise<Grant> => {
			this.given += 1;
			const token = `t${this.given}`;
			return this.lifetime === undefined ? { token } : { token, lifetime: this.lifetime };
		},
	});

	constructor(lifetime?: number) {
		this.lifetime = lifetime;
	}

	call(): Promise<string> {
		return this.session.use(async (token) => {
			this.used.push(token);
			if (!this.accepted(token)) throw refused();
			return token;
		});
	}
}

describe("session", () => {
	it("authenticates once for many calls", async () => {
		const gate = new Gate();
		for (let count = 0; count < 3; count++) assert.equal(await gate.call(), "t1");
		assert.equal(gate.given, 1);
	});

	it("authenticates once for calls at the same time", async () => {
		const gate = new Gate();
		assert.deepEqual(await Promise.all([gate.call(), gate.call()]), ["t1", "t1"]);
		assert.equal(gate.given, 1);
		gate.accepted = (token) => token !== "t1";
		assert.deepEqual(await Promise.all([gate.call(), gate.call()]), ["t2", "t2"]);
		assert.equal(gate.given, 2);
	});

	it("renews a refused token once and repeats the call", async () => {
		const gate = new Gate();
		await gate.call();
		gate.accepted = (token) => token !== "t1";
		assert.equal(await gate.call(), "t2");
		assert.deepEqual(gate.used, ["t1", "t1", "t2"]);
	});

	it("does not loop when new tokens are refused too", async () => {
		const gate = new Gate();
		await gate.call();
		gate.accepted = () => false;
		await rejects("server.token-refused", () => gate.call());
		assert.deepEqual(gate.used, ["t1", "t1", "t2"]);
		await rejects("server.token-refused", () => gate.call());
		assert.deepEqual(gate.used, ["t1", "t1", "t2", "t3"], "a refused token is not used again");
		gate.accepted = () => true;
		assert.equal(await gate.call(), "t4");
	});

	it("renews a little ahead of the server's hint", async () => {
		const gate = new Gate(300_000);
		await gate.call();
		gate.now = 294_999;
		assert.equal(await gate.call(), "t1");
		gate.now = 295_000;
		assert.equal(await gate.call(), "t2");
		gate.now = 400_000;
		assert.equal(await gate.call(), "t2");
	});

	it("does not believe a lifetime that would mean a renewal for each call", async () => {
		for (const lifetime of [0, 1_000, 29_999]) {
			const gate = new Gate(lifetime);
			await gate.call();
			gate.now = 1e9;
			assert.equal(await gate.call(), "t1");
		}
	});

	it("passes other errors on and keeps its token", async () => {
		const gate = new Gate();
		await gate.call();
		const broken = (): Promise<never> => Promise.reject(new FleetlingError("net.reset", "cut"));
		await rejects("net.reset", () => gate.session.use(broken));
		assert.equal(await gate.call(), "t1");
	});

	it("passes on that the server does not let the device in", async () => {
		let asked = 0;
		const session = new Session({
			ticks: () => 0,
			authenticate: async () => {
				asked += 1;
				throw new FleetlingError("server.not-approved", "401");
			},
		});
		await rejects("server.not-approved", () => session.use(async () => assert.fail("must not be called")));
		assert.equal(asked, 1);
	});

	it("forgets its token when told to", async () => {
		const gate = new Gate();
		await gate.call();
		gate.session.drop();
		assert.equal(await gate.call(), "t2");
	});
});
