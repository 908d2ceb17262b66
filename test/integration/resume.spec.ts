/** Downloads that are interrupted, by the real firmware against a real server: what goes on where, and how many bytes that costs. */
import assert from "node:assert/strict";
import { makeFirmware } from "../../targets/host/tools/firmware";
import { bytesAnswer, htmlAnswer, type Request } from "../servers/rdfm/http";
import { betweenMarks, blockBytes, Downloads, headBytes, largeImage, markBytes } from "./downloads";

const isRange = (request: Request): boolean => request.headers.range !== undefined;
const sorted = (values: readonly number[]): readonly number[] => [...values].sort((a, b) => a - b);

describe("resume: a connection that breaks", () => {
	let downloads: Downloads;
	afterEach(async () => {
		await downloads?.stop();
	});

	/** Checks that have been made. */
	const checks = (): number => downloads.fleet.server.log.of("check").length;

	it("once: the rest is asked for by the same link, and nothing is fetched twice but one block", async () => {
		downloads = await Downloads.start();
		const { fleet } = downloads;
		fleet.server.faults.cutDownload(200_000);
		const image = await fleet.offerFirmware("1.1.0");
		await fleet.checked(200);
		const before = checks();
		await fleet.confirmed("1.1.0");
		const [first, second, ...more] = downloads.requests;
		assert.deepEqual([first?.status, second?.status, more.length], [200, 206, 0]);
		assert.ok(second && second.start <= 200_000 && second.start > 200_000 - blockBytes, `went on at ${second?.start}`);
		assert.equal(second.ifRange, downloads.etag);
		assert.ok(downloads.sent <= image.length + blockBytes + 2 * headBytes, `${downloads.sent} bytes for ${image.length}`);
		assert.ok(checks() - before <= 1, "a check before it went on");
	});

	it("at every tenth: each costs one block at most, and percents never go backwards", async function () {
		this.timeout(120_000);
		downloads = await Downloads.start();
		const { fleet, proxy } = downloads;
		const image = await makeFirmware({ version: "1.1.0" });
		const places = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((tenth) => Math.floor((image.length * tenth) / 10));
		for (const total of places) proxy.disturb({ direction: "toClient", at: { total }, action: { kind: "cut" } });
		fleet.offer("1.1.0", image);
		await fleet.confirmed("1.1.0", 90_000);
		assert.equal(downloads.requests.length, 10);
		const most = image.length + 9 * blockBytes + 10 * headBytes;
		assert.ok(downloads.sent <= most, `${downloads.sent} bytes for ${image.length}, at most ${most}`);
		const percents = downloads.percents();
		assert.deepEqual(percents, sorted(percents));
		assert.equal(percents.at(-1), 100);
	});

	it("by a reset over TLS: goes on as well", async () => {
		downloads = await Downloads.start({ plain: false });
		const { fleet, proxy } = downloads;
		proxy.disturb({ direction: "toClient", at: { byte: 300_000 }, action: { kind: "cut", reset: true } });
		await fleet.offerFirmware("1.1.0");
		await fleet.confirmed("1.1.0");
		const [, second, ...more] = downloads.requests;
		assert.deepEqual([second?.status, more.length], [206, 0]);
		assert.ok(second && second.start > 0 && second.start % blockBytes === 0);
	});

	it("in silence: noticed within its deadline, and gone on with", async function () {
		this.timeout(90_000);
		downloads = await Downloads.start();
		const { fleet, proxy } = downloads;
		proxy.disturb({ direction: "toClient", at: { byte: 300_000 }, action: { kind: "stall" } });
		await fleet.offerFirmware("1.1.0");
		await fleet.says(/net\.timeout/, 40_000);
		await fleet.confirmed("1.1.0");
		assert.equal(downloads.requests.at(-1)?.status, 206);
	});
});

