import { FleetlingError } from "fleetling/error/error";
import { limits } from "../../../common/deadlines";
import type { TaggedLog } from "../../../common/log";
import type { Forwarder } from "../../../management/forward/forwarder";
import { sendFailure } from "./errors";
import { Forward } from "./forward";
import { type Frame, parseBody } from "./frame";
import type { Outlet } from "./outlet";
import type { Sessions } from "./sessions";

export interface ForwardsOptions {
	readonly outlet: Outlet;
	readonly sessions: Sessions;
	readonly log: TaggedLog;
	readonly forwarder: Forwarder;
	/** See ForwardOptions. */
	readonly idle?: number | undefined;
}

/** Connections that managers have forwarded, each with a number that is the manager's own. */
export class Forwards {
	readonly #options: ForwardsOptions;
	readonly #forwards = new Map<string, Forward>();

	constructor(options: ForwardsOptions) {
		this.#options = options;
	}

	take(frame: Frame): void {
		const { type, body } = frame;
		try {
			const id = idOf(frame);
			const forward = this.#forwards.get(keyOf(frame, id));
			if (type === "new") this.#begin(frame, id, forward);
			else if (type === "forward" && forward !== undefined) this.#hand(forward, body);
			else if (type === "ack") forward?.acknowledged();
			else if (type === "stop") forward?.stop();
			else if (type === "error") forward?.lost();
			else throw bad(type === "forward" ? "there is no such connection" : `there is no message "${type}" about connections`);
		} catch (error) {
			this.#failed(frame, FleetlingError.from(error, "net.refused", "the connection could not be made"));
		}
	}

	/** @throws FleetlingError when the connection has ended with it */
	#hand(forward: Forward, body: Uint8Array): void {
		try {
			let held = body.length;
			for (const each of this.#forwards.values()) held += each.held;
			if (held > limits.forwardHeld)
				throw new FleetlingError(
					"management.busy",
					"the other ends of forwarded connections take nothing, and the device cannot hold more",
				);
			forward.forward(body);
		} catch (error) {
			forward.lost();
			throw error;
		}
	}

	#begin(frame: Frame, id: string, present: Forward | undefined): void {
		const { outlet, sessions, log, forwarder, idle } = this.#options;
		const { session } = frame;
		const fields = parseBody(frame);
		const [protocol, host, port] = [fields.get("protocol"), fields.get("remote_host"), fields.get("remote_port")];
		if (protocol !== "tcp") throw bad(`this device forwards tcp, not ${protocol ?? "nothing"}`);
		if (typeof host !== "string" || typeof port !== "number") throw bad("the request does not say where to");
		if (present !== undefined) throw bad("there is a connection with this number already");
		if (this.#forwards.size >= limits.forwards)
			throw new FleetlingError("management.busy", `${limits.forwards} connections are forwarded already`);
		const key = keyOf(frame, id);
		const over = (error?: FleetlingError): void => {
			this.#forwards.delete(key);
			sessions.release(session, forward);
			if (error !== undefined) this.#failed(frame, error);
		};
		const forward = new Forward({ outlet, session, id, idle, open: (listener) => forwarder.open(host, port, listener), over });
		this.#forwards.set(key, forward);
		sessions.hold(session, forward);
		try {
			forward.begin();
			log.info(`a manager has a connection forwarded to ${host.slice(0, limits.fact)}:${port}`);
		} catch (error) {
			forward.lost();
			throw error;
		}
	}

	#failed(frame: Frame, error: FleetlingError): void {
		const { outlet, log } = this.#options;
		log.failure(error, "warn");
		const id = frame.properties.get("connection_id");
		sendFailure(outlet, frame, error, typeof id === "string" ? { connection_id: id } : undefined);
	}
}

const keyOf = ({ session }: Frame, id: string): string => `${session} ${id}`;

function idOf({ properties }: Frame): string {
	const id = properties.get("connection_id");
	if (typeof id === "string" && id !== "" && id.length <= limits.fact) return id;
	throw bad("the message does not say which connection it is about");
}

function bad(text: string): FleetlingError {
	return new FleetlingError("server.bad-answer", text);
}
