/** Faults that a test sets: what the server does instead of, before or while answering properly. */
import { type Answer, errorAnswer, htmlAnswer, jsonAnswer, type Request, type RouteName } from "./http";
import { isObject, type Json } from "./json";

/** One thing that goes wrong. Byte counts are of the body. */
export type Fault =
	/** Another answer; the request is not handled. */
	| { readonly kind: "answer"; readonly answer: Answer }
	/** All tokens issued so far become invalid just before the request is handled. */
	| { readonly kind: "expire-tokens" }
	/** The answer comes later. */
	| { readonly kind: "delay"; readonly milliseconds: number }
	/** The connection is closed, or reset, instead of an answer. */
	| { readonly kind: "drop"; readonly reset?: boolean }
	/** No answer ever; the connection stays. */
	| { readonly kind: "silence" }
	/** The proper answer is changed, headers and all. */
	| { readonly kind: "rewrite"; readonly change: (answer: Answer) => Answer }
	/** The connection is closed, or reset, after so many bytes. */
	| { readonly kind: "cut"; readonly after: number; readonly reset?: boolean }
	/** The body comes slowly. */
	| { readonly kind: "pace"; readonly bytesPerSecond: number }
	/** Nothing more is sent after so many bytes; the connection stays. */
	| { readonly kind: "stall"; readonly after: number };

/** When a fault applies. */
export interface FaultOptions {
	/** How often; 1 if not given, Infinity for ever. */
	readonly times?: number;
	/** Matching requests that pass first. */
	readonly skip?: number;
	/** Narrows the route's requests down. */
	readonly when?: (request: Request) => boolean;
}

/** A fault that has been set. */
export interface FaultHandle {
	/** How often it has struck. */
	readonly hits: number;
	remove(): void;
}

interface Rule {
	readonly route: RouteName | "any";
	readonly fault: Fault;
	readonly when: (request: Request) => boolean;
	skip: number;
	times: number;
	hits: number;
}

/** The faults that are set, in the order in which they apply. */
export class Faults {
	#rules: Rule[] = [];

	/** Sets a fault for a route's requests. */
	add(route: RouteName | "any", fault: Fault, { times = 1, skip = 0, when = () => true }: FaultOptions = {}): FaultHandle {
		const rule: Rule = { route, fault, when, skip, times, hits: 0 };
		this.#rules.push(rule);
		return {
			get hits() {
				return rule.hits;
			},
			remove: () => {
				this.#rules = this.#rules.filter((other) => other !== rule);
			},
		};
	}

	/** Takes all faults away. */
	clear(): void {
		this.#rules = [];
	}

	/** The faults that strike this request; counts them. */
	strike(route: RouteName, request: Request): readonly Fault[] {
		const faults: Fault[] = [];
		for (const rule of this.#rules) {
			if ((rule.route !== "any" && rule.route !== route) || rule.hits >= rule.times || !rule.when(request)) continue;
			if (rule.skip > 0) {
				rule.skip -= 1;
				continue;
			}
			rule.hits += 1;
			faults.push(rule.fault);
		}
		return faults;
	}

	/** 500 with HTML, as an unhandled exception gives. */
	serverError(route: RouteName | "any", options?: FaultOptions): FaultHandle {
		return this.add(route, { kind: "answer", answer: htmlAnswer(500) }, options);
	}

	/** 401 in the route's own words: not approved for "auth", invalid token for all others. */
	unauthorized(route: RouteName, options?: FaultOptions): FaultHandle {
		const text = route === "auth" ? "device unauthorized" : "invalid token was provided";
		return this.add(route, { kind: "answer", answer: errorAnswer(text, 401) }, options);
	}

	/** The token expires between the call before and this one. */
	expireTokens(route: RouteName | "any", options?: FaultOptions): FaultHandle {
		return this.add(route, { kind: "expire-tokens" }, options);
	}

	/** 503 (or 429) with `Retry-After` in seconds, as a proxy before the server would answer. */
	retryAfter(
		route: RouteName | "any",
		seconds: number,
		options: FaultOptions & { readonly status?: 429 | 503 } = {},
	): FaultHandle {
		const answer = htmlAnswer(options.status ?? 503, { "Retry-After": String(seconds) });
		return this.add(route, { kind: "answer", answer }, options);
	}

	/** Offers are changed member by member: another hash, link, id or date. */
	rewriteOffer(members: Readonly<Record<string, Json>>, options?: FaultOptions): FaultHandle {
		const change = (answer: Answer): Answer => {
			if (answer.status !== 200) return answer;
			const offer = JSON.parse(Buffer.from(answer.body).toString()) as Json;
			return jsonAnswer(isObject(offer) ? { ...offer, ...members } : offer);
		};
		return this.add("check", { kind: "rewrite", change }, options);
	}

	/** The download ends after so many bytes although more were announced. */
	cutDownload(after: number, options?: FaultOptions & { readonly reset?: boolean }): FaultHandle {
		return this.add("download", { kind: "cut", after, reset: options?.reset ?? false }, options);
	}
}
