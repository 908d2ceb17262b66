import { FleetlingError } from "fleetling/error/error";
import type { Network } from "../../common/device";
import { openStream, type Stream, type StreamListener } from "../../common/stream";
import { type Forwarding, isHost, isLocal, isPort } from "./rules";

/** Opens connections for managers, to where the configuration allows it. */
export class Forwarder {
	readonly #network: Pick<Network, "tcp" | "dns">;
	readonly #allowed: Exclude<Forwarding, "off">;

	constructor(network: Pick<Network, "tcp" | "dns">, allowed: Exclude<Forwarding, "off">) {
		this.#network = network;
		this.#allowed = allowed;
	}

	/**
	 * Begins to connect; the first `writable` says that it is there.
	 *
	 * @throws FleetlingError management.not-forwarded
	 */
	open(host: string, port: number, listener: StreamListener): Stream {
		if (!isHost(host) || !isPort(port)) throw refused("there is no such place");
		const allowed = this.#allowed;
		if (allowed !== "local" && !allowed.some((target) => target.host === host.toLowerCase() && target.port === port))
			throw refused(`${host}:${port} is not in the list`);
		// When its name is resolved, so that a name cannot lead elsewhere than it did when it was looked at.
		const check = (address: string): void => {
			if (allowed === "local" && !isLocal(address)) throw refused(`${address} is not on the device or on its own networks`);
		};
		return openStream(this.#network, { host, port, check }, listener);
	}
}

function refused(reason: string): FleetlingError {
	const text = `${reason}: the configuration key portForward says where connections may be forwarded to`;
	return new FleetlingError("management.not-forwarded", text);
}
