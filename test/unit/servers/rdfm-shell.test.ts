import { assert } from "chai";
import { parseObject } from "fleetling/common/json";
import { sleep } from "fleetling/common/time";
import { FleetlingError } from "fleetling/error/error";
import { standardCommands } from "fleetling/management/commands/standard";
import { ShellSession } from "fleetling/management/shell/session";
import { RDFMShell } from "fleetling/servers/rdfm/shell";
import { beforeEach, describe, it } from "test/harness";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import type { FakeConversation } from "../fakes/conversation";
import { rejects } from "../fakes/errors";
import { Lines } from "../fakes/log";
import { FakePowers } from "../fakes/powers";
import { ScriptedWeb } from "../fakes/web";

const mac = "24:6f:28:aa:bb:cc";
const uuid = "0f5f4b4e-6f3c-4a52-9f3b-2f1f3a1d9a11";

let web: ScriptedWeb;
let log: Lines;
let powers: FakePowers;
let shell: RDFMShell;
let tokens: string[];
let make: (idle?: number) => RDFMShell;

function ask(fields: Readonly<Record<string, unknown>> = {}): boolean {
	const message = { method: "shell_attach", mac_addr: mac, uuid, ...fields };
	return shell.take("shell_attach", parseObject(JSON.stringify(message), "a message"));
}

/** What the manager sees, and that all of it came as bytes. */
function shown({ sent }: FakeConversation): string {
	return sent
		.map((message) => {
			assert.notTypeOf(message, "string");
			return new TextDecoder().decode(message as Uint8Array);
		})
		.join("");
}

const bytes = (text: string): ArrayBuffer => new Uint8Array(new TextEncoder().encode(text)).buffer as ArrayBuffer;

async function attached(): Promise<FakeConversation> {
	ask();
	await sleep(5);
	const conversation = web.conversations.at(-1);
	if (conversation === undefined) throw new Error("nothing was attached");
	conversation.open();
	return conversation;
}

