import { frozen } from "fleetling/frozen/frozen";
import { type Command, misused } from "fleetling/management/commands/command";
import { checkNetwork } from "./networks";
import type { StoredNetworks } from "./stored-networks";

interface Form {
	readonly least: number;
	readonly most: number;
	/** What is shown. */
	readonly run: (networks: StoredNetworks, args: readonly string[]) => string;
}

const afterRestart = "it holds from the next start on";

const forms: Readonly<Record<string, Form>> = frozen({
	list: {
		least: 0,
		most: 0,
		run: (networks) => {
			const faults: string[] = [];
			const known = networks.all((text) => faults.push(text));
			const names = known.map(({ ssid, password }) => `${ssid}${password === undefined ? "  (open)" : ""}\n`);
			return `${names.length > 0 ? names.join("") : "no network is known\n"}${faults.map((text) => `${text}\n`).join("")}`;
		},
	},
	add: {
		least: 1,
		most: 2,
		run: (networks, [ssid = "", password]) => {
			networks.add(checkNetwork(ssid, password));
			return `network "${ssid}" is stored; ${afterRestart}\n`;
		},
	},
	remove: {
		least: 1,
		most: 1,
		run: (networks, [ssid = ""]) =>
			networks.remove(ssid) ? `network "${ssid}" is forgotten; ${afterRestart}\n` : `network "${ssid}" is not stored\n`,
	},
});

/** The console's command for the device's networks. Passwords go in and never come out. */
export function wifiCommand(networks: StoredNetworks): Command {
	const wifi: Command = {
		name: "wifi",
		summary: "Wi-Fi networks: list, add, remove",
		usage: [
			"wifi list                  the networks that the device knows",
			"wifi add NAME [PASSWORD]   stores a network and puts it first",
			"wifi remove NAME           forgets a network",
		],
		words: () => Object.keys(forms),
		async run({ terminal }, [name = "list", ...args]) {
			const form = Object.hasOwn(forms, name) ? forms[name] : undefined;
			if (form === undefined || args.length < form.least || args.length > form.most)
				throw misused(wifi, `"wifi ${name}" cannot be done like that`);
			await terminal.print(form.run(networks, args));
		},
	};
	return wifi;
}
