import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";

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

const byGroup: Readonly<Record<string, Blame>> = frozen({
	artifact: "package",
	config: "package",
	http: "network",
	image: "package",
	net: "network",
	server: "network",
	tls: "network",
	update: "package",
});

const byCode: Readonly<Record<string, Blame>> = frozen({
	"artifact.no-memory": "device",
	"ota.too-large": "package",
	"update.bad-journal": "device",
	"update.bad-range": "network",
	"update.busy": "nobody",
	"update.cancelled": "nobody",
	"update.changed": "network",
	"update.failed": "device",
	"update.gone": "network",
	"update.too-slow": "network",
});

export function blame(error: unknown): Blame {
	if (!(error instanceof FleetlingError)) return "device";
	return byCode[error.code] ?? byGroup[groupOf(error)] ?? "device";
}

/** Whether the transfer itself broke: the same request may well succeed in a moment. */
export function isCut(error: unknown): boolean {
	return error instanceof FleetlingError && ["http", "net", "tls"].includes(groupOf(error));
}

function groupOf({ code }: FleetlingError): string {
	return code.slice(0, code.indexOf("."));
}
