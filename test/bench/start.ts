/** From switching on to the first TCP connection that the server sees, for each build. */
import { spawn } from "node:child_process";
import { type AddressInfo, createServer, type Server } from "node:net";
import { buildRuntime, type Variant, variantName } from "../../targets/host/tools/runtime";
import { has32BitLibraries } from "../../targets/host/tools/setup";
import { buildProgram } from "./native";
import { onCore } from "./processes";
import type { Context } from "./section";
import { median } from "./statistics";
import { copyFlash, introducedFlash, Subject } from "./subject";
import { decimals, type Table } from "./table";

const variants: readonly Variant[] = [
	{ bits: 64, mode: "release" },
	{ bits: 64, mode: "debug" },
	{ bits: 32, mode: "release" },
	{ bits: 32, mode: "debug" },
];

/** Milliseconds, and where they went by the device's own clock. */
interface Start {
	readonly total: number;
	/** Until the first line of the firmware: modules are parsed and linked, which a device has done at build time. */
	readonly loading: number;
}

const connected = (server: Server): Promise<number> =>
	new Promise((resolve) =>
		server.once("connection", (socket) => {
			resolve(performance.now());
			socket.destroy();
		}),
	);

async function measureDevice(context: Context, server: Server, runtime: string, template: string): Promise<Start> {
	const flash = copyFlash(template, context.workspace.path("started.flash"));
	const { port } = server.address() as AddressInfo;
	const arrival = connected(server);
	const begun = performance.now();
	const subject = new Subject({ runtime, flash, url: `http://127.0.0.1:${port}` });
	const total = (await arrival) - begun;
	const loading = (await subject.line(/^main: version/)).ticks;
	await subject.device.cutPower();
	return { total, loading };
}

async function measureProcess(server: Server, program: string): Promise<number> {
	const { port } = server.address() as AddressInfo;
	const arrival = connected(server);
	const begun = performance.now();
	const [command, args] = onCore("measured", program, ["127.0.0.1", String(port)]);
	spawn(command, args, { stdio: "ignore" });
	return (await arrival) - begun;
}

export async function startTimes(context: Context): Promise<{ readonly table: Table; readonly data: unknown }> {
	const possible = variants.filter(({ bits }) => bits === 64 || has32BitLibraries());
	const program = buildProgram("bench-handshake");
	const server = createServer().listen(0, "127.0.0.1");
	const runtimes: { name: string; path: string; starts: Start[] }[] = [];
	for (const variant of possible) runtimes.push({ name: variantName(variant), path: await buildRuntime(variant), starts: [] });
	const template = await introducedFlash(context.workspace.path("start.flash"), runtimes[0]?.path ?? "");
	const floor: number[] = [];
	for (let turn = 0; turn < (context.quick ? 3 : 9); turn++) {
		context.progress(`start, turn ${turn + 1}`);
		for (const { path, starts } of runtimes) starts.push(await measureDevice(context, server, path, template));
		floor.push(await measureProcess(server, program));
	}
	server.close();
	const table: Table = {
		title: "Start to first request",
		method: `milliseconds from starting the process to the server's accept; medians of ${floor.length} turns; the device has its key`,
		head: ["build", "first request", "of it loading"],
		rows: [
			...runtimes.map(({ name, starts }) => [
				name,
				decimals(median(starts.map(({ total }) => total)), 1),
				decimals(median(starts.map(({ loading }) => loading)), 0),
			]),
			["C program that only connects", decimals(median(floor), 1), "0"],
		],
		notes: [
			'"loading": image verified, modules parsed and linked; on a device the linker has done that when the firmware was built.',
		],
	};
	return { table, data: { runtimes, floor } };
}
