import { assert } from "chai";
import { limits } from "fleetling/common/deadlines";
import { sleep } from "fleetling/common/time";
import type { Action, ActionResult } from "fleetling/management/actions/action";
import { Actions } from "fleetling/management/actions/actions";
import { ExecutionRecord } from "fleetling/management/actions/record";
import { describe, it } from "test/harness";
import { rejects } from "../../fakes/errors";
import { Lines } from "../../fakes/log";
import { MemoryStore } from "../../fakes/store";

type Run = Action["run"];

function action(id: string, run: Run, timeout = 5): Action {
	return { id, name: id, description: "", command: [id], timeout, run };
}

class Bench {
	readonly log = new Lines();
	readonly store: MemoryStore;
	readonly actions: Actions;
	readonly results: (ActionResult & { readonly id: string })[] = [];

	constructor(store = new MemoryStore()) {
		this.store = store;
		this.actions = new Actions({ record: new ExecutionRecord(store), log: this.log.tag("actions") });
	}

	ask(id: string, name: string): boolean {
		return this.actions.request(id, name, (result) => void this.results.push({ id, ...result }));
	}

	async answered(count: number): Promise<readonly ActionResult[]> {
		for (let waited = 0; waited < 4000; waited += 5) {
			if (this.results.length >= count) return this.results;
			await sleep(5);
		}
		throw new Error(`${this.results.length} results: ${this.log.lines.join("\n")}`);
	}
}

/** Work that ends when the test wants it to. */
class Gate {
	runs = 0;
	open: () => void = () => {};

	run = (): Promise<void> => {
		this.runs += 1;
		return new Promise((resolve) => {
			this.open = resolve;
		});
	};
}

