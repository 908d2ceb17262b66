import type { Line } from "fleetling/management/registry";
import type { Outgoing } from "fleetling/servers/rdfm/outgoing";

/** A connection to RDFM that keeps what is said. */
export class FakeLine implements Line<Outgoing> {
	isOpen = true;
	/** Too much waits already. */
	full = false;
	readonly sent: Outgoing[] = [];

	send(message: Outgoing): boolean {
		if (!this.isOpen || this.full) return false;
		this.sent.push(message);
		return true;
	}

	/** What was said of one kind. */
	of<Method extends Outgoing["method"]>(method: Method): readonly Extract<Outgoing, { readonly method: Method }>[] {
		return this.sent.filter((message): message is Extract<Outgoing, { readonly method: Method }> => message.method === method);
	}
}
