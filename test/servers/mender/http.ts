/** Requests, answers and routes as Mender's services write them: facts 1.0. */
import { randomUUID } from "node:crypto";
import type { Answer, Request, Route, RouteName } from "../rdfm/http";

/** Everything larger is refused (facts 1.0). */
export const bodyLimit = 1_048_576;

/** Thrown by handlers; becomes the error body. */
export class Refusal extends Error {
	override name = "Refusal";
	readonly status: number;
	readonly headers: Readonly<Record<string, string>>;

	constructor(status: number, text: string, headers: Readonly<Record<string, string>> = {}) {
		super(text);
		this.status = status;
		this.headers = headers;
	}
}

const sized = (status: number, type: string, text: string, headers: Readonly<Record<string, string>> = {}): Answer => {
	const body = Buffer.from(text);
	return { status, headers: { "Content-Type": type, "Content-Length": String(body.byteLength), ...headers }, body };
};

export const jsonAnswer = (value: unknown, status = 200): Answer =>
	sized(status, "application/json; charset=utf-8", JSON.stringify(value));

/** The error body of every service, with the number that the header repeats. */
export function errorAnswer(status: number, error: string, headers: Readonly<Record<string, string>> = {}): Answer {
	const id = randomUUID();
	const text = JSON.stringify({ error, request_id: id });
	return sized(status, "application/json; charset=utf-8", text, { "X-MEN-RequestID": id, ...headers });
}

export const textAnswer = (status: number, type: string, text: string): Answer => sized(status, type, text);

/** Without a body. A 204 has no Content-Length, anything else says that there is nothing. */
export const emptyAnswer = (status: number): Answer => ({
	status,
	headers: status === 204 ? {} : { "Content-Length": "0" },
	body: new Uint8Array(0),
});

/** The body as JSON. Its type is looked at only where its length is announced. */
export function bodyOf(request: Request, context: string): unknown {
	const { headers, body } = request;
	const length = Number(headers["content-length"] ?? 0);
	if (length > bodyLimit) throw new Refusal(413, "http: request body too large");
	if (length > 0) {
		const type = headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
		if (type === undefined || !/^[\w.+-]+\/[\w.+-]+$/.test(type)) throw new Refusal(400, "mime: no media type");
		if (type !== "application/json") throw new Refusal(415, "Content-Type must be application/json");
	}
	if (body.byteLength > bodyLimit) throw new Refusal(400, `${context}http: request body too large`);
	try {
		return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
	} catch (error) {
		throw new Refusal(400, `${context}${error instanceof Error ? error.message : ""}`);
	}
}

/** The route table: 404 for paths, 405 for methods, all as JSON. */
export class Router {
	readonly #routes: Route[] = [];

	add(routes: readonly Route[]): void {
		this.#routes.push(...routes);
	}

	name(path: string): RouteName {
		return this.#routes.find((route) => route.path.test(path))?.name ?? "other";
	}

	async answer(request: Request): Promise<Answer> {
		try {
			const routes = this.#routes.filter((route) => route.path.test(request.path));
			if (routes.length === 0) throw new Refusal(404, "not found");
			const route = routes.find(({ method }) => method === request.method);
			if (route === undefined) throw new Refusal(405, "method not allowed");
			return await route.handle(request, route.path.exec(request.path)?.slice(1) ?? []);
		} catch (error) {
			if (!(error instanceof Refusal)) return errorAnswer(500, "internal error");
			if (error.status === 401 && error.message === "") return emptyAnswer(401);
			return errorAnswer(error.status, error.message, error.headers);
		}
	}
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
	typeof value === "object" && value !== null && !Array.isArray(value);
