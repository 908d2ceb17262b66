/** `POST /api/v1/auth/device`: authenticate or register (facts B.2). */
import { type DeviceStore, macOf } from "./devices";
import { type Answer, errorAnswer, jsonAnswer, type Request, type Route, requireJson } from "./http";
import { integer, type Metadata, metadata, record, schemaError, text } from "./schema";
import { verifySignature } from "./signature";
import type { Tokens } from "./tokens";

/** Header with the base64 signature over the body. */
export const signatureHeader = "X-RDFM-Device-Signature";

interface Registration {
	readonly metadata: Metadata;
	readonly public_key: string;
	/** Its type is checked, its value never: no clock is needed and no replay is noticed. */
	readonly timestamp: number;
}

const registration = record<Registration>({ metadata, public_key: text, timestamp: integer });

/** The route; the order of its checks decides between 400 and 401. */
export function authRoutes(devices: DeviceStore, tokens: Tokens): readonly Route[] {
	const handle = (request: Request): Answer => {
		const checked = registration(requireJson(request));
		if (!checked.ok) return schemaError(checked.errors);
		const signature = request.headers[signatureHeader.toLowerCase()];
		if (typeof signature !== "string") {
			return errorAnswer(`request is missing device signature header (${signatureHeader})`, 400);
		}
		const { public_key: publicKey, metadata: reported } = checked.value;
		if (!verifySignature(request.body, publicKey, signature)) return errorAnswer("signature verification failed", 400);
		const mac = macOf(reported);
		if (mac === undefined || !devices.authorize(mac, publicKey, reported)) return errorAnswer("device unauthorized", 401);
		const { token, claims } = tokens.issue(mac);
		return jsonAnswer({ token, expires: claims.expires });
	};
	return [{ name: "auth", method: "POST", path: /^\/api\/v1\/auth\/device$/, handle }];
}
