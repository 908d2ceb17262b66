/** The host target as a device: what src/ gets to see of it. */
import TCP from "embedded:io/socket/tcp";
import Resolver from "embedded:network/dns/resolver/udp";
import storage from "embedded:storage/key-value";
import type { Device, MemoryFigures, SerialPort, TCPConstructor } from "fleetling/common/device";
import type { Directory } from "fleetling/common/files";
import Files from "fleetling/host/files";
import PtyPort from "fleetling/host/ptyport";
import System from "fleetling/host/system";

const halt = (reason: string): void => System.halt(reason);
const openPort = (onReadable: () => void): SerialPort => new PtyPort({ onReadable });

const device: Device = {
	network: {
		tcp: { io: TCP as unknown as TCPConstructor },
		dns: { io: Resolver },
		get mac(): string {
			return System.mac;
		},
	},
	storage,
	get files(): Directory | undefined {
		return Files.available ? Files : undefined;
	},
	system: {
		get resetReason() {
			return System.resetReason;
		},
		target: "host",
		get engine(): string {
			return System.engine;
		},
		forget(): void {
			System.forget();
		},
		restart(): void {
			System.restart();
		},
		/** With a console a person can change what is wrong, and the device stays on for that. */
		get halt(): ((reason: string) => void) | undefined {
			return PtyPort.available ? undefined : halt;
		},
		ticks(): number {
			return System.ticks();
		},
		memory(): MemoryFigures {
			return System.memory({});
		},
	},
	clock: {
		now(): number {
			return System.now();
		},
		set(milliseconds: number): void {
			System.set(milliseconds);
		},
	},
	get serial(): Device["serial"] {
		return PtyPort.available ? openPort : undefined;
	},
};

export default Object.freeze(device);
