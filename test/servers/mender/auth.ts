/** `POST /api/devices/v1/authentication/auth_requests`: facts 1.1. */
import { createPublicKey, type KeyObject, verify } from "node:crypto";
import type { Answer, Request, Route } from "../rdfm/http";
import type { Devices } from "./devices";
import { bodyOf, isObject, Refusal, textAnswer } from "./http";
import type { Tokens } from "./tokens";

export function authRoutes(devices: Devices, tokens: Tokens): readonly Route[] {
	const handle = (request: Request): Answer => {
		const { identity, key, pem } = read(bodyOf(request, "failed to decode auth request: "));
		const signature = request.headers["x-men-signature"];
		if (typeof signature !== "string") throw new Refusal(400, "missing request signature header");
		if (!isSigned(key, request.body, signature)) throw new Refusal(401, "signature verification failed");
		const { device, set } = devices.show(identity, pem);
		if (device.decommissioned || set.status !== "accepted") throw new Refusal(401, "dev auth: unauthorized");
		return textAnswer(200, "application/jwt", tokens.issue(device, set));
	};
	return [{ name: "auth", method: "POST", path: /^\/api\/devices\/v1\/authentication\/auth_requests$/, handle }];
}

interface AuthRequest {
	readonly identity: Readonly<Record<string, unknown>>;
	readonly key: KeyObject;
	readonly pem: string;
}

/** In the server's order; unknown members are ignored. */
function read(body: unknown): AuthRequest {
	if (!isObject(body)) throw new Refusal(400, "failed to decode auth request: json: cannot unmarshal into model.authReq");
	for (const name of ["id_data", "pubkey", "tenant_token"])
		if (body[name] !== undefined && typeof body[name] !== "string")
			throw new Refusal(400, `failed to decode auth request: json: cannot unmarshal ${name}`);
	const invalid = (text: string): Refusal => new Refusal(400, `invalid auth request: ${text}`);
	const { id_data: data, pubkey } = body;
	if (typeof data !== "string" || data === "") throw invalid("id_data must be provided");
	if (typeof pubkey !== "string" || pubkey === "") throw invalid("pubkey must be provided");
	const identity = parse(data);
	if (!isObject(identity)) throw invalid("json: cannot unmarshal id_data");
	// The label is looked at: PKCS#1 has another one.
	if (!/^-----BEGIN PUBLIC KEY-----\n/.test(pubkey)) throw invalid("cannot decode public key");
	try {
		const key = createPublicKey({ key: pubkey, format: "pem", type: "spki" });
		return { identity, key, pem: key.export({ format: "pem", type: "spki" }).toString() };
	} catch {
		throw invalid("cannot decode public key");
	}
}

function parse(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		return undefined;
	}
}

/** Standard base64 with its padding; PKCS#1 v1.5 or DER over SHA-256, or Ed25519 over the bytes themselves. */
function isSigned(key: KeyObject, body: Buffer, text: string): boolean {
	if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text) || text.length % 4 !== 0) return false;
	const signature = Buffer.from(text, "base64");
	const algorithm = key.asymmetricKeyType === "ed25519" ? null : "sha256";
	try {
		return verify(algorithm, body, key, signature);
	} catch {
		return false;
	}
}