describe("RDFM's shell", () => {
	beforeEach(() => {
		web = new ScriptedWeb();
		log = new Lines();
		powers = new FakePowers();
		tokens = ["good"];
		const management = {
			async authorized(work: (token: string) => Promise<void>) {
				for (const token of tokens) {
					try {
						await work(token);
						return;
					} catch (error) {
						if (!(error instanceof FleetlingError) || error.code !== "server.token-refused") throw error;
					}
				}
			},
			alert: () => {},
			shell: (line: ConstructorParameters<typeof ShellSession>[0]["line"], onExit: () => void) =>
				new ShellSession({ line, onExit, powers, table: standardCommands(), banner: "hello\n", prompt: "$ " }),
		};
		make = (idle) => new RDFMShell({ url: "https://host:5000", web, log: log.tag("rdfm"), management, ...(idle && { idle }) });
		shell = make();
	});

	it("ends a session into which nothing is typed, and none that is used", async () => {
		shell = make(100);
		const conversation = await attached();
		for (let times = 0; times < 4; times++) {
			await sleep(50);
			conversation.listener.received(bytes(" "));
		}
		assert.isUndefined(conversation.goodbye);
		await sleep(200);
		assert.equal(conversation.goodbye, 1000);
	});

	it("attaches where it was told to, with the token, and shows a prompt at once", async () => {
		const conversation = await attached();
		assert.equal(conversation.request.url, `https://host:5000/api/v1/devices/${mac}/shell/attach/${uuid}`);
		assert.deepEqual(conversation.request.headers, [["Authorization", "Bearer token=good"]]);
		assert.include(shown(conversation), "hello\r\n");
		assert.include(shown(conversation), "$ ");
	});

	it("runs what is typed, as bytes or as text, and takes the size of the terminal", async () => {
		const conversation = await attached();
		conversation.say("resize 50 132");
		conversation.listener.received(bytes("status\r"));
		await sleep(5);
		assert.include(shown(conversation), "1.0.0 in slot ota_0");
		conversation.say("mem\r");
		await sleep(5);
		assert.include(shown(conversation), "12,345 bytes");
		for (const text of ["resize", "resize 1", "resize a b", "resize -1 -1 -1"]) conversation.say(text);
	});

	it("leaves other messages to others", () => {
		assert.isFalse(shell.take("action_exec", parseObject("{}", "a message")));
	});

	it("makes no address of what is none", async () => {
		for (const bad of [{ uuid: "../../auth" }, { mac_addr: "a/b" }, { uuid: "" }, { uuid: 7 }, { mac_addr: "x".repeat(100) }])
			await rejects("server.bad-answer", () => ask(bad));
		assert.isEmpty(web.conversations);
	});

	it("tries another token when the server does not take the first", async () => {
		tokens = ["old", "new"];
		ask();
		await sleep(5);
		web.conversations[0]?.over(new FleetlingError("server.token-refused", "expired"));
		await sleep(5);
		assert.deepEqual(web.conversations[1]?.request.headers, [["Authorization", "Bearer token=new"]]);
	});

	it("that another token has opened is one like any other: it counts, and is said goodbye to", async () => {
		tokens = ["old", "new"];
		ask();
		await sleep(5);
		web.conversations[0]?.over(new FleetlingError("server.token-refused", "expired"));
		await sleep(5);
		const [, conversation] = web.conversations;
		conversation?.open();
		tokens = ["new"];
		await attached();
		ask();
		await sleep(5);
		assert.lengthOf(web.conversations, 3, "a third session is one too many");
		let stopped = false;
		void shell.stop().then(() => {
			stopped = true;
		});
		assert.equal(conversation?.goodbye, 1000);
		await sleep(5);
		assert.isFalse(stopped, "its manager does not know yet");
		for (const each of web.conversations.slice(1)) each.over();
		await sleep(5);
		assert.isTrue(stopped);
	});

	it("waits a moment for a connection, and says why there is none", async () => {
		web.busy = new FleetlingError("http.busy", "all are in use");
		ask();
		await sleep(50);
		web.busy = undefined;
		await sleep(200);
		assert.equal(web.conversations.length, 1);
		web.conversations[0]?.over(new FleetlingError("net.reset", "broken"));
		web.busy = new FleetlingError("http.busy", "all are in use");
		ask();
		await sleep(3_000);
		assert.equal(web.conversations.length, 1);
		assert.equal(log.with("all are in use").length, 1);
	});

	it("has as many sessions as there may be", async () => {
		const first = await attached();
		await attached();
		ask();
		await sleep(5);
		assert.equal(web.conversations.length, 2);
		assert.equal(log.with("refused: 2 are open").length, 1);
		first.over();
		await attached();
		assert.equal(web.conversations.length, 3);
	});

	it("ends when the person leaves, with a goodbye", async () => {
		const conversation = await attached();
		conversation.listener.received(bytes("exit\r"));
		await sleep(5);
		assert.equal(conversation.goodbye, 1000);
		conversation.over();
	});

	it("ends a running command when the manager goes", async () => {
		const conversation = await attached();
		conversation.listener.received(bytes("log follow\r"));
		await sleep(5);
		conversation.over();
		const before = conversation.sent.length;
		powers.log.tag("x").info("nobody sees this");
		await sleep(300);
		assert.equal(conversation.sent.length, before);
	});

	it("writes only into an empty buffer", async () => {
		const conversation = await attached();
		const before = conversation.sent.length;
		conversation.idle = false;
		conversation.listener.received(bytes("help\r"));
		await sleep(5);
		assert.equal(conversation.sent.length, before);
		conversation.idle = true;
		conversation.listener.drained?.();
		assert.include(shown(conversation), "factory-reset");
		for (const message of conversation.sent) assert.isAtMost((message as Uint8Array).byteLength, 1_024);
	});

	it("says goodbye to all before a restart", async () => {
		await shell.stop();
		const first = await attached();
		const second = await attached();
		let stopped = false;
		const stopping = shell.stop().then(() => {
			stopped = true;
		});
		assert.deepEqual([first.goodbye, second.goodbye], [1000, 1000]);
		first.over();
		await sleep(5);
		assert.isFalse(stopped);
		second.over();
		await stopping;
	});
});
