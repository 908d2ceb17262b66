/**
 * A firmware that works but never reaches its server, as after a mistake in its network code: it has to notice and go
 * back by itself. Test aid; the image tool puts it in place of main for `--fault offline`.
 */
import type { Device, Resolver, TCPSocket } from "fleetling/common/device";
import { start } from "fleetling/start";
import device from "fleetling/target";
import config from "mc/config";

/** Takes everything and answers nothing. */
class DeadSocket implements TCPSocket {
	read(): undefined {}

	write(): number {
		return 0;
	}

	close(): void {}
}

class DeadResolver implements Resolver {
	resolve(): void {}

	close(): void {}
}

const offline: Device = {
	storage: device.storage,
	system: device.system,
	clock: device.clock,
	network: { tcp: { io: DeadSocket }, dns: { io: DeadResolver }, mac: device.network.mac },
};

void start({ device: offline, config, sink: (line) => trace(line, "\n") });
