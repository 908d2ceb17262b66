import type { Link, LinkOptions, LinkStatus, NetworkInterface } from "./link";
import OpenEth from "./openeth";

/** Ethernet with DHCP: ESP-IDF does all of it, the link included. */
class EthernetLink implements Link {
	readonly #port: OpenEth;
	#address: string | undefined;

	constructor({ onAddress }: LinkOptions) {
		this.#port = new OpenEth({
			onChanged: () => {
				const { address } = this.#port;
				if (address === this.#address) return;
				this.#address = address;
				onAddress(address);
			},
		});
	}

	get status(): LinkStatus {
		return { name: "Ethernet", address: this.#address };
	}

	close(): void {
		this.#port.close();
	}
}

const network: NetworkInterface = {
	ethernet: true,
	open: (options) => new EthernetLink(options),
};

export default Object.freeze(network);
