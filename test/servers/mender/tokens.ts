/** Tokens and who may pass with them: facts 1.0 and 1.1. */
import { generateKeyPairSync, randomUUID, sign, verify } from "node:crypto";
import type { Request } from "../rdfm/http";
import type { AuthSet, Device, Devices } from "./devices";
import { Refusal } from "./http";

const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** A week: the server's setting jwt_exp_timeout. */
const lifetime = 604_800;

export interface RateLimit {
	readonly requests: number;
	/** Seconds. */
	readonly interval: number;
}

export class Tokens {
	/** None unless set, as with the open-source server. */
	rateLimit: RateLimit | undefined;
	readonly #devices: Devices;
	readonly #clock: () => number;
	/** Those issued before are too old, whatever they say. */
	#expired = 0;
	#issued = 0;
	readonly #passed = new Map<string, number[]>();

	constructor(devices: Devices, clock: () => number) {
		this.#devices = devices;
		this.#clock = clock;
	}

	issue(device: Device, set: AuthSet): string {
		const now = Math.floor(this.#clock() / 1000);
		this.#issued += 1;
		const claims = {
			...{ jti: set.id, sub: device.id, iss: "Mender", exp: now + lifetime, iat: now },
			...{ "mender.device": true, "mender.plan": "enterprise", "mender.trial": false, n: this.#issued },
		};
		const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
		const head = `${encode({ alg: "RS256", typ: "JWT" })}.${encode(claims)}`;
		return `${head}.${sign("sha256", Buffer.from(head), privateKey).toString("base64url")}`;
	}

	/** Whatever was issued until now is refused from now on. */
	expireAll(): void {
		this.#expired = this.#issued;
	}

	/** The device that asks, by header or cookie. Every refusal but the first has no body. */
	verify(request: Request): Device {
		const header = request.headers.authorization;
		const cookie = /(?:^|;\s*)JWT=([^;]+)/.exec(request.headers.cookie ?? "")?.[1];
		const token = header?.startsWith("Bearer ") ? header.slice(7) : cookie;
		if (token === undefined) throw new Refusal(401, "Authorization not present in header");
		const [head = "", claims = "", signature = ""] = token.split(".");
		const good = verify("sha256", Buffer.from(`${head}.${claims}`), publicKey, Buffer.from(signature, "base64url"));
		if (!good) throw new Refusal(401, "");
		const { sub, jti, exp, n } = JSON.parse(Buffer.from(claims, "base64url").toString()) as Record<string, string>;
		const device = this.#devices.get(sub ?? "");
		const set = device?.sets.find(({ id }) => id === jti);
		const old = this.#clock() / 1000 > Number(exp) || Number(n) <= this.#expired;
		if (device === undefined || device.decommissioned || set?.status !== "accepted" || old) throw new Refusal(401, "");
		this.#limit(device);
		return device;
	}

	#limit({ id }: Device): void {
		if (this.rateLimit === undefined) return;
		const { requests, interval } = this.rateLimit;
		const now = this.#clock();
		const passed = (this.#passed.get(id) ?? []).filter((at) => now - at < interval * 1000);
		this.#passed.set(id, passed);
		if (passed.length < requests) {
			passed.push(now);
			return;
		}
		const wait = Math.ceil(((passed[0] ?? now) + interval * 1000 - now) / 1000);
		throw new Refusal(429, "too many requests", { "Retry-After": String(Math.max(1, wait)) });
	}
}

/** A number that looks like the server's. */
export const newId = (): string => randomUUID();
