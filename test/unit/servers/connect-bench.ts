import { sleep } from "fleetling/common/time";
import { standardCommands } from "fleetling/management/commands/standard";
import type { Management } from "fleetling/management/management";
import { ShellSession } from "fleetling/management/shell/session";
import { type Frame, type Head, makeFrame, parseFrame } from "fleetling/servers/mender/connect/frame";
import { ConnectLink, type ConnectOptions } from "fleetling/servers/mender/connect/link";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import type { FakeConversation } from "../fakes/conversation";
import { Lines } from "../fakes/log";
import { FakePowers } from "../fakes/powers";
import { ScriptedWeb } from "../fakes/web";

export const session = "8ce8ce2e-4a0c-4a2b-9f3e-000000000001";
export const utf8 = (text: string): Uint8Array => new Uint8Array(new TextEncoder().encode(text));
export const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

export const shellOf = (powers: FakePowers): NonNullable<Management["shell"]> => {
	return (line, onExit) => new ShellSession({ line, onExit, powers, table: standardCommands(), banner: "hello\n", prompt: "$ " });
};

/** A device connect whose server is the test. */
export class ConnectBench {
	readonly web = new ScriptedWeb();
	readonly log = new Lines();
	readonly powers = new FakePowers();
	readonly link: ConnectLink;
	/** What was asked of the device. */
	readonly asked: string[] = [];

	constructor(management: Partial<Management> = {}, options: Partial<ConnectOptions> = {}) {
		this.link = new ConnectLink({
			name: "Mender server x",
			url: "https://host",
			web: this.web,
			log: this.log.tag("mender"),
			management: {
				authorized: (work) => work("the token"),
				alert: () => {},
				shell: shellOf(this.powers),
				...management,
			},
			wake: () => void this.asked.push("check"),
			report: () => void this.asked.push("inventory"),
			...options,
		});
	}

	get conversation(): FakeConversation {
		const conversation = this.web.conversations.at(-1);
		if (conversation === undefined) throw new Error("no connection was begun");
		return conversation;
	}

	/** Connects; the server selects `protocol`, "" for none. */
	async up(protocol = "protomsg/msgpack"): Promise<this> {
		this.link.start();
		await sleep(1);
		const { conversation } = this;
		conversation.isOpen = true;
		if (protocol === "") conversation.listener.opened();
		else conversation.listener.opened(protocol);
		return this;
	}

	/** The server passes a message on, and the device has dealt with it. */
	async say(head: Partial<Head>, body?: Uint8Array): Promise<void> {
		await this.raw(makeFrame({ protocol: 0xffff, type: "", session, ...head }, body));
	}

	async raw(message: Uint8Array | string): Promise<void> {
		const { listener } = this.conversation;
		await listener.received(typeof message === "string" ? message : (message.slice().buffer as ArrayBuffer));
	}

	/** What the device has sent since this was asked last. */
	get sent(): readonly Frame[] {
		return this.conversation.sent.splice(0).map((message) => parseFrame(new Uint8Array(message as Uint8Array)));
	}

	/** The network has taken everything. */
	async drain(): Promise<void> {
		this.conversation.idle = true;
		this.conversation.full = false;
		this.conversation.listener.drained?.();
		await sleep(2);
	}
}

/** Protocol and type of each, and text that belongs to it. */
export const brief = (frames: readonly Frame[]): readonly string[] => frames.map(({ protocol, type }) => `${protocol}/${type}`);
