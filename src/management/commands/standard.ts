import { type Command, CommandTable } from "./command";
import { config } from "./config";
import { factoryReset, reboot, update } from "./control";
import { flash, identity, mem, net, status } from "./device";
import { helpFor } from "./help";
import { javascript } from "./javascript";
import { log } from "./log";

/** The commands that every device has, and `added` ones of the application. */
export function standardCommands(added: readonly Command[] = []): CommandTable {
	const help = helpFor(() => table);
	const own = [help, status, identity, config, update, log, net, mem, flash, reboot, factoryReset, javascript];
	const table = new CommandTable([...own, ...added]);
	return table;
}
