/** The host target as a device: what src/ gets to see of it. */
import TCP from "embedded:io/socket/tcp";
import Resolver from "embedded:network/dns/resolver/udp";
import storage from "embedded:storage/key-value";
import type { Device, MemoryFigures, TCPConstructor } from "fleetling/common/device";
import type { Directory } from "fleetling/common/files";
import Files from "fleetling/host/files";
import System from "fleetling/host/system";

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
		halt(reason: string): void {
			System.halt(reason);
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
};

export default Object.freeze(device);
