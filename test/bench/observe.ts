/** Watches a device's polls by a capture, or, where none can be made, by counting in a proxy. */

import { startMeter, type WireReport } from "../capture/meter";
import { measurePort } from "../capture/pcap";
import { type Breakdown, breakDown } from "./breakdown";
import { Capture } from "./capture";
import { type PollingOptions, type Polls, type Scenario, watchPolls } from "./polling";

/** Figures of all polls of a scenario. */
export interface Observed {
	readonly scenario: Scenario;
	readonly polls: Polls;
	readonly packets: number;
	readonly bytes: number;
	/** Only a capture tells. */
	readonly breakdown?: Breakdown;
}

export async function captured(scenario: Scenario, options: PollingOptions, file: string): Promise<Observed> {
	let port = 0;
	let capture: Capture | undefined;
	let bytes = Buffer.alloc(0);
	const polls = await watchPolls(scenario, options, {
		prepare: async (server) => {
			port = server.port;
			return port;
		},
		begin: async () => {
			capture = await Capture.start(port, file);
		},
		end: async () => {
			bytes = Buffer.from((await capture?.stop()) ?? bytes);
		},
	});
	const breakdown = breakDown(bytes, port);
	const { toServer, toClient } = measurePort(bytes, port);
	if (breakdown.bytes !== toServer.bytes + toClient.bytes)
		throw new Error(`${scenario.name}: two readings of one capture differ`);
	return { scenario, polls, packets: breakdown.packets, bytes: breakdown.bytes, breakdown };
}

/** A proxy counts a device's whole life: what a longer life costs more than a shorter one is what its further polls cost. */
export async function counted(scenario: Scenario, options: PollingOptions): Promise<Observed> {
	const live = async (polls: number): Promise<{ readonly polls: Polls; readonly report: WireReport }> => {
		let stop: (() => Promise<WireReport>) | undefined;
		let report: WireReport | undefined;
		const flash = `${options.flash}-${polls}`;
		const seen = await watchPolls(
			{ ...scenario, polls },
			{ ...options, flash },
			{
				prepare: async (server) => {
					const meter = await startMeter(server.port, "proxy");
					stop = meter.stop;
					return meter.port;
				},
				begin: async () => undefined,
				end: async () => {
					report = await stop?.();
				},
			},
		);
		if (report === undefined) throw new Error(`${scenario.name}: nothing was counted`);
		return { polls: seen, report };
	};
	const [short, long] = await Promise.all([live(1), live(1 + scenario.polls)]);
	const difference = (key: keyof Polls): number => long.polls[key] - short.polls[key];
	return {
		scenario,
		polls: {
			connections: difference("connections"),
			fullHandshakes: long.polls.fullHandshakes,
			requests: difference("requests"),
			requestBodies: difference("requestBodies"),
			answerBodies: difference("answerBodies"),
		},
		packets: long.report.packets - short.report.packets,
		bytes: long.report.bytes - short.report.bytes,
	};
}
