/** Answers for a scripted server, and what a failed promise failed with. */
import { FleetlingError } from "fleetling/error/error";

export const base = "http://192.0.2.1:80";

export const response = (status: string, body: string, ...fields: readonly string[]): string =>
	[`HTTP/1.1 ${status}`, `Content-Length: ${body.length}`, ...fields, "", body].join("\r\n");

export const redirectTo = (location: string, status = "302 Found"): string => response(status, "moved", `Location: ${location}`);

export const chunked = (status: string, body: string): string =>
	`HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;

/** The error of a promise that is to fail. */
export async function failure(promise: Promise<unknown>): Promise<FleetlingError> {
	try {
		await promise;
	} catch (error) {
		if (error instanceof FleetlingError) return error;
		throw error;
	}
	throw new Error("no error");
}
