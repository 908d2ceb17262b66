/** Commands that show how the device is. */
import { frozen } from "fleetling/frozen/frozen";
import type { Command } from "./command";
import { aligned, duration, grouped } from "./table";

export const status: Command = frozen({
	name: "status",
	summary: "how the device is, in short",
	async run({ terminal, powers }) {
		const { system, clock, slots, update, agent } = powers;
		const { label, state } = slots.running();
		await terminal.print(
			aligned([
				["version", `${update.version} in slot ${label} (${update.onTrial ? "on trial" : state})`],
				["agent", agent.state],
				["up", `${duration(system.ticks() / 1000)}, last reset: ${system.resetReason}`],
				["time", new Date(clock.now()).toISOString()],
				...(update.lastFailure === undefined ? [] : [["last failure", `${update.lastFailure.text}`] as const]),
			]),
		);
	},
});

export const identity: Command = frozen({
	name: "identity",
	summary: "what the server knows the device by",
	async run({ terminal, powers }) {
		const { mac, deviceType, publicPEM } = powers.identity;
		await terminal.print(
			aligned([
				["address", mac],
				["device type", deviceType],
			]),
		);
		await terminal.print(publicPEM);
	},
});

export const net: Command = frozen({
	name: "net",
	summary: "connections and how they stand",
	async run({ terminal, powers }) {
		await terminal.print(aligned([["address", powers.identity.mac], ...powers.network()]));
	},
});

export const mem: Command = frozen({
	name: "mem",
	summary: "memory in use, and its peaks",
	async run({ terminal, powers }) {
		const { slotsUsed, slotsPeak, chunksUsed, chunksPeak, stackPeak, limit, heapFree } = powers.system.memory();
		await terminal.print(
			aligned([
				["slots", `${grouped(slotsUsed)} bytes, at most ${grouped(slotsPeak)}`],
				["chunks", `${grouped(chunksUsed)} bytes, at most ${grouped(chunksPeak)}`],
				["stack", `at most ${grouped(stackPeak)} bytes`],
				...(limit > 0 ? [["machine", `${grouped(limit)} bytes in all`] as const] : []),
				...(heapFree === undefined ? [] : [["native heap", `${grouped(heapFree)} bytes free`] as const]),
			]),
		);
	},
});

export const flash: Command = frozen({
	name: "flash",
	summary: "firmware slots and what is in them",
	async run({ terminal, powers }) {
		const { slots } = powers;
		const running = slots.running();
		for (const slot of [running, slots.inactive()]) {
			const { label, size, state, description } = slot;
			const what = description === undefined ? "no image" : `${description.project} ${description.version}`;
			const mark = slot === running ? "  running" : "";
			await terminal.print(`${label}  ${grouped(size)} bytes  ${state}  ${what}${mark}\n`);
		}
	},
});
