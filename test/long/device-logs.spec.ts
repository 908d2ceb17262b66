/** The whole firmware and its log on the server: what arrives, what does not, and what it never costs. */
import assert from "node:assert/strict";
import { Fleet, mac } from "../integration/fleet";
import { strangeMembers } from "../servers/rdfm/device-messages";

const pause = (milliseconds: number): Promise<void> => new Promise((done) => setTimeout(done, milliseconds));

describe("device: logs on the server", () => {
	let fleet: Fleet;
	afterEach(async () => {
		for (const link of fleet?.server.management.links ?? [])
			for (const text of link.texts) assert.deepEqual(strangeMembers(text), [], text);
		await fleet?.stop();
	});
	const entries = () => fleet.server.logs.entries;
	const uploads = () => fleet.server.log.of("logs");
	const arrived = async (pattern: RegExp, timeout = 20_000): Promise<void> => {
		for (const begun = Date.now(); !entries().some(({ entry }) => pattern.test(entry)); await pause(20))
			assert.ok(
				Date.now() - begun < timeout,
				`no ${pattern} among ${entries()
					.map(({ entry }) => entry)
					.join("\n")}`,
			);
	};

	it("arrive from the first line on, in order, once, with names and times, over TLS", async () => {
		fleet = await Fleet.start({ settings: { logUpload: "info" } });
		await arrived(/management link is open/);
		await fleet.checked();
		const texts = entries().map(({ entry }) => entry);
		assert.match(texts[0] ?? "", /^I \(\d+\) main: version 1\.0\.0 in slot/);
		assert.equal(new Set(texts).size, texts.length);
		// The bootloader writes, too, before there is anything to keep its lines.
		const shown = fleet.running.output.split("\n").filter((line) => /^[EWI] \(\d+\) (?!boot:)/.test(line));
		assert.deepEqual(texts, shown.slice(0, texts.length));
		for (const { name, entry, deviceTimestamp } of entries()) {
			assert.ok(entry.includes(`) ${name}: `), entry);
			assert.ok(Math.abs(deviceTimestamp - Date.now()) < 60_000, new Date(deviceTimestamp).toISOString());
		}
		assert.ok(uploads().every(({ status }) => status === 200));
	});

	it("are not taken there unless that is wanted", async () => {
		fleet = await Fleet.start({ plain: true });
		for (let count = 0; count < 3; count++) await fleet.checked();
		assert.equal(uploads().length, 0);
	});

	it("do not write about themselves: a device with nothing to say says nothing", async () => {
		fleet = await Fleet.start({ plain: true, settings: { logUpload: "debug", logLevel: "debug,agent=info" } });
		await arrived(/management link is open/);
		await pause(3_000);
		const before = uploads().length;
		for (let count = 0; count < 4; count++) await fleet.checked();
		assert.ok(uploads().length - before <= 1, `${uploads().length - before} batches`);
	});

	it("wait while the server has trouble, and are lost by the line, and counted", async function () {
		this.timeout(120_000);
		fleet = await Fleet.start({ plain: true, settings: { logUpload: "debug", logLevel: "debug" } });
		await arrived(/management link is open/);
		const { faults, log } = fleet.server;
		faults.serverError("logs", { times: 2 });
		faults.retryAfter("logs", 4, { skip: 2 });
		fleet.server.expireTokens();
		await log.next(({ route, status }) => route === "logs" && status === 503, 40_000);
		const refused = uploads().length;
		// Each writes two lines, and the memory holds some fifty.
		for (let count = 0; count < 40; count++) await fleet.server.actions.execute(mac, "identify");
		await arrived(/logs: \d+ lines before this one are lost/, 60_000);
		assert.equal(uploads()[refused]?.status, 200);
		const told = fleet.running.output.match(/W \(\d+\) logs: .*/g) ?? [];
		assert.equal(told.length, 2, told.join("\n"));
		assert.match(told[0] ?? "", /server\.failed.*status 500/);
		assert.match(told[1] ?? "", /server\.busy.*status 503/);
	});

	it("never cost an update", async function () {
		this.timeout(120_000);
		fleet = await Fleet.start({ settings: { logUpload: "debug", logLevel: "debug" } });
		await arrived(/management link is open/);
		await fleet.offerFirmware("1.1.0", { padTo: 1_500_000 });
		await fleet.server.log.next(({ route, status }) => route === "check" && status === 200, 30_000);
		await fleet.confirmed("1.1.0");
		const { records } = fleet.server.log;
		const download = records.find(({ route }) => route === "download");
		assert.ok(download !== undefined);
		const begun = download.at;
		const ended = begun + download.milliseconds;
		for (const { at } of uploads()) assert.ok(at < begun || at > ended, "a batch during the download");
		// What the new firmware has to say arrives as well.
		await arrived(/main: version 1\.1\.0/);
		assert.equal(fleet.server.log.of("download").length, 1);
	});
});
