import { assert } from "chai";
import { LogMemory } from "fleetling/common/log-memory";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import type { FinalReport } from "fleetling/update/observer";
import { describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { rejects } from "../fakes/errors";
import { html, json } from "../fakes/web";
import { bench, id, url, view } from "./mender-bench";

const taken = { status: 204 };
const aborted = json(409, { error: "Deployment aborted", request_id: "1" });
const failed: FinalReport = { ...view, outcome: "failure", code: "image.wrong-chip", text: "for another chip" };
const base = `${url}/api/devices/v1/deployments/device/deployments/${id}`;

describe("Mender's status", () => {
	it("follows an update in the server's words, with the token", async () => {
		const { server, web } = bench([taken, taken, taken, taken]);
		for (const state of ["download", "install", "reboot", "verify", "commit", "rollback", "report"] as const)
			await server.entered?.("t", state, view);
		assert.deepEqual(
			web.requests.map((request, at) => [request.method, request.url, JSON.parse(web.text(at))]),
			[
				["PUT", `${base}/status`, { status: "downloading" }],
				["PUT", `${base}/status`, { status: "installing" }],
				["PUT", `${base}/status`, { status: "rebooting" }],
				["PUT", `${base}/status`, { status: "installing", substate: "commit" }],
			],
		);
		assert.equal(web.header(0, "Authorization"), "Bearer t");
	});

	it("says nothing of an image that no deployment brought", async () => {
		const { server, web } = bench([]);
		await server.entered?.("t", "commit", { ...view, id: "" });
		assert.equal(web.requests.length, 0);
	});

	for (const state of ["download", "install", "reboot", "commit"] as const)
		it(`calls the update off in ${state} when the deployment was aborted, or is gone`, async () => {
			for (const answer of [aborted, json(404, { error: "Resource not found" })])
				await rejects("update.cancelled", async () => bench([answer]).server.entered?.("t", state, view), "deployment");
		});

	for (const [code, status] of [
		["server.token-refused", 401],
		["server.token-refused", 403],
		["server.busy", 429],
		["server.failed", 500],
	] as const)
		it(`understands ${status}: ${code}`, async () => {
			await rejects(code, async () => bench([{ status }]).server.entered?.("t", "install", view));
		});

	for (const status of [404, 405])
		it(`goes on when a proxy answers ${status} for a server that is being restarted`, async () => {
			await rejects("server.failed", async () => bench([html(status)]).server.entered?.("t", "install", view));
		});

	it("is asked for during a long download, seldom, and an abort gets through", async () => {
		const { server, web, aborted: calls } = bench([taken, aborted]);
		await server.entered?.("t", "download", view);
		for (let percent = 0; percent < 100; percent++) server.progress?.(percent);
		assert.equal(web.requests.length, 1);
		await sleep(5_050);
		for (let percent = 0; percent < 100; percent++) server.progress?.(percent);
		await sleep(20);
		assert.equal(web.requests.length, 2);
		assert.isFalse(web.requests[1]?.waits);
		assert.deepEqual(
			calls.map((text) => text.slice(0, id.length)),
			[id],
		);
	});

	it("asks nothing once the download is over", async () => {
		const { server, web } = bench([taken, taken]);
		await server.entered?.("t", "download", view);
		await server.entered?.("t", "install", view);
		await sleep(5_050);
		server.progress?.(100);
		assert.equal(web.requests.length, 2);
	});
});

describe("Mender's final status", () => {
	it("of a success is one word", async () => {
		const { server, web } = bench([taken]);
		await server.report?.("t", { ...view, outcome: "success" });
		assert.equal(web.requests[0]?.url, `${base}/status`);
		assert.deepEqual(JSON.parse(web.text(0)), { status: "success" });
		assert.equal(web.requests.length, 1);
	});

	for (const [code, answer] of [
		["server.failed", { status: 500 }],
		["server.token-refused", { status: 401 }],
		["server.busy", { status: 429, retryAfter: "3" }],
		["net.refused", new FleetlingError("net.refused", "nobody there")],
		["server.failed", html(404)],
		["server.failed", html(405)],
		["server.refused", aborted],
		["server.refused", json(404, { error: "Resource not found" })],
	] as const)
		it(`is ${code === "server.refused" ? "not wanted" : "told again"} after ${"status" in answer ? answer.status : "no answer"}${"type" in answer ? ` (${answer.type})` : ""}`, async () => {
			for (const outcome of ["success", "failure"] as const) {
				const { server, web } = bench([answer]);
				await rejects(code, async () => server.report?.("t", { ...failed, outcome }));
				assert.equal(web.requests.length, 1, "no log before the status");
			}
		});

	it("of a failure says why, and is followed by the log since the deployment began", async () => {
		const logMemory = new LogMemory(4_096);
		const { server, web } = bench([taken, taken, taken], { logMemory });
		logMemory.add("I (1000) main: long before", 1_000);
		await server.entered?.("t", "download", view);
		logMemory.add("I (58000) update: downloading update", 58_000);
		logMemory.add('W (59000) update: a "quoted" line', 59_000);
		await server.report?.("t", failed);
		assert.deepEqual(JSON.parse(web.text(1)), { status: "failure", substate: "image.wrong-chip: for another chip" });
		assert.equal(web.requests[2]?.method, "PUT");
		assert.equal(web.requests[2]?.url, `${base}/log`);
		assert.deepEqual(JSON.parse(web.text(2)), {
			messages: [
				{ timestamp: "2026-11-21T21:26:40.000Z", level: "info", message: "update: downloading update" },
				{ timestamp: "2026-11-21T21:26:41.000Z", level: "warning", message: 'update: a "quoted" line' },
				{ timestamp: "2026-11-21T21:26:42.000Z", level: "error", message: "image.wrong-chip: for another chip" },
			],
		});
	});

	it("has a log with a message also from a device that logs nothing, and of one that has forgotten why", async () => {
		const { server, web } = bench([taken, taken]);
		await server.report?.("t", { ...view, outcome: "failure" });
		assert.deepEqual(JSON.parse(web.text(0)), { status: "failure" });
		const { messages } = JSON.parse(web.text(1));
		assert.equal(messages.length, 1);
		for (const value of Object.values(messages[0])) assert.isNotEmpty(value);
	});

	it("has a substate of 200 characters at the most", async () => {
		const { server, web } = bench([taken, taken]);
		await server.report?.("t", { ...failed, text: "x".repeat(500) });
		assert.equal(JSON.parse(web.text(0)).substate.length, 200);
	});

	// Of more the server takes nothing (400), and offers the deployment for ever: its Length counts the bytes of a Go string.
	it("has a substate of 200 bytes at the most, in whole characters", async () => {
		for (const [letter, size] of [
			["ü", 2],
			["…", 3],
			["😀", 4],
		] as const) {
			const { server, web } = bench([taken, taken]);
			await server.report?.("t", { ...failed, text: letter.repeat(190) });
			const { substate } = JSON.parse(web.text(0));
			const { byteLength } = new TextEncoder().encode(substate);
			assert.isAtMost(byteLength, 200, letter);
			assert.isAbove(byteLength, 200 - size, letter);
			assert.match(substate, new RegExp(`^image.wrong-chip: (${letter})+$`, "u"));
		}
	});

	it("has a log that a device can hold: the last of it", async () => {
		const logMemory = new LogMemory(16_384);
		const { server, web } = bench([taken, taken], { logMemory });
		for (let line = 0; line < 150; line++) logMemory.add(`I (${line}) test: this is line ${line}`, line);
		await server.report?.("t", failed);
		assert.isAtMost(web.text(1).length, 3_100);
		const { messages } = JSON.parse(web.text(1));
		assert.equal(messages.at(-2).message, "test: this is line 149");
		assert.isAbove(messages.length, 20);
	});

	it("is told again with its log, as long as that has a chance", async () => {
		const { server, web, lines } = bench([taken, { status: 500 }, taken, { status: 500 }, taken, { status: 500 }]);
		for (let times = 0; times < 2; times++) await rejects("server.failed", async () => server.report?.("t", failed));
		await server.report?.("t", failed);
		assert.equal(web.requests.length, 6);
		assert.isNotEmpty(lines.with("deployment log"));
		const refused = bench([taken, json(400, { error: "no messages: invalid deployment log" })]);
		await refused.server.report?.("t", failed);
		assert.isNotEmpty(refused.lines.with("invalid deployment log"));
	});
});