describe("resume: servers that do not do as they should", () => {
	let downloads: Downloads;
	afterEach(async () => {
		await downloads?.stop();
	});

	/** Offers 1.1.0, cuts its first transfer, and lets `fault` answer the first request for a part. */
	async function begin(fault?: Parameters<Downloads["fleet"]["server"]["faults"]["add"]>[1]): Promise<Buffer> {
		downloads = await Downloads.start();
		const { fleet } = downloads;
		fleet.server.faults.cutDownload(200_000);
		if (fault) fleet.server.faults.add("download", fault, { when: isRange });
		return fleet.offerFirmware("1.1.0");
	}

	/** Statuses of the requests, and the place where the last one began. */
	async function end(): Promise<{ readonly statuses: readonly number[]; readonly last: number }> {
		await downloads.fleet.confirmed("1.1.0");
		const { requests } = downloads;
		return { statuses: requests.map(({ status }) => status), last: requests.at(-1)?.start ?? -1 };
	}

	const wholeAgain = (image: Buffer): void => {
		const most = 200_000 + image.length + 4 * headBytes;
		assert.ok(downloads.sent <= most, `${downloads.sent} bytes, at most ${most}`);
	};

	it("200 in place of 206: begins again with what comes, and is not asked twice", async () => {
		const image = await makeFirmware({ version: "1.1.0" });
		await begin({ kind: "answer", answer: bytesAnswer(200, image, { "Content-Type": "application/octet-stream" }) });
		assert.deepEqual(await end(), { statuses: [200, 200], last: 196_608 });
		wholeAgain(image);
	});

	it("a 206 of another place, of another length or without one: begins again", async () => {
		for (const range of ["bytes 0-99/100000", "bytes 196609-300000/300001", "", "bytes 5"]) {
			const image = await begin({
				kind: "rewrite",
				change: (answer) => ({ ...answer, headers: { ...answer.headers, "Content-Range": range } }),
			});
			assert.deepEqual(await end(), { statuses: [200, 206, 200], last: 0 }, range);
			await downloads.fleet.says(/update\.bad-range/);
			assert.ok(downloads.sent < 200_000 + 2 * image.length);
			await downloads.stop();
		}
	});

	it("another ETag: looks whether there is another offer, then begins again", async () => {
		await begin();
		const { fleet } = downloads;
		await fleet.server.log.until(({ route }) => route === "download");
		const [stored] = fleet.server.packages.all();
		assert.ok(stored);
		stored.modified += 5_000;
		assert.deepEqual(await end(), { statuses: [200, 200, 200], last: 0 });
		await fleet.says(/update\.changed/);
	});

	it("another package under the same link, with an offer of its own: that is installed, without an error", async () => {
		await begin();
		const { fleet } = downloads;
		const other = await makeFirmware({ version: "1.1.0", padTo: 1_000_000 });
		await fleet.server.log.until(({ route }) => route === "download");
		const [stored] = fleet.server.packages.all();
		assert.ok(stored);
		const { createHash } = await import("node:crypto");
		Object.assign(stored, { content: other, modified: stored.modified + 5_000 });
		stored.offeredHash = createHash("sha256").update(other).digest("hex");
		await end();
		assert.doesNotMatch(fleet.running.output, /wrong-hash/);
		const fetched = downloads.requests.filter(({ start }) => start === 0).length;
		assert.ok(fetched <= 3, `${fetched} times from the start`);
	});

	it("416, because the package is shorter by now: a check, then from the start", async () => {
		await begin({ kind: "answer", answer: htmlAnswer(416, { "Content-Range": "bytes */1000" }) });
		const before = downloads.fleet.server.log.of("check").length;
		assert.deepEqual(await end(), { statuses: [200, 416, 200], last: 0 });
		assert.ok(downloads.fleet.server.log.of("check").length > before);
	});

	for (const status of [403, 404] as const)
		it(`${status}, because the link has expired: a check, then on with a fresh one`, async () => {
			const image = await begin({ kind: "answer", answer: htmlAnswer(status) });
			const { statuses, last } = await end();
			assert.deepEqual(statuses, [200, status, 206]);
			assert.equal(last, 196_608);
			assert.ok(downloads.sent <= image.length + blockBytes + 3 * headBytes + 2_048, `${downloads.sent} bytes`);
		});

	it("403 from the first byte on: asked for again after each check, with growing pauses, and taken when it works", async () => {
		downloads = await Downloads.start();
		const { fleet } = downloads;
		fleet.server.faults.add("download", { kind: "answer", answer: htmlAnswer(403) }, { times: 3 });
		await fleet.offerFirmware("1.1.0");
		assert.deepEqual((await end()).statuses, [403, 403, 403, 200]);
	});

	it("nothing to recognise the package by: goes on, and the hash decides", async () => {
		downloads = await Downloads.start();
		const { fleet } = downloads;
		const { ETag: _, ...bare } = { ETag: "" };
		const strip = { ...bare, ETag: 'W/"weak"', "Last-Modified": "never" };
		fleet.server.faults.add(
			"download",
			{ kind: "rewrite", change: (answer) => ({ ...answer, headers: { ...answer.headers, ...strip } }) },
			{ times: 2 },
		);
		fleet.server.faults.cutDownload(200_000);
		await fleet.offerFirmware("1.1.0");
		await fleet.confirmed("1.1.0");
		assert.deepEqual(
			downloads.requests.map(({ status, ifRange }) => [status, ifRange]),
			[
				[200, undefined],
				[206, undefined],
			],
		);
	});

	it("a part that belongs to something else: found out, and fetched once more in one piece", async () => {
		const change = (answer: ReturnType<typeof htmlAnswer>) => ({ ...answer, body: Buffer.alloc(answer.body.byteLength, 0x55) });
		const image = await begin({ kind: "rewrite", change });
		assert.deepEqual(await end(), { statuses: [200, 206, 200], last: 0 });
		await downloads.fleet.says(/put together from parts/);
		assert.ok(downloads.sent <= 2 * image.length + 200_000);
	});
});

