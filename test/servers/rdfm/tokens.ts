/** Device tokens: JWT with HS256 and the server's own claims (facts B.2, last paragraph). */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { parseAuthorization } from "./authorization";
import { type Answer, errorAnswer, FrameworkError, type Handler } from "./http";

/** The claims; not the standard `exp`. Times in seconds. */
export interface Claims {
	readonly device_id: string;
	readonly created_at: number;
	readonly expires: number;
}

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Issues and judges tokens. */
export class Tokens {
	/** Lifetime written into new tokens, in seconds; the real server's is fixed at 300. */
	lifetime = 300;
	readonly #clock: () => number;
	#secret = randomBytes(32);

	/** @param clock milliseconds since 1970 */
	constructor(clock: () => number) {
		this.#clock = clock;
	}

	/** A token for a device, valid from now. */
	issue(mac: string): { readonly token: string; readonly claims: Claims } {
		const claims: Claims = { device_id: mac, created_at: this.#seconds(), expires: this.lifetime };
		return { token: this.sign(claims), claims };
	}

	/** A token with any claims at all: tests make expired and future ones. */
	sign(claims: object): string {
		const signed = `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}`;
		return `${signed}.${this.#mac(signed)}`;
	}

	/** The claims of a valid token; undefined for a forged, malformed or expired one. A future `created_at` is accepted. */
	verify(token: string): Claims | undefined {
		const [header, payload, signature, ...more] = token.split(".");
		if (header === undefined || payload === undefined || signature === undefined || more.length > 0) return undefined;
		const expected = Buffer.from(this.#mac(`${header}.${payload}`));
		const given = Buffer.from(signature);
		if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
		try {
			const { alg } = JSON.parse(Buffer.from(header, "base64url").toString()) as { alg?: unknown };
			const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Partial<Claims>;
			if (alg !== "HS256" || typeof claims.created_at !== "number" || typeof claims.expires !== "number") return undefined;
			return this.#seconds() < claims.created_at + claims.expires ? (claims as Claims) : undefined;
		} catch {
			return undefined;
		}
	}

	/** Makes every token issued so far invalid, which a client cannot tell from expiry. */
	expireAll(): void {
		this.#secret = randomBytes(32);
	}

	/**
	 * The gate of all device routes, in the real server's order: header missing, other scheme, no `token` parameter
	 * (that error path itself fails there, hence 500), token invalid.
	 */
	judge(header: string | undefined): Claims | Answer {
		const authorization = parseAuthorization(header);
		if (authorization.kind === "none") return errorAnswer("no Authorization header was provided", 401);
		if (authorization.scheme !== "bearer") {
			return errorAnswer("invalid authorization - expected authorization type Bearer", 401);
		}
		const token = authorization.kind === "parameters" ? authorization.parameters.get("token") : undefined;
		if (token === undefined) throw new FrameworkError(500);
		return this.verify(token) ?? errorAnswer("invalid token was provided", 401);
	}

	#mac(signed: string): string {
		return createHmac("sha256", this.#secret).update(signed).digest("base64url");
	}

	#seconds(): number {
		return Math.floor(this.#clock() / 1000);
	}
}

/** A route that only a device with a valid token reaches. */
export function deviceRoute(
	tokens: Tokens,
	touched: (mac: string) => void,
	handle: (request: Parameters<Handler>[0], claims: Claims) => Answer | Promise<Answer>,
): Handler {
	return (request) => {
		const verdict = tokens.judge(request.headers.authorization);
		if ("status" in verdict) return verdict;
		touched(verdict.device_id);
		return handle(request, verdict);
	};
}
