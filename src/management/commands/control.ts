/** Commands that change something. */
import { frozen } from "fleetling/frozen/frozen";
import { type Command, misused } from "./command";

export const reboot: Command = frozen({
	name: "reboot",
	summary: "restarts the device",
	async run({ terminal, powers }) {
		await terminal.print("restarting\n");
		powers.restart("asked for at the console");
	},
});

export const factoryReset: Command = frozen({
	name: "factory-reset",
	summary: "forgets configuration, key, records and files (asks first)",
	async run({ terminal, powers }) {
		await terminal.print(
			"This forgets the configuration, the device's key, the update's record and all files. The server will take the device\n" +
				"for a new one that has to be approved again. The firmware stays.\n",
		);
		const answer = await terminal.ask('Type "yes" to go on: ');
		if (answer?.trim() !== "yes") {
			await terminal.print("Nothing was changed.\n");
			return;
		}
		await terminal.print("resetting and restarting\n");
		powers.factoryReset();
	},
});

const updateActions: Readonly<Record<string, Command["run"]>> = frozen({
	async status({ terminal, powers }) {
		const { update, agent } = powers;
		const { version, onTrial, lastFailure } = update;
		await terminal.print(`version ${version}${onTrial ? ", on trial" : ""}; ${agent.state}\n`);
		if (lastFailure !== undefined) await terminal.print(`last failure: ${lastFailure.text}\n`);
	},
	async check({ terminal, powers }) {
		powers.agent.checkNow();
		await terminal.print("asking the server; the log shows what it says\n");
	},
	async cancel({ terminal, powers }) {
		const done = powers.agent.cancelUpdate("called off at the console");
		await terminal.print(done ? "the update is called off\n" : "there is no update that could be called off\n");
	},
});

export const update: Command = frozen({
	name: "update",
	summary: "updates: status, check, cancel",
	usage: [
		"update status    the running version and what is under way",
		"update check     asks the server now instead of at the next poll",
		"update cancel    calls off the update under way; its package is not fetched again by itself",
	],
	words: () => Object.keys(updateActions),
	async run(context, [name = "status", ...more]) {
		const action = Object.hasOwn(updateActions, name) && more.length === 0 ? updateActions[name] : undefined;
		if (action === undefined) throw misused(update, `"update ${name}" is nothing that can be done`);
		await action(context, []);
	},
});
