import type { DeviceFacts } from "../../agent/facts";
import type { Grant } from "../../agent/server";
import { parseObject } from "../../common/json";
import type { LogMessage } from "../../management/logs/shipper";
import { type Offer, parseSHA256 } from "../../update/offer";

/**
 * The bodies of RDFM's device API, out and in. Values of metadata are texts: the server refuses a request with a
 * number, a truth value or null anywhere in it.
 */
export type Metadata = Readonly<Record<string, string>>;

/** What the server needs to choose a package: the three keys that every request has to have, and what packages may require. */
export function metadataOf({ version, deviceType, mac, others }: DeviceFacts): Metadata {
	return {
		...others,
		"rdfm.software.version": version,
		"rdfm.hardware.devtype": deviceType,
		"rdfm.hardware.macaddr": mac,
	};
}

/** Everything that the device knows, for authentication, whose metadata replace what the server has stored. */
export const allMetadataOf = (facts: DeviceFacts): Metadata => ({ ...facts.condition, ...metadataOf(facts) });

/**
 * Body of POST /api/v1/auth/device. Exactly these three keys: another one makes the server refuse the request.
 * The key is compared with the stored one as text, byte for byte; the time is whole seconds and never checked.
 */
export function authenticationBody(metadata: Metadata, publicKey: string, now: number): string {
	return JSON.stringify({ metadata, public_key: publicKey, timestamp: Math.floor(now / 1000) });
}

/** Answer 200 to it. `expires` is in seconds and a hint. */
export function parseGrant(body: Uint8Array): Grant {
	const fields = parseObject(body, "RDFM's token");
	const token = fields.text("token", longestToken);
	for (let at = 0; at < token.length; at++) {
		const code = token.charCodeAt(at);
		// It goes into a header line.
		if (code < 0x21 || code > 0x7e) throw fields.bad('has a "token" with characters that no token has');
	}
	const seconds = fields.optional("expires", (present) => present.integer("expires"));
	return seconds === undefined ? { token } : { token, lifetime: seconds * 1000 };
}

// RDFM's tokens have about 190 characters. A longer one would push a request out of its single TCP segment.
const longestToken = 1024;

/** Answer 200 to POST /api/v1/update/check: no version and no size in it. */
export function parseOffer(body: Uint8Array): Offer {
	const fields = parseObject(body, "RDFM's offer of an update");
	return {
		id: String(fields.integer("id")),
		url: fields.text("uri"),
		sha256: parseSHA256(fields.text("sha256"), "RDFM's offer of an update"),
	};
}

/**
 * Body of POST /api/v1/logs. Times are dates of RFC 822 and always in GMT: the server drops the zone of any other. A number or
 * an unknown key anywhere makes it refuse the whole batch.
 */
export function logBatch(messages: readonly LogMessage[]): string {
	const batch = messages.map(({ time, name, text }) => ({
		device_timestamp: new Date(time).toUTCString(),
		name,
		entry: text,
	}));
	return JSON.stringify({ batch });
}