describe("actions", () => {
	it("are done, and their output and status told", async () => {
		const bench = new Bench();
		bench.actions.add(
			action("greet", ({ print }) => {
				print("hello, ");
				print("world\n");
				return 7;
			}),
		);
		assert.isTrue(bench.ask("e1", "greet"));
		assert.deepEqual(await bench.answered(1), [{ id: "e1", status: 7, output: "hello, world\n" }] as never);
	});

	it("have status 0 without a status, and 1 with the text of what they throw", async () => {
		const bench = new Bench();
		bench.actions.add(action("quiet", () => {}));
		bench.actions.add(
			action("broken", () => {
				throw new TypeError("no such pin");
			}),
		);
		bench.actions.add(action("late", () => Promise.reject(new Error("in a promise"))));
		bench.actions.add(action("odd", () => 0.5));
		for (const [at, name] of ["quiet", "broken", "late", "odd"].entries()) bench.ask(`e${at}`, name);
		await bench.answered(4);
		assert.deepEqual(
			bench.results.map(({ status }) => status),
			[0, 1, 1, 1],
		);
		assert.include(bench.results[1]?.output ?? "", "TypeError: no such pin");
		assert.include(bench.results[2]?.output ?? "", "in a promise");
	});

	it("are done one after the other, in their order", async () => {
		const bench = new Bench();
		const order: string[] = [];
		for (const name of ["a", "b", "c"])
			bench.actions.add(
				action(name, async () => {
					order.push(`${name} begins`);
					await sleep(5);
					order.push(`${name} ends`);
				}),
			);
		for (const name of ["b", "a", "c"]) bench.ask(`e${name}`, name);
		await bench.answered(3);
		assert.deepEqual(order, ["b begins", "b ends", "a begins", "a ends", "c begins", "c ends"]);
	});

	it("never take place twice: what comes again waits for the one under way, or gets its result", async () => {
		const bench = new Bench();
		const gate = new Gate();
		bench.actions.add(action("once", gate.run));
		bench.ask("e1", "once");
		await sleep(5);
		bench.ask("e1", "once");
		gate.open();
		await bench.answered(1);
		await sleep(10);
		assert.equal(bench.results.length, 1, "an earlier one who has asked is not there any more");
		bench.ask("e1", "once");
		await bench.answered(2);
		assert.deepEqual(bench.results[1], bench.results[0]);
		assert.equal(gate.runs, 1);
	});

	it("never take place twice over a restart either, with the same output", async () => {
		const store = new MemoryStore();
		const before = new Bench(store);
		before.actions.add(
			action("x", (context) => {
				context.print("done\n2 lines");
				return -5;
			}),
		);
		before.ask("e1", "x");
		await before.answered(1);
		const after = new Bench(store);
		let runs = 0;
		after.actions.add(
			action("x", () => {
				runs += 1;
			}),
		);
		after.ask("e1", "x");
		await after.answered(1);
		assert.deepEqual(after.results, before.results);
		assert.equal(runs, 0);
	});

	it("that a restart has ended are said to be unknown, and not done again", async () => {
		const store = new MemoryStore();
		const before = new Bench(store);
		before.actions.add(action("x", new Gate().run));
		before.ask("e1", "x");
		await sleep(5);
		const after = new Bench(store);
		let runs = 0;
		after.actions.add(
			action("x", () => {
				runs += 1;
			}),
		);
		after.ask("e1", "x");
		const [result] = await after.answered(1);
		assert.equal(result?.status, -1);
		assert.include(result?.output ?? "", "restarted");
		assert.equal(runs, 0);
	});

	it("that are not offered are answered, and leave no record", async () => {
		const bench = new Bench();
		assert.isTrue(bench.ask("e1", "nonsense"));
		const [result] = await bench.answered(1);
		assert.equal(result?.status, -1);
		assert.include(result?.output ?? "", '"nonsense"');
		assert.equal(bench.store.writes, 0);
	});

	it("are refused when too many wait, and taken again later", async () => {
		const bench = new Bench();
		const gate = new Gate();
		bench.actions.add(action("slow", gate.run));
		bench.actions.add(action("fast", () => {}));
		bench.ask("e0", "slow");
		for (let waiting = 1; waiting <= limits.actionQueue; waiting++) assert.isTrue(bench.ask(`e${waiting}`, "fast"));
		assert.isFalse(bench.ask("more", "fast"));
		assert.isTrue(bench.ask("e1", "fast"), "one that waits already is not one more");
		await sleep(5);
		gate.open();
		await bench.answered(limits.actionQueue + 1);
		assert.isTrue(bench.ask("more", "fast"));
		await bench.answered(limits.actionQueue + 2);
	});

	it("that never end are given up, told to stop, and do not hold up the next", async () => {
		const bench = new Bench();
		let reason = "";
		bench.actions.add(
			action(
				"endless",
				(context) => {
					context.print("begun\n");
					context.cancellation.add(() => {
						reason = context.cancellation.reason?.code ?? "";
						context.print("too late\n");
						context.afterwards(() => bench.results.push({ id: "never", status: 0, output: "" }));
					});
					return new Promise(() => {});
				},
				0.05,
			),
		);
		bench.actions.add(action("next", () => {}));
		bench.ask("e1", "endless");
		bench.ask("e2", "next");
		const [first, second] = await bench.answered(2);
		assert.equal(first?.status, 124);
		assert.match(first?.output ?? "", /^begun\n.*longer than 0\.05 s\n$/);
		assert.equal(reason, "management.action-late");
		assert.equal(second?.status, 0);
		await sleep(20);
		assert.equal(bench.results.length, 2);
	});

	it("that end after their time are not heard of again", async () => {
		const bench = new Bench();
		const gate = new Gate();
		bench.actions.add(action("late", gate.run, 0.02));
		bench.ask("e1", "late");
		await bench.answered(1);
		gate.open();
		await sleep(10);
		assert.deepEqual(
			bench.results.map(({ status }) => status),
			[124],
		);
	});

	it("have what is to follow done when the result is stored and told", async () => {
		const store = new MemoryStore();
		const bench = new Bench(store);
		const order: string[] = [];
		bench.actions.add(
			action("reboot", ({ afterwards }) => afterwards(() => void order.push(`restart with ${store.writes} writes`))),
		);
		bench.actions.request("e1", "reboot", () => void order.push("told"));
		await sleep(20);
		assert.deepEqual(order, ["told", "restart with 2 writes"]);
	});

	it("are not done when it cannot be noted that they were", async () => {
		const bench = new Bench();
		let runs = 0;
		bench.actions.add(
			action("x", () => {
				runs += 1;
			}),
		);
		bench.store.broken = true;
		bench.ask("e1", "x");
		const [result] = await bench.answered(1);
		assert.equal(result?.status, 1);
		assert.include(result?.output ?? "", "not enough space");
		assert.equal(runs, 0);
	});

	it("are told as they were done when only the result cannot be noted", async () => {
		const bench = new Bench();
		bench.actions.add(
			action("x", ({ print }) => {
				print("done");
				bench.store.broken = true;
			}),
		);
		bench.ask("e1", "x");
		assert.deepEqual(await bench.answered(1), [{ id: "e1", status: 0, output: "done" }] as never);
	});

	it("do not stop because somebody who was to be answered, or what was to follow, fails", async () => {
		const bench = new Bench();
		bench.actions.add(
			action("x", ({ afterwards }) =>
				afterwards(() => {
					throw new Error("afterwards");
				}),
			),
		);
		bench.actions.request("e1", "x", () => {
			throw new Error("nobody there");
		});
		bench.ask("e2", "x");
		await bench.answered(1);
		assert.equal(bench.log.with("nobody there").length, 1);
		await sleep(5);
		assert.equal(bench.log.with("Error: afterwards").length, 2);
	});

	it("have output that is cut off, and says so", async () => {
		const bench = new Bench();
		bench.actions.add(
			action("loud", ({ print }) => {
				print("x".repeat(limits.actionOutput - 1));
				print("é and more");
				print("and more");
			}),
		);
		bench.ask("e1", "loud");
		const [result] = await bench.answered(1);
		assert.equal(result?.output.slice(limits.actionOutput - 1), "é\n[17 characters more]\n");
	});

	it("replace each other by id, and say when the list has changed", () => {
		const bench = new Bench();
		let changes = 0;
		bench.actions.onChange = () => {
			changes += 1;
		};
		bench.actions.add(action("a", () => {}));
		bench.actions.add({ ...action("a", () => {}), name: "another" });
		assert.deepEqual(
			bench.actions.list.map(({ name }) => name),
			["another"],
		);
		assert.equal(changes, 2);
	});

	it("are refused when they cannot be offered", async () => {
		const bench = new Bench();
		for (const [id, timeout] of [
			["", 1],
			["x".repeat(65), 1],
			["x", 0],
			["x", Number.NaN],
			["x", 7201],
		] as const)
			await rejects("management.bad-action", () => bench.actions.add(action(id, () => {}, timeout)));
		for (let count = 0; count < limits.actions; count++) bench.actions.add(action(`a${count}`, () => {}));
		await rejects("management.bad-action", () => bench.actions.add(action("one more", () => {})), "one too many");
	});
});

