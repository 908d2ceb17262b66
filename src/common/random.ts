import { randomBytes } from "./crypto";

/**
 * A number from 0 (included) to 1 (excluded) from the cryptographic generator.
 *
 * `Math.random` is a plain `rand()` on some targets: a thousand devices of one batch would draw the same numbers after
 * the same power cut, which is what jitter is there to prevent.
 */
export function random(): number {
	return new DataView(randomBytes(4)).getUint32(0) / 0x1_0000_0000;
}

/** Source of randomness as it is handed to whoever needs some, so that a test can hand in known numbers. */
export type Random = () => number;
