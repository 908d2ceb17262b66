/** The page: its parts, fed with what happens. */
import { ActionsPanel } from "./actions.js";
import { ConsolePanel } from "./console.js";
import { DevicePanel } from "./device.js";
import { element, show } from "./elements.js";
import { listen } from "./live.js";
import type { Snapshot } from "./messages.js";
import { ShellPanel } from "./shell.js";
import { UpdatePanel } from "./update.js";

const notice = element("notice", HTMLElement);
const report = (text: string): void => {
	show(notice, text);
	notice.hidden = text === "";
};

const device = new DevicePanel(report);
const update = new UpdatePanel();
const actions = new ActionsPanel();
const serialConsole = new ConsolePanel();
new ShellPanel();

/** Changes that somebody who does not see the page is told: where the device is, and what became of an offer. */
function news({ presence, version, offer }: Snapshot): string {
	const told = offer === undefined ? "" : `; version ${offer.version}: ${offer.stage}`;
	return `Device ${presence}, firmware ${version}${told}`;
}

listen({
	onSnapshot: (snapshot) => {
		for (const panel of [device, update, actions]) panel.update(snapshot);
		show(element("news", HTMLElement), news(snapshot));
	},
	onLines: (lines) => serialConsole.add(lines),
	onConnection: (connected, ended) => {
		if (connected) report("");
		else device.lost(ended);
	},
});
