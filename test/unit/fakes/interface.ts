/** Takes the place of the ESP32's network in tests of its firmware. */
import type { LinkOptions, NetworkInterface } from "fleetling/esp32/network/link";
import { wire } from "test/wire";

const network: NetworkInterface = {
	ethernet: true,
	open({ say }: LinkOptions) {
		say("brought up");
		if (wire.failure !== undefined) throw wire.failure;
		return { status: { name: "test", address: undefined }, close() {} };
	},
};

export default network;
