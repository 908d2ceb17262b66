import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { HeaderList } from "./redirect";
import type { RequestOptions } from "./types";

/** The client decides about these; a caller that sends them could make the framing lie. */
const ownFields = frozen(["connection", "content-length", "host", "transfer-encoding"]);

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const valuePattern = /^[\t\x20-\x7e]*$/;
const pathPattern = /^\/[\x21-\x22\x24-\x7e]*$/;

/** What a request line and header section are made of. */
export interface RequestHead {
	readonly method: string;
	readonly path: string;
	/** Value of the Host field. */
	readonly authority: string;
	readonly headers: HeaderList;
	/** Length of the body; undefined when there is none. */
	readonly length: number | undefined;
	/** Whether the connection shall stay open. */
	readonly keepAlive: boolean;
}

/**
 * Checks what comes from the caller, so that no value can add a line of its own to the request (RFC 9112 section 11.1).
 *
 * @throws FleetlingError http.bad-request, naming the field but never its value
 */
export function checkHead(method: string, path: string, headers: HeaderList): void {
	// CONNECT turns the connection into a tunnel, which this client has no use for.
	if (!tokenPattern.test(method) || method === "CONNECT")
		throw badRequest(`the method of a request to ${shownPath(path)} is not usable`);
	if (!pathPattern.test(path))
		throw badRequest(`the path ${shownPath(path)} is not usable; it begins with "/" and holds neither blanks nor "#"`);
	for (const [name, value] of headers) {
		if (!tokenPattern.test(name)) throw badRequest(`a header of the request to ${shownPath(path)} has an unusable name`);
		if (ownFields.includes(name.toLowerCase())) throw badRequest(`the header ${name} is set by the client itself; leave it out`);
		if (!valuePattern.test(value))
			throw badRequest(`the header ${name} holds a line end or other characters that cannot be sent; remove them`);
	}
}

/**
 * Checks what a caller wants to have sent.
 *
 * @throws FleetlingError http.bad-request
 */
export function checkRequest({ method = "GET", path, headers = [], body, bodyLength, onWritable }: RequestOptions): void {
	checkHead(method, path, headers);
	if (bodyLength === undefined) return;
	if (body !== undefined || onWritable === undefined || !Number.isSafeInteger(bodyLength) || bodyLength < 0) {
		throw badRequest("bodyLength is a number of bytes and goes with onWritable, not with body");
	}
}

/** The request line and header section of a checked request (RFC 9112 sections 3 and 5), with its empty line. */
export function formatHead(head: RequestHead): string {
	let text = `${head.method} ${head.path} HTTP/1.1\r\nHost: ${head.authority}\r\n`;
	for (const [name, value] of head.headers) text += `${name}: ${value}\r\n`;
	// RFC 9110 section 8.6: a method that is meant to have content announces its absence, too.
	const meansContent = head.method === "POST" || head.method === "PUT" || head.method === "PATCH";
	const length = head.length ?? (meansContent ? 0 : undefined);
	if (length !== undefined) text += `Content-Length: ${length}\r\n`;
	if (!head.keepAlive) text += "Connection: close\r\n";
	return `${text}\r\n`;
}

/** Queries may hold signatures: they are not shown. */
function shownPath(path: string): string {
	const [shown = ""] = path.split("?", 1);
	return `"${shown.replace(/[^\x20-\x7e]/g, "?").slice(0, 80)}"`;
}

function badRequest(what: string): FleetlingError {
	return new FleetlingError("http.bad-request", what);
}
