/** A terminal in the browser, as the server's page has one: it believes that the device is gone when it is not asked in time. */
import { RemoteTerminal } from "../terminal";
import type { ManagerSession } from "./manager";
import type { ProtoMsg } from "./protomsg";

export class ManagerTerminal extends RemoteTerminal {
	/** Whether the device has said that the terminal is there. */
	started = false;
	/** Why it ended; undefined as long as it is open. */
	end: string | undefined;
	/** Questions whether somebody is there, with how long to wait for the next, in seconds. */
	readonly pings: number[] = [];
	/** Answers to them; a browser that was closed without a word gives none. */
	answers = true;
	readonly session: ManagerSession;

	constructor(session: ManagerSession, size: { readonly rows: number; readonly columns: number } | undefined = undefined) {
		super();
		this.session = session;
		session.onMessage = (message) => this.#received(message);
		const props = size === undefined ? {} : { terminal_height: size.rows, terminal_width: size.columns };
		session.send({ proto: 1, typ: "new", props });
	}

	get over(): boolean {
		return this.end !== undefined;
	}

	type(text: string): void {
		this.session.send({ proto: 1, typ: "shell", body: Buffer.from(text) });
	}

	resize(rows: number, columns: number): void {
		this.session.send({ proto: 1, typ: "resize", props: { terminal_height: rows, terminal_width: columns } });
	}

	/** The page was closed: the service tells the device. */
	close(): void {
		this.session.send({ proto: 1, typ: "stop", props: { status: 2 }, body: Buffer.from("user disconnected") });
		this.session.vanish();
	}

	#received({ proto, typ, props, body }: Required<ProtoMsg>): void {
		if (proto !== 1) return;
		const text = Buffer.from(body).toString();
		if (typ === "new") {
			if (props.status === 2) this.end = text;
			else this.started = true;
		} else if (typ === "shell") this.text += text;
		else if (typ === "stop") this.end = text;
		else if (typ === "ping") {
			this.pings.push(Number(props.timeout));
			if (this.answers) this.session.send({ proto: 1, typ: "pong" });
		}
	}
}
