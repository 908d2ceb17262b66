/**
 * An application of one's own: a heater that is updated, looked after and asked about by way of Fleetling. It is the example
 * of src/README.md, and takes the place of main.
 */
import { declared } from "fleetling/agent/declared";
import type { Action } from "fleetling/management/actions/action";
import type { Command } from "fleetling/management/commands/command";
import { start } from "fleetling/start";
import device from "fleetling/target";
import config from "mc/config";
import Timer from "timer";

const heater = { target: 21, heating: true };
const sink = (line: string): void => trace(line, "\n");

/** Something that a manager can have the device do. What it returns is the status, what it throws becomes the output. */
const boost: Action = {
	id: "boost",
	name: "Boost",
	description: "Heats to 25 degrees",
	command: ["heat", "25"],
	timeout: 10,
	run({ print }) {
		heater.target = 25;
		print("heating to 25 degrees\n");
	},
};

/** A command for everybody at a shell, remote or at the serial port. */
const heat: Command = {
	name: "heat",
	summary: "shows or sets the temperature to heat to",
	usage: ["heat           shows it", "heat DEGREES   sets it"],
	async run({ terminal }, [degrees]) {
		if (degrees !== undefined) heater.target = Number(degrees);
		await terminal.print(`heating to ${heater.target} degrees\n`);
	},
};

/** A key of the configuration that people can set on the server. Throwing refuses all of a change. */
const target = declared({
	fallback: "21",
	expects: "degrees from 5 to 30",
	read: (text) => (Number(text) >= 5 && Number(text) <= 30 ? Number(text) : undefined),
	apply(degrees) {
		if (degrees === 13) throw new RangeError("13 degrees are unlucky");
		heater.target = degrees;
		sink(`heater: heating to ${degrees} degrees`);
	},
});

const fleetling = await start({
	device,
	config,
	sink,
	actions: [boost],
	commands: [heat],
	configuration: { "heater.target": target },
	// Never in the middle of heating up; asked again after a second.
	policy: { allows: (step) => (step === "restart" && heater.heating ? 1_000 : true) },
	events: {
		state: (state) => sink(`heater: the client is ${state}`),
		offer: ({ id }) => sink(`heater: update ${id} is offered`),
		progress: (percent) => percent % 50 === 0 && sink(`heater: ${percent} % are here`),
		result: ({ outcome, version }) => sink(`heater: the update to ${version} ended with ${outcome}`),
		identify: () => sink("heater: blinking"),
		alert: (text) => sink(`heater: the server says "${text}"`),
		trouble: ({ code }) => sink(`heater: trouble ${code}`),
	},
});

// Undefined when the client could not start, which the log explains; the heater heats all the same.
if (fleetling !== undefined) {
	const { actions, agent, facts, log } = fleetling;
	// Goes with every request: packages may require it, and people see it on the server.
	facts.add("heater.target", () => String(heater.target));
	const rest = (): void => {
		heater.target = 5;
		heater.heating = false;
		log.tag("heater").info("stopped heating");
		// An update may have waited for this.
		agent.checkNow();
	};
	// Actions can come later, too; absent without a management link.
	actions?.add({ ...boost, id: "off", name: "Off", description: "Stops heating", command: ["heat", "5"], run: rest });
	Timer.set(() => log.tag("heater").info(`still at ${heater.target} degrees`), 60_000, 60_000);
}
