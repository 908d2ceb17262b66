import { FleetlingError } from "fleetling/error/error";
import type { Depends, Provides } from "./json";
import { quoted } from "./quoted";

/** What an artifact can depend on: the device and what is installed on it. */
export interface DeviceState {
	readonly deviceType: string;
	/** artifact_name, artifact_group, rootfs-image.version and so on, of what is installed. */
	readonly provides: Provides;
}

/** Throws unless `depends` holds on this device: for each key, one of the values is what the device provides. */
export function checkDepends(depends: Depends, device: DeviceState): void {
	for (const [name, wanted] of Object.entries(depends)) {
		const actual = name === "device_type" ? device.deviceType : own(device.provides, name);
		if (actual !== undefined && wanted.includes(actual)) continue;
		const list = wanted.slice(0, 4).map(quoted).join(", ") + (wanted.length > 4 ? ", …" : "");
		if (name === "device_type")
			throw new FleetlingError(
				"artifact.wrong-device",
				`the artifact is for ${list} and this device is ${quoted(device.deviceType)}; check the device types of the artifact`,
			);
		const found = actual === undefined ? "nothing of that name" : quoted(actual);
		throw new FleetlingError(
			"artifact.unmet-depends",
			`the artifact depends on ${quoted(name)} being ${list === "" ? "nothing" : list} and this device has ${found}; install what it depends on first`,
		);
	}
}

function own(provides: Provides, name: string): string | undefined {
	return Object.hasOwn(provides, name) ? provides[name] : undefined;
}
