import { FleetlingError } from "fleetling/error/error";

/**
 * Whose fault a failed update is; it decides what happens next.
 *
 * - package: this package fails here every time. It is remembered and not fetched again.
 * - network: nothing is known about the package. The next poll tries again, after a pause that grows.
 * - device: flash or storage did not do their part. Tried again a few times, then remembered like a bad package:
 *   a worn flash must not make the device download for ever.
 * - nobody: it was called off.
 */
export type Blame = "package" | "network" | "device" | "nobody";

const byGroup: Readonly<Record<string, Blame>> = {
	http: "network",
	image: "package",
	net: "network",
	server: "network",
	tls: "network",
	update: "package",
};

const byCode: Readonly<Record<string, Blame>> = {
	"ota.too-large": "package",
	"update.bad-journal": "device",
	"update.busy": "nobody",
	"update.cancelled": "nobody",
	"update.failed": "device",
};

export function blame(error: unknown): Blame {
	if (!(error instanceof FleetlingError)) return "device";
	return byCode[error.code] ?? byGroup[error.code.slice(0, error.code.indexOf("."))] ?? "device";
}
