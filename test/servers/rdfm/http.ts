/**
 * Requests, answers and routes as the device-facing part of the server sees them: what Flask and werkzeug do for the real one.
 *
 * Everything here follows shared facts section B.1: application errors are JSON with one key, framework errors are HTML,
 * the path must match exactly (no trailing slash), a doubled leading slash is accepted.
 */
import type { IncomingHttpHeaders } from "node:http";
import { compactJson, type Json } from "./json";

/** A request whose body has arrived completely. */
export interface Request {
	readonly method: string;
	/** Percent-decoded path without the query. */
	readonly path: string;
	readonly query: URLSearchParams;
	readonly headers: IncomingHttpHeaders;
	/** The body's bytes exactly as the client sent them: signatures are made over these. */
	readonly body: Buffer;
}

/** An answer before the connection's own headers (Date, Server, Connection) are added. */
export interface Answer {
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: Uint8Array;
}

/** Thrown where the framework, not the application, refuses a request: becomes HTML. */
export class FrameworkError extends Error {
	override name = "FrameworkError";
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;

	constructor(status: number, headers: Readonly<Record<string, string>> = {}) {
		super(`${status} ${reasons[status] ?? ""}`);
		this.status = status;
		this.headers = headers;
	}
}

/** Reason phrases of the statuses this server sends; werkzeug writes them in capitals. */
export const reasons: Readonly<Record<number, string>> = {
	200: "OK",
	202: "Accepted",
	204: "No Content",
	206: "Partial Content",
	304: "Not Modified",
	400: "Bad Request",
	401: "Unauthorized",
	404: "Not Found",
	405: "Method Not Allowed",
	409: "Conflict",
	412: "Precondition Failed",
	415: "Unsupported Media Type",
	416: "Requested Range Not Satisfiable",
	429: "Too Many Requests",
	500: "Internal Server Error",
	502: "Bad Gateway",
	503: "Service Unavailable",
};

const nothing = new Uint8Array(0);

/** Length every answer with a body announces. */
const sized = (status: number, type: string, body: Uint8Array, headers: Readonly<Record<string, string>> = {}): Answer => ({
	status,
	headers: { "Content-Type": type, "Content-Length": String(body.byteLength), ...headers },
	body,
});

/** JSON as Flask writes it: keys sorted, no spaces, non-ASCII escaped, one line feed at the end. */
export function jsonAnswer(value: Json, status = 200): Answer {
	return sized(status, "application/json", Buffer.from(`${compactJson(value)}\n`, "latin1"));
}

/** An application error: `{"error":"…"}`. */
export const errorAnswer = (text: string, status: number): Answer => jsonAnswer({ error: text }, status);

/** An error page of the framework. */
export function htmlAnswer(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
	const reason = reasons[status] ?? "Error";
	const page = `<!doctype html>\n<html lang=en>\n<title>${status} ${reason}</title>\n<h1>${reason}</h1>\n<p>This page is not JSON.</p>\n`;
	return sized(status, "text/html; charset=utf-8", Buffer.from(page, "latin1"), headers);
}

/**
 * 204 as the real server sends it: no body and no Content-Length, yet a Content-Type (facts B.3).
 * A client that reads "until Content-Length" or "until close" hangs or fails here.
 */
export const noContent: Answer = { status: 204, headers: { "Content-Type": "application/json" }, body: nothing };

/** Bytes with headers of their own. */
export function bytesAnswer(status: number, body: Uint8Array, headers: Readonly<Record<string, string>>): Answer {
	return { status, headers: { "Content-Length": String(body.byteLength), ...headers }, body };
}

/**
 * The body parsed as JSON, or a framework error: 415 unless the type is JSON, 400 unless it parses (invalid UTF-8 does not).
 * Both end as HTML unless the route catches them.
 */
export function requireJson(request: Request): Json {
	const type = (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
	if (type !== "application/json" && !/^application\/.+\+json$/.test(type)) throw new FrameworkError(415);
	try {
		return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(request.body)) as Json;
	} catch {
		throw new FrameworkError(400);
	}
}

/** What a route does; `parameters` are the path pattern's groups. */
export type Handler = (request: Request, parameters: readonly string[]) => Answer | Promise<Answer>;

/** Names under which requests are recorded and faults are set. */
export type RouteName =
	| "auth"
	| "check"
	| "download"
	| "upload"
	| "logs"
	| "admin"
	| "other"
	| "status"
	| "inventory"
	| "configuration";

/** One row of the route table. */
export interface Route {
	readonly name: RouteName;
	readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
	/** Whole path; its groups become the handler's parameters. */
	readonly path: RegExp;
	readonly handle: Handler;
}

/** The route table with Flask's rules for HEAD, OPTIONS, 404 and 405. */
export class Router {
	readonly #routes: Route[] = [];

	add(routes: readonly Route[]): void {
		this.#routes.push(...routes);
	}

	/** Whose path this is, whatever the method. */
	name(path: string): RouteName {
		return this.#matching(path)[0]?.name ?? "other";
	}

	/** Answers a request; framework errors and a handler's exceptions become HTML as in Flask. */
	async answer(request: Request): Promise<Answer> {
		try {
			return await this.#dispatch(request);
		} catch (error) {
			return error instanceof FrameworkError ? htmlAnswer(error.status, error.headers) : htmlAnswer(500);
		}
	}

	#matching(path: string): readonly Route[] {
		return this.#routes.filter((route) => route.path.test(path));
	}

	#dispatch(request: Request): Answer | Promise<Answer> {
		const routes = this.#matching(request.path);
		if (routes.length === 0) throw new FrameworkError(404);
		const method = request.method === "HEAD" ? "GET" : request.method;
		const route = routes.find((candidate) => candidate.method === method);
		if (route) return route.handle(request, route.path.exec(request.path)?.slice(1) ?? []);
		const allow = allowed(routes);
		if (method === "OPTIONS") return sized(200, "text/html; charset=utf-8", nothing, { Allow: allow });
		throw new FrameworkError(405, { Allow: allow });
	}
}

function allowed(routes: readonly Route[]): string {
	const methods = new Set<string>(routes.map((route) => route.method));
	if (methods.has("GET")) methods.add("HEAD");
	methods.add("OPTIONS");
	return [...methods].join(", ");
}

/** Splits a request target. A doubled leading slash counts as one (facts B.1); an undecodable escape matches no route. */
export function splitTarget(target: string): { readonly path: string; readonly query: URLSearchParams } {
	const mark = target.indexOf("?");
	const raw = (mark < 0 ? target : target.slice(0, mark)).replace(/^\/{2,}/, "/");
	const query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
	try {
		return { path: decodeURIComponent(raw), query };
	} catch {
		return { path: "", query };
	}
}
