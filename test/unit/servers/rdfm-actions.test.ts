import Base64 from "base64";
import { assert } from "chai";
import { limits } from "fleetling/common/deadlines";
import { Fields } from "fleetling/common/json";
import { sleep } from "fleetling/common/time";
import Channel from "fleetling/host/channel";
import System from "fleetling/host/system";
import { Actions } from "fleetling/management/actions/actions";
import { ExecutionRecord } from "fleetling/management/actions/record";
import { RDFMActions } from "fleetling/servers/rdfm/actions";
import { describe, it } from "test/harness";
import TextDecoder from "text/decoder";
import { rejects } from "../fakes/errors";
import { FakeLine } from "../fakes/line";
import { Lines } from "../fakes/log";
import { MemoryStore } from "../fakes/store";

class Bench {
	readonly log = new Lines();
	readonly actions = new Actions({ record: new ExecutionRecord(new MemoryStore()), log: this.log.tag("actions") });
	woken = 0;
	readonly facility = new RDFMActions({
		actions: this.actions,
		wake: () => this.#wake(),
		renew: () => {},
		log: this.log.tag("rdfm"),
	});
	readonly line = new FakeLine();

	#wake(): void {
		this.woken += 1;
	}

	hear(message: Readonly<Record<string, unknown>>, line = this.line): boolean {
		return this.facility.take(String(message.method), new Fields(message, "the message"), line);
	}

	execute(id: string, action: string, line = this.line): void {
		assert.isTrue(this.hear({ method: "action_exec", execution_id: id, action_id: action }, line));
	}

	async results(count: number, line = this.line) {
		for (let waited = 0; waited < 3000; waited += 5) {
			const results = line.of("action_exec_result");
			if (results.length >= count) return results;
			await sleep(5);
		}
		throw new Error(`not ${count} results`);
	}
}

const builtIn = "rdfm.builtins.trigger_update_check";

describe("RDFM's actions", () => {
	it("are listed when the server asks, with all that it wants to know", () => {
		const bench = new Bench();
		assert.isTrue(bench.hear({ method: "action_list_query" }));
		assert.deepEqual(bench.line.sent, [
			{
				method: "action_list_update",
				actions: [
					{
						action_id: builtIn,
						action_name: "Update check",
						description: "Asks the server for an update now",
						command: ["update", "check"],
						timeout: 10,
					},
				],
			},
		]);
	});

	it("are listed again when one is added, but not before the server has asked or after it has gone", () => {
		const bench = new Bench();
		const add = (id: string): void =>
			bench.actions.add({ id, name: id, description: "", command: [id], timeout: 1, run: () => {} });
		add("early");
		assert.deepEqual(bench.line.sent, []);
		bench.hear({ method: "action_list_query" });
		add("a");
		const lists = bench.line.of("action_list_update").map(({ actions }) => actions.length);
		assert.deepEqual(lists, [2, 3]);
		bench.facility.closed();
		add("b");
		assert.equal(bench.line.sent.length, 2);
	});

	it("are taken first and answered then, in base64", async () => {
		const bench = new Bench();
		bench.actions.add({
			...{ id: "greet", name: "", description: "", command: [], timeout: 1 },
			run: ({ print }) => {
				print("grüß dich\n");
				return 3;
			},
		});
		bench.execute("e1", "greet");
		assert.deepEqual(bench.line.sent, [{ method: "action_exec_control", execution_id: "e1", status: "ok" }]);
		const [result] = await bench.results(1);
		assert.equal(result?.status_code, 3);
		assert.equal(new TextDecoder().decode(new Uint8Array(Base64.decode(result?.output ?? ""))), "grüß dich\n");
	});

	it("include the update check that RDFM's documentation names", async () => {
		const bench = new Bench();
		bench.execute("e1", builtIn);
		assert.deepEqual(await bench.results(1), [
			{ method: "action_exec_result", execution_id: "e1", status_code: 0, output: "" },
		] as never);
		assert.equal(bench.woken, 1);
	});

	it("are answered through the connection that asked last, and through no other", async () => {
		const bench = new Bench();
		let open = (): void => {};
		bench.actions.add({
			...{ id: "slow", name: "", description: "", command: [], timeout: 5 },
			run: () =>
				new Promise<void>((resolve) => {
					open = resolve;
				}),
		});
		bench.execute("e1", "slow");
		await sleep(5);
		bench.line.isOpen = false;
		const second = new FakeLine();
		open();
		await sleep(20);
		assert.deepEqual(second.sent, [], "it has to wait until it is asked");
		bench.execute("e1", "slow", second);
		await bench.results(1, second);
		assert.deepEqual(
			second.sent.map(({ method }) => method),
			["action_exec_control", "action_exec_result"],
		);
	});

	it("are full when too many wait", async () => {
		const bench = new Bench();
		bench.actions.add({ id: "endless", name: "", description: "", command: [], timeout: 5, run: () => new Promise(() => {}) });
		for (let count = 0; count < limits.actionQueue + 3; count++) bench.execute(`e${count}`, "endless");
		const statuses = bench.line.of("action_exec_control").map(({ status }) => status);
		assert.deepEqual(statuses, [...statuses.slice(0, limits.actionQueue + 1).fill("ok"), "full", "full"]);
	});

	it("cost no memory for each of the hundreds that may have piled up", () => {
		const bench = new Bench();
		bench.actions.add({ id: "endless", name: "", description: "", command: [], timeout: 5, run: () => new Promise(() => {}) });
		const pile = (from: number, count: number): number => {
			for (let at = from; at < from + count; at++) bench.execute(`00000000-0000-4000-8000-${at}`, "endless");
			bench.line.sent.length = 0;
			// What is finalised in one collection is freed in the next.
			for (let times = 0; times < 2; times++) Channel.collect();
			const { slotsUsed, chunksUsed } = System.memory({});
			return slotsUsed + chunksUsed;
		};
		const few = pile(100_000, 50);
		const many = pile(200_000, 500);
		assert.isBelow(many - few, 5_000, "500 more of them");
	});

	it("leave other messages to others, and refuse their own that make no sense", async () => {
		const bench = new Bench();
		assert.isFalse(bench.hear({ method: "shell_attach" }));
		for (const message of [
			{ method: "action_exec" },
			{ method: "action_exec", execution_id: 7, action_id: "x" },
			{ method: "action_exec", execution_id: "x".repeat(65), action_id: "x" },
			{ method: "action_exec", execution_id: "e1" },
		])
			await rejects("server.bad-answer", () => bench.hear(message));
		assert.deepEqual(bench.line.sent, []);
	});
});
