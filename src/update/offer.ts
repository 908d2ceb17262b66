import { FleetlingError } from "fleetling/error/error";
import TextEncoder from "text/encoder";
import { SHA256 } from "../common/crypto";

/** A package that the server wants on this device, in the words of the update engine. */
export interface Offer {
	/** The server's name for this update; what reports refer to. */
	readonly id: string;
	/** Where the package is. Whether it needs a token is for the server's side to know. */
	readonly url: string;
	/** SHA-256 of the whole package, 64 lower-case hexadecimal digits. Absent when the package carries its own checksums. */
	readonly sha256?: string;
	/** Version, where the server tells it before the package does. */
	readonly version?: string;
	/** Length of the package in bytes, where the server tells it. */
	readonly size?: number;
}

/** What a package is recognised by when it is offered again: its hash, otherwise the server's name for the update. */
export function fingerprint(offer: Offer): string {
	return offer.sha256 ?? `id:${offer.id}`;
}

/** What a slot remembers the package by while it is written (modules/ota): 16 bytes. */
export function tagOf(name: string): Uint8Array {
	return new Uint8Array(new SHA256().update(new TextEncoder().encode(name)).digest()).subarray(0, 16);
}

/**
 * `text` as a SHA-256 in the form that `Offer.sha256` has; `what` names where it came from.
 * An offer with a damaged hash must never become an offer without one.
 */
export function parseSHA256(text: string, what: string): string {
	const digest = text.toLowerCase();
	let good = digest.length === 64;
	for (let at = 0; good && at < 64; at++) good = "0123456789abcdef".includes(digest.charAt(at));
	if (!good)
		throw new FleetlingError(
			"server.bad-offer",
			`${what} has a sha256 that is not 64 hexadecimal digits; upload the package to the server again`,
		);
	return digest;
}