describe("resume: a power cut in a package of 1.5 MB", () => {
	let downloads: Downloads;
	afterEach(async () => {
		await downloads?.stop();
	});

	for (const percent of [10, 50, 90])
		it(`at about ${percent} %: at most 64 KiB are fetched again`, async function () {
			this.timeout(120_000);
			downloads = await Downloads.start();
			const { fleet } = downloads;
			const image = await makeFirmware({ version: "1.1.0", padTo: largeImage });
			const cut = downloads.cutPowerAt(betweenMarks((image.length * percent) / 100));
			fleet.offer("1.1.0", image);
			const before = await cut;
			const told = downloads.percents();
			await fleet.switchOn();
			await fleet.confirmed("1.1.0");
			const again = downloads.sent - image.length - 2 * headBytes;
			process.stdout.write(`      cut after ${before} of ${image.length} bytes, ${Math.max(0, again)} of them fetched again\n`);
			assert.ok(again <= markBytes, `${again} bytes were fetched again`);
			const [, second, ...more] = downloads.requests;
			assert.deepEqual([second?.status, more.length], [206, 0]);
			assert.equal(second?.ifRange, downloads.etag);
			const percents = [...told, ...downloads.percents()];
			assert.deepEqual(percents, sorted(percents), "percents went backwards");
			const { events } = fleet.running;
			const longest = Math.max(...events.map(({ longestBlock }) => Number(longestBlock ?? 0)));
			assert.ok(longest < 1_000, `JavaScript was blocked for ${longest} ms`);
		});

	it("again and again: each costs its 64 KiB at most", async function () {
		this.timeout(120_000);
		downloads = await Downloads.start();
		const { fleet } = downloads;
		const image = await makeFirmware({ version: "1.1.0", padTo: largeImage });
		for (let cut = 1; cut <= 4; cut++) {
			const done = downloads.cutPowerAt(cut * 250_000);
			if (cut === 1) fleet.offer("1.1.0", image);
			else await fleet.switchOn();
			await done;
		}
		await fleet.switchOn();
		await fleet.confirmed("1.1.0");
		const again = downloads.sent - image.length - 5 * headBytes;
		assert.ok(again <= 4 * markBytes, `${again} bytes were fetched again`);
		assert.ok(downloads.requests.slice(1).every(({ status, start }) => status === 206 && start > 0));
	});

	it("and another package when it is back: that one, from its start", async function () {
		this.timeout(120_000);
		downloads = await Downloads.start();
		const { fleet } = downloads;
		const cut = downloads.cutPowerAt(400_000);
		await fleet.offerFirmware("1.1.0", { padTo: largeImage });
		await cut;
		await fleet.offerFirmware("1.2.0");
		await fleet.switchOn();
		await fleet.confirmed("1.2.0");
		assert.deepEqual(downloads.requests.at(-1), { status: 200, start: 0, ifRange: undefined });
	});

	it("and the package changed while it was off: a fresh check, then from the start", async function () {
		this.timeout(120_000);
		downloads = await Downloads.start();
		const { fleet } = downloads;
		const cut = downloads.cutPowerAt(400_000);
		await fleet.offerFirmware("1.1.0", { padTo: largeImage });
		await cut;
		const [stored] = fleet.server.packages.all();
		assert.ok(stored);
		stored.modified += 5_000;
		await fleet.switchOn();
		await fleet.confirmed("1.1.0");
		assert.deepEqual(
			downloads.requests.map(({ status }) => status),
			[200, 200, 200],
		);
		await fleet.says(/update\.changed/);
	});
});
