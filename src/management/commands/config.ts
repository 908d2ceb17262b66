/** The command that shows and changes the configuration. */
import { frozen } from "fleetling/frozen/frozen";
import { type Command, type CommandContext, misused } from "./command";
import type { ShownSetting } from "./powers";
import { aligned } from "./table";

const shown = ({ name, value, origin }: ShownSetting): readonly [string, string] => [
	name,
	value === undefined ? "(not set)" : `${value}${origin === "device" ? "" : `  (${origin})`}`,
];

interface Form {
	/** How many arguments at least and at most. */
	readonly least: number;
	readonly most: number;
	readonly run: (context: CommandContext, args: readonly string[]) => Promise<void>;
}

const forms: Readonly<Record<string, Form>> = frozen({
	get: {
		least: 0,
		most: 1,
		async run({ terminal, powers: { configuration } }, [name]) {
			if (name === undefined) {
				await terminal.print(aligned(configuration.names.map((each) => shown(configuration.show(each)))));
				return;
			}
			const setting = configuration.show(name);
			await terminal.print(`${aligned([shown(setting)])}${setting.help}\n`);
		},
	},
	set: {
		least: 2,
		most: Number.POSITIVE_INFINITY,
		async run({ terminal, powers: { configuration } }, [name = "", ...words]) {
			configuration.set(name, words.join(" "));
			await terminal.print(`${name} is stored; it holds from the next start\n`);
		},
	},
	reset: {
		least: 1,
		most: 1,
		async run({ terminal, powers: { configuration } }, [name = ""]) {
			configuration.reset(name);
			await terminal.print(`${name} is forgotten; from the next start what the build says holds\n`);
		},
	},
});

export const config: Command = frozen({
	name: "config",
	summary: "configuration: get, set, reset",
	usage: [
		"config get [KEY]          what holds; secrets are blanked",
		"config set KEY VALUE …    stores a value; it holds from the next start",
		"config reset KEY          forgets the stored value",
	],
	words: () => Object.keys(forms),
	async run(context, [name = "get", ...args]) {
		const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
		if (form === undefined) throw misused(config, `"config ${name}" is nothing that can be done`);
		if (args.length < form.least || args.length > form.most) throw misused(config, `"config ${name}" takes other arguments`);
		await form.run(context, args);
	},
});
