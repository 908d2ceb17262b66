/** Topic 3: signatures and handshakes beside plain C, and the time from switching on to the first request. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { buildRuntime } from "../../targets/host/tools/runtime";
import { buildProgram } from "./native";
import { makeCertificates, Peers } from "./peers";
import { runJSON } from "./processes";
import type { Context, Outcome, Section } from "./section";
import { startTimes } from "./start";
import { describeShare, least, median, medianRatio, type Share, shareOf } from "./statistics";
import { decimals, type Goal, type Table, whole } from "./table";
import { compilePrograms, measureXS, type Rounds } from "./xsprogram";

const ratioLimit = 1.1;

/** The same work by both. */
interface Contest {
	readonly name: string;
	/** Rounds in one turn: enough for a quarter of a second. */
	readonly count: number;
	readonly xs: (count: number) => Promise<Rounds>;
	readonly c: (count: number) => Promise<Rounds>;
}

interface Result {
	readonly name: string;
	readonly xs: readonly Rounds[];
	readonly c: readonly Rounds[];
}

async function compete(context: Context, { name, count, xs, c }: Contest): Promise<Result> {
	const result: { name: string; xs: Rounds[]; c: Rounds[] } = { name, xs: [], c: [] };
	for (let turn = 0; turn < (context.quick ? 3 : 9); turn++) {
		context.progress(`${name}, turn ${turn + 1}`);
		result.xs.push(await xs(count));
		result.c.push(await c(count));
	}
	return result;
}

const wallOf = (rounds: readonly Rounds[]): number[] => rounds.map(({ wall }) => median(wall));
const cpuOf = (rounds: readonly Rounds[]): number[] => rounds.map(({ cpu }) => cpu);
const fastestOf = (rounds: readonly Rounds[]): number[] => rounds.map(({ wall }) => least(wall));

const row = ({ name, xs, c }: Result): string[] => [
	name,
	...[wallOf(xs), wallOf(c), fastestOf(xs), fastestOf(c), cpuOf(xs), cpuOf(c)].map((values) => whole(median(values))),
	decimals(medianRatio(fastestOf(xs), fastestOf(c))),
	decimals(medianRatio(cpuOf(xs), cpuOf(c))),
];

const goalOf = ({ name, xs, c }: Result, { quiet, measure }: Share): Goal => ({
	name: `${name}: ${measure} to that of C`,
	measured: quiet ? medianRatio(fastestOf(xs), fastestOf(c)) : medianRatio(cpuOf(xs), cpuOf(c)),
	limit: ratioLimit,
	bound: "at most",
	unit: "",
});

export const latency: Section = async (context): Promise<Outcome> => {
	const { workspace, progress } = context;
	progress("building programs");
	const runtime = await buildRuntime({ bits: 64, mode: "release" });
	await compilePrograms();
	const [signer, shaker] = [buildProgram("bench-crypto"), buildProgram("bench-handshake")];

	const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
	const key = workspace.path("key.der");
	const der = privateKey.export({ type: "pkcs1", format: "der" });
	writeFileSync(key, der, { mode: 0o600 });

	const certificates = await makeCertificates(workspace);
	const authorities = readFileSync(certificates.ca, "utf8");
	const nothing = workspace.path("nothing");
	writeFileSync(nothing, "nothing\n");
	const peers = await Peers.start(nothing, certificates);
	const handshake = (name: string, port: number, resume: boolean): Contest => ({
		name,
		count: 25,
		xs: (count) => measureXS(runtime, "handshake", { authorities, port, resume, count }),
		c: (count) => runJSON(shaker, ["127.0.0.1", String(port), certificates.ca, resume ? "resumed" : "full", String(count)]),
	});
	const contests: readonly Contest[] = [
		{
			name: "RSA-2048 signature",
			count: 100,
			xs: (count) => measureXS(runtime, "sign", { key: der.toString("base64"), count }),
			c: (count) => runJSON(signer, [key, String(count)]),
		},
		handshake("full handshake, EC certificate", peers.https, false),
		handshake("full handshake, RSA certificate", peers.rsa, false),
		handshake("resumed handshake", peers.https, true),
	];
	const results: Result[] = [];
	try {
		for (const contest of contests) results.push(await compete(context, contest));
	} finally {
		peers.stop();
		rmSync(key, { force: true });
	}
	const starts = await startTimes(context);
	// The first contest is nothing but arithmetic.
	const pure = results[0]?.c ?? [];
	const share = shareOf(cpuOf(pure), wallOf(pure));
	const table: Table = {
		title: "Signatures and handshakes beside C with the same library, 64-bit release build",
		method: `microseconds; medians of ${results[0]?.xs.length} turns; X25519, TLS 1.2, one server process (Node) for both; TCP connection included`,
		head: ["what", "XS", "C", "XS best", "C best", "XS CPU", "C CPU", "best to best", "CPU to CPU"],
		rows: results.map(row),
		notes: [
			describeShare(share),
			"best: the fastest round of a turn, which other processes disturb least.",
			"both sign with PSA, which parses the RSA key anew for each signature; both parse the authorities once.",
		],
	};
	return {
		tables: [table, starts.table],
		goals: results.map((result) => goalOf(result, share)),
		data: { results, starts: starts.data },
	};
};
