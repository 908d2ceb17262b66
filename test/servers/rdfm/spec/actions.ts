/** Facts D: actions, from both sides. */
import { strict as assert } from "node:assert";
import type { ActionOutcome, ActionRow } from "../actions";
import type { DeviceLink } from "../device-link";
import type { Json } from "../json";
import { RdfmServer } from "../server";
import { exchange, json } from "./client";
import { TestDevice } from "./device";
import { ManagementPeer } from "./peer";

const list: Json = [{ action_id: "a", action_name: "A", description: "", command: ["a"], timeout: 1.5 }];

describe("D actions", () => {
	const server = new RdfmServer();
	let device: TestDevice;
	let peer: ManagementPeer;
	let link: DeviceLink;
	let macs = 0;

	before(async () => {
		await server.start({ flavour: "gunicorn" });
		server.actions.times = { report: 500, control: 300, fullPause: 50, result: 2_000 };
	});
	beforeEach(async () => {
		macs += 1;
		device = await new TestDevice(server, `d${macs}`).enrol();
		await connect();
	});
	afterEach(() => peer.socket.terminate());
	after(() => server.stop());

	async function connect(): Promise<void> {
		peer = await new ManagementPeer(server, `Bearer token=${device.token}`).opened();
		const opened = server.management.linkOf(device.mac);
		assert.ok(opened);
		link = opened;
	}

	/** Reports the capability and, when it is asked, a list. */
	async function offer(): Promise<void> {
		peer.say({ method: "capability_report", capabilities: { action: true } });
		await peer.hears("action_list_query");
		peer.say({ method: "action_list_update", actions: list });
		await server.actions.offered(link);
	}

	async function reconnect(): Promise<void> {
		peer.socket.close();
		await link.untilEnd();
		await connect();
	}

	/** Begins an execution; its row and its outcome. */
	function execute(action = "a"): { readonly row: ActionRow; readonly outcome: Promise<ActionOutcome> } {
		const rows: ActionRow[] = [];
		const outcome = server.actions.execute(device.mac, action, (row) => rows.push(row));
		const [row] = rows;
		assert.ok(row);
		return { row, outcome };
	}

	const control = (id: string, status = "ok"): void => peer.say({ method: "action_exec_control", execution_id: id, status });
	const result = (id: string, status = 0, output = ""): void =>
		peer.say({ method: "action_exec_result", execution_id: id, status_code: status, output });

	it("asks for the list once, after a report that has the capability", async () => {
		peer.say({ method: "capability_report", capabilities: { action: false } });
		await link.until("capability_report");
		await new Promise((done) => setTimeout(done, 100));
		assert.equal(peer.of("action_list_query").length, 0);
		await reconnect();
		await offer();
		assert.equal(peer.of("action_list_query").length, 1);
		const answer = await exchange(`${server.url}/api/v2/devices/${device.mac}/action/list`);
		assert.deepEqual(json(answer), list);
	});

	it("online: sent, taken, answered with 200", async () => {
		await offer();
		const asked = exchange(`${server.url}/api/v2/devices/${device.mac}/action/exec/a`);
		const { execution_id: id, action_id: action } = await peer.hears("action_exec");
		assert.equal(action, "a");
		control(String(id));
		result(String(id), 7, "aGk=");
		const answer = await asked;
		assert.equal(answer.status, 200);
		assert.deepEqual(json(answer), { output: "aGk=", status_code: 7 });
		assert.equal(server.actions.row(String(id))?.status, "7");
	});

	it("online: full is offered again with the same id", async () => {
		await offer();
		const { row, outcome } = execute();
		await peer.hears("action_exec");
		control(row.id, "full");
		await peer.hears("action_exec", 2);
		control(row.id);
		result(row.id);
		assert.deepEqual(await outcome, { status: 200, statusCode: 0, output: "" });
		assert.deepEqual(new Set(peer.of("action_exec").map(({ execution_id: id }) => id)).size, 1);
	});

	it("online: the result may come before the control", async () => {
		await offer();
		const { row, outcome } = execute();
		await peer.hears("action_exec");
		result(row.id, 1);
		control(row.id);
		assert.equal((await outcome).status, 200);
	});

	it("online: silence is 500, and the row stays pending", async () => {
		await offer();
		const { row, outcome } = execute();
		assert.deepEqual(await outcome, { status: 500 });
		assert.equal(row.status, "pending");
	});

	it("no capability is 500 and pending, an unknown action 500 and error", async () => {
		const first = execute();
		assert.deepEqual(await first.outcome, { status: 500 });
		assert.equal(first.row.status, "pending");
		first.row.status = "0";
		await offer();
		const second = execute("b");
		assert.deepEqual(await second.outcome, { status: 500 });
		assert.equal(second.row.status, "error");
	});

	it("offline: 202, and sent with the next connection, the oldest first; what is not in the list becomes error", async () => {
		peer.socket.close();
		await link.untilEnd();
		const rows = ["a", "b", "a"].map((action) => execute(action).row);
		const answer = await exchange(`${server.url}/api/v2/devices/${device.mac}/action/exec/a`);
		assert.equal(answer.status, 202);
		await connect();
		await offer();
		await peer.hears("action_exec", 3);
		assert.deepEqual(
			peer
				.of("action_exec")
				.map(({ execution_id: id }) => id)
				.slice(0, 2),
			[rows[0]?.id, rows[2]?.id],
		);
		assert.equal(rows[1]?.status, "error");
	});

	it("unanswered when the link drops: sent again with the same id; a result before that is refused with 4001", async () => {
		await offer();
		const { row, outcome } = execute();
		outcome.catch(() => undefined);
		await peer.hears("action_exec");
		control(row.id);
		await link.until("action_exec_control");
		await reconnect();
		result(row.id);
		assert.deepEqual(await peer.ended, { code: 4001, reason: `Invalid execution ${row.id}` });
		await link.untilEnd();
		await connect();
		await offer();
		assert.equal((await peer.hears("action_exec")).execution_id, row.id);
		result(row.id, 3);
		assert.equal((await server.actions.done(row.id)).status, "3");
	});

	it("a second result: refused online, taken for what was pending", async () => {
		await offer();
		const { row, outcome } = execute();
		await peer.hears("action_exec");
		control(row.id);
		result(row.id);
		await outcome;
		result(row.id);
		assert.equal((await peer.ended).reason, `Invalid execution ${row.id}`);
		await link.untilEnd();
		const later = execute().row;
		await connect();
		await offer();
		await peer.hears("action_exec");
		result(later.id, 1);
		result(later.id, 2);
		await link.until("action_exec_result", ({ status_code: status }) => status === 2);
		assert.equal(later.status, "2");
	});

	it("unknown ids close with 4001", async () => {
		result("x");
		assert.deepEqual(await peer.ended, { code: 4001, reason: "Invalid execution x" });
	});

	it("output that is no base64 breaks the connection", async () => {
		await offer();
		const { row, outcome } = execute();
		outcome.catch(() => undefined);
		await peer.hears("action_exec");
		result(row.id, 0, "abc");
		assert.equal((await peer.ended).code, 1006);
		assert.equal(row.status, "pending");
	});

	it("the log is deleted where the status is 0 or -1", async () => {
		for (const status of ["0", "-1", "1", "pending", "error"]) {
			const { row, outcome } = execute();
			await outcome;
			row.status = status;
		}
		await exchange(`${server.url}/api/v2/devices/${device.mac}/action/log`, { method: "DELETE" });
		const left = async (): Promise<unknown> =>
			(json(await exchange(`${server.url}/api/v2/devices/${device.mac}/action/log`)) as readonly { status: string }[]).map(
				({ status }) => status,
			);
		assert.deepEqual(await left(), ["1", "pending", "error"]);
		await exchange(`${server.url}/api/v2/devices/${device.mac}/action/pending`, { method: "DELETE" });
		assert.deepEqual(await left(), ["1", "error"]);
	});
});
