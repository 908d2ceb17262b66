import Base64 from "base64";
import TextEncoder from "text/encoder";
import Timer from "timer";
import { intervals, limits } from "../../common/deadlines";
import type { Fields } from "../../common/json";
import type { TaggedLog } from "../../common/log";
import type { Actions } from "../../management/actions/actions";
import type { Facility, Line } from "../../management/registry";
import type { Outgoing } from "./outgoing";

/** The name that RDFM's documentation reserves. */
const updateCheck = "rdfm.builtins.trigger_update_check";

export interface RDFMActionsOptions {
	readonly actions: Actions;
	/** Has the device ask for an update at once. */
	readonly wake: () => void;
	/** Has the server begin anew, with all that waits. */
	readonly renew: () => void;
	readonly log: TaggedLog;
}

/**
 * RDFM's actions. The server asks for the list once for each connection, then sends all executions that wait, and expects
 * to hear of each whether it was taken. A result goes through the connection that the execution came through last, and
 * through no other: the server closes that with 4001. It asks again for what it has not got.
 */
export class RDFMActions implements Facility<Outgoing> {
	readonly capability = "action";
	readonly #options: RDFMActionsOptions;
	/** The connection that was asked for the list. */
	#line: Line<Outgoing> | undefined;
	/** Executions that were one too many, and have not come again; some of them, as hundreds may have piled up. */
	readonly #refused = new Set<string>();
	#timer: Timer | undefined;

	constructor(options: RDFMActionsOptions) {
		this.#options = options;
		const { actions, wake } = options;
		actions.add({
			id: updateCheck,
			name: "Update check",
			description: "Asks the server for an update now",
			command: ["update", "check"],
			timeout: 10,
			run: () => wake(),
		});
		actions.onChange = () => this.#tellList();
	}

	take(name: string, fields: Fields, line: Line<Outgoing>): boolean {
		if (name === "action_list_query") {
			this.#line = line;
			this.#tellList();
			return true;
		}
		if (name !== "action_exec") return false;
		this.#execute(fields.text("execution_id", limits.fact), fields.text("action_id"), line);
		return true;
	}

	closed(): void {
		this.#line = undefined;
		this.#refused.clear();
		this.#clearTimer();
	}

	#execute(id: string, action: string, line: Line<Outgoing>): void {
		const { actions, log } = this.#options;
		const taken = actions.request(id, action, ({ status, output }) => {
			const encoded = Base64.encode(new TextEncoder().encode(output));
			const message = { method: "action_exec_result", execution_id: id, status_code: status, output: encoded } as const;
			if (!line.send(message)) log.info(`the result of execution ${id} is kept until the server asks for it again`);
			this.#look();
		});
		if (taken) this.#refused.delete(id);
		else if (this.#refused.size < limits.actionRecords) this.#refused.add(id);
		line.send({ method: "action_exec_control", execution_id: id, status: taken ? "ok" : "full" });
	}

	/**
	 * What somebody waits for comes again 5 s after a "full". What was sent because it had piled up does not, before the next
	 * connection; so that is made when there is room.
	 */
	#look(): void {
		if (this.#refused.size === 0 || this.#timer !== undefined) return;
		this.#timer = Timer.set(() => {
			this.#timer = undefined;
			if (this.#refused.size === 0) return;
			if (this.#options.actions.idle) this.#options.renew();
			else this.#look();
		}, intervals.actionsRenew);
	}

	#clearTimer(): void {
		if (this.#timer !== undefined) Timer.clear(this.#timer);
		this.#timer = undefined;
	}

	#tellList(): void {
		const actions = this.#options.actions.list.map(({ id, name, description, command, timeout }) => ({
			action_id: id,
			action_name: name,
			...{ description, command, timeout },
		}));
		this.#line?.send({ method: "action_list_update", actions });
	}
}
