/** Topic 4: what an idle poll costs on the wire, IP and TCP headers included, both directions. */
import { rmSync } from "node:fs";
import { buildRuntime } from "../../targets/host/tools/runtime";
import { Capture } from "./capture";
import { captured, counted, type Observed } from "./observe";
import { makeCertificates } from "./peers";
import type { Scenario } from "./polling";
import type { Context, Outcome, Section } from "./section";
import { sum } from "./statistics";
import { introducedFlash } from "./subject";
import { decimals, type Goal, type Table, whole } from "./table";

const kept = 60_000;
const often = { pollSeconds: 2, polls: 4 } as const;
/** Between the renewal of a token that lives 30 s and its end, with the spread of polls. */
const seldom = { pollSeconds: 28, polls: 1 } as const;

interface Case extends Scenario {
	/** Bytes of one poll. */
	readonly limit?: number;
}

const cases: readonly Case[] = [
	{ name: "connection kept, token good", flavour: "gunicorn", idleTimeout: kept, token: "good", ...often, limit: 1_200 },
	{ name: "closed after each answer, token good", flavour: "werkzeug", idleTimeout: kept, token: "good", ...often, limit: 2_000 },
	{ name: "closed when idle, token good", flavour: "gunicorn", idleTimeout: 500, token: "good", ...often, limit: 2_000 },
	{ name: "connection kept, token refused", flavour: "gunicorn", idleTimeout: kept, token: "refused", ...often },
	{ name: "closed after each answer, token refused", flavour: "werkzeug", idleTimeout: kept, token: "refused", ...often },
	{ name: "closed when idle, token renewed", flavour: "gunicorn", idleTimeout: 2_000, token: "renewed", ...seldom },
	{ name: "closed after each answer, token renewed", flavour: "werkzeug", idleTimeout: kept, token: "renewed", ...seldom },
];

/** Why nothing can be captured here; undefined when it can. */
async function whyNoCapture({ workspace }: Context): Promise<string | undefined> {
	try {
		const file = workspace.path("try.pcap");
		await (await Capture.start(9, file)).stop();
		rmSync(file, { force: true });
		return undefined;
	} catch (error) {
		return (error as Error).message;
	}
}

const each = (value: number, polls: number): string =>
	Number.isInteger(value / polls) ? whole(value / polls) : decimals(value / polls, 1);

const totalRow = ({ scenario, polls, packets, bytes, breakdown }: Observed): string[] => [
	scenario.name,
	...[polls.requests, polls.connections, polls.fullHandshakes, packets].map((value) => each(value, scenario.polls)),
	breakdown ? each(breakdown.empty, scenario.polls) : "?",
	whole(bytes / scenario.polls),
	breakdown ? whole(breakdown.plainBytes / scenario.polls) : "?",
];

const placeRow = ({ scenario, polls, breakdown }: Observed): string[] | undefined =>
	breakdown && [
		scenario.name,
		...[
			breakdown.headers,
			breakdown.handshake,
			breakdown.alerts,
			breakdown.records,
			breakdown.request - polls.requestBodies,
			polls.requestBodies,
			breakdown.answer - polls.answerBodies,
			polls.answerBodies,
			breakdown.bytes,
		].map((bytes) => whole(bytes / scenario.polls)),
	];

function tablesOf(observed: readonly Observed[], noCapture: string | undefined): readonly Table[] {
	const method = "IP and TCP headers included, both directions; for each poll";
	const totals: Table = {
		title: "One idle poll on the wire",
		method:
			noCapture === undefined ? `captured by tcpdump on loopback, ${method}` : `counted in a proxy (${noCapture}), ${method}`,
		head: [
			"server's connection and device's token",
			"requests",
			"connections",
			"full TLS",
			"packets",
			"empty",
			"bytes",
			"without TS",
		],
		rows: observed.map(totalRow),
		notes: [
			'"without TS": Linux puts 12 bytes of timestamps into each segment (8 more into a SYN), lwIP none; the same packets without them.',
			"by the defaults (900 s between polls, tokens that live 300 s) every poll has to renew its token.",
		],
	};
	const rows = observed.flatMap((entry) => {
		const row = placeRow(entry);
		return row ? [row] : [];
	});
	if (rows.length === 0) return [totals];
	const places: Table = {
		title: "Where the bytes of an idle poll go",
		method: "from the same captures: TLS records by their type, HTTP bodies from the server's log, heads by subtraction",
		head: [
			"server's connection and device's token",
			...["TCP/IP", "handshake", "alerts", "records", "req. head", "req. body", "ans. head", "ans. body", "all"],
		],
		rows,
	};
	return [totals, places];
}

function goalsOf(observed: readonly Observed[]): readonly Goal[] {
	const bytes = observed.flatMap(({ scenario, bytes: all }): Goal[] => {
		const { limit } = scenario as Case;
		if (limit === undefined) return [];
		return [
			{ name: `idle poll, ${scenario.name}`, measured: Math.round(all / scenario.polls), limit, bound: "at most", unit: "bytes" },
		];
	});
	const full = sum(observed.map(({ polls }) => polls.fullHandshakes));
	return [{ name: "full handshakes after the first", measured: full, limit: 0, bound: "at most", unit: "" }, ...bytes];
}

export const wire: Section = async (context): Promise<Outcome> => {
	const { quick, progress, workspace } = context;
	const runtime = await buildRuntime({ bits: 64, mode: "release" });
	const certificates = await makeCertificates(workspace);
	const noCapture = await whyNoCapture(context);
	progress("a device makes its key");
	const template = await introducedFlash(workspace.path("polling.flash"), runtime);
	const chosen = cases.filter(({ token }) => token !== "renewed" || (!quick && noCapture === undefined));
	progress(`${chosen.length} devices poll, ${quick ? 15 : 40} s`);
	const observed = await Promise.all(
		chosen.map((scenario, index) => {
			const options = { runtime, template, certificates, flash: workspace.path(`polling-${index}.flash`) };
			return noCapture === undefined ? captured(scenario, options, workspace.path(`${index}.pcap`)) : counted(scenario, options);
		}),
	);
	rmSync(template);
	return { tables: tablesOf(observed, noCapture), goals: goalsOf(observed), data: observed };
};
