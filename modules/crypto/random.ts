import { FleetlingError } from "../error/error";
import { failure, statuses } from "./failure";
import PSAHash from "./psahash";

/** More at once than anything here needs; keeps a wrong number from exhausting the machine. */
const maximum = 65536;

/**
 * `count` random bytes fit for keys.
 * @throws crypto.bad-argument when `count` is not a whole number from 0 to 65536, crypto.failed when there is no randomness
 */
export function randomBytes(count: number): ArrayBuffer {
	if (!Number.isInteger(count) || count < 0 || count > maximum)
		throw new FleetlingError(
			"crypto.bad-argument",
			`the number of random bytes must be a whole number from 0 to ${maximum}, not ${count}`,
		);
	const bytes = new ArrayBuffer(count);
	const status = PSAHash.random(bytes);
	if (status !== statuses.success) throw failure(status, "making random bytes");
	return bytes;
}
