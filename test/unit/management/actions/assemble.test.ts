import { assert } from "chai";
import { limits } from "fleetling/common/deadlines";
import { Log } from "fleetling/common/log";
import type { Action } from "fleetling/management/actions/action";
import { assembleActions } from "fleetling/management/actions/assemble";
import { parseActions } from "fleetling/management/actions/configured";
import { CommandTable } from "fleetling/management/commands/command";
import { RDFMActions } from "fleetling/servers/rdfm/actions";
import { describe, it } from "test/harness";
import { FakePowers } from "../../fakes/powers";
import { MemoryStore } from "../../fakes/store";

const command = ["net"];
const listOf = (count: number): string => JSON.stringify(Array.from({ length: count }, (_, at) => ({ id: `c${at}`, command })));

/** The actions of a device on an RDFM server. */
function device(configured: string, added: readonly Action[] = []) {
	const lines: string[] = [];
	const log = new Log({ sink: (line) => void lines.push(line), ticks: () => 0 });
	const actions = assembleActions({
		storage: { open: () => new MemoryStore() },
		log,
		configured: parseActions(configured) ?? assert.fail("refused"),
		added,
		powers: () => new FakePowers(),
		table: () => new CommandTable([]),
		facts: () => ({}),
		identify: () => {},
	});
	new RDFMActions({ actions, wake: () => {}, renew: () => {}, log: log.tag("rdfm") });
	return { ids: actions.list.map(({ id }) => id), lines, actions };
}

const own = (id: string): Action => ({ id, name: "own", description: "", command: [], timeout: 1, run: () => {} });

describe("all actions of a device", () => {
	it("are as many as there is room for, or the configuration is refused when it is set", () => {
		const most = limits.actions - limits.standardActions;
		assert.lengthOf(device(listOf(most)).ids, limits.actions);
		assert.isUndefined(parseActions(listOf(most + 1)));
	});

	it("leave out those of the configuration that do not fit beside the application's, and start", () => {
		const { ids, lines } = device(listOf(13), [own("a0"), own("a1"), own("a2")]);
		assert.lengthOf(ids, limits.actions);
		assert.includeMembers(ids, ["identify", "reboot", "a0", "a1", "a2", "c9", "rdfm.builtins.trigger_update_check"]);
		assert.lengthOf(
			lines.filter((line) => line.includes("one too many")),
			3,
		);
	});

	it("are the application's where it has one of that name, and the configuration's before the standard ones", () => {
		const { actions } = device(
			JSON.stringify([
				{ id: "a0", command },
				{ id: "reboot", command },
			]),
			[own("a0")],
		);
		const nameOf = (wanted: string) => actions.list.find(({ id }) => id === wanted)?.name;
		assert.equal(nameOf("a0"), "own");
		assert.equal(nameOf("reboot"), "reboot", "and not Reboot");
	});
});