describe("the record of executions", () => {
	it("remembers the latest, with output the very latest", () => {
		const record = new ExecutionRecord(new MemoryStore());
		const total = limits.actionRecords + 5;
		for (let count = 0; count < total; count++) {
			record.begin(`e${count}`);
			record.end(`e${count}`, { status: count, output: `output ${count}` });
		}
		for (let count = 0; count < total; count++) {
			const known = record.find(`e${count}`);
			const age = total - 1 - count;
			if (age >= limits.actionRecords) assert.isUndefined(known);
			else {
				const output = age < limits.actionOutputs ? `output ${count}` : "";
				assert.deepEqual(known?.result, { status: count, output });
			}
		}
	});

	it("remembers identifiers of any characters", () => {
		const record = new ExecutionRecord(new MemoryStore());
		for (const id of ["a b", "a\nb", " ", '"a b"', "a"]) {
			assert.isUndefined(record.find(id), id);
			record.begin(id);
			record.end(id, { status: 3, output: `of ${id}` });
			assert.deepEqual(record.find(id)?.result, { status: 3, output: `of ${id}` });
		}
	});

	it("writes a good execution twice, and a third time when it drops an old output", () => {
		const store = new MemoryStore();
		const record = new ExecutionRecord(store);
		const writes: number[] = [];
		for (let count = 0; count < limits.actionOutputs + 2; count++) {
			const before = store.writes;
			record.begin(`e${count}`);
			record.end(`e${count}`, { status: 0, output: "x" });
			writes.push(store.writes - before);
		}
		assert.deepEqual(writes, [2, 2, 2, 2, 3, 3]);
	});

	it("takes what it cannot read for nothing", () => {
		const store = new MemoryStore({
			x0: "nonsense",
			x1: "1 e1",
			x2: "2 e2 zero\n",
			x3: new ArrayBuffer(3),
			x4: "x e4 0\n",
			x5: "\n",
		});
		const record = new ExecutionRecord(store);
		for (const id of ["", "e1", "e2", "e4", "nonsense"]) assert.isUndefined(record.find(id));
		record.begin("new");
		assert.deepEqual(record.find("new")?.result, undefined);
		assert.isDefined(record.find("new"));
	});
});
