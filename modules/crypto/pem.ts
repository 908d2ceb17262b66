import Base64 from "base64";
import { FleetlingError } from "../error/error";

/** Every generator of strict PEM wraps here (RFC 7468 section 2). */
const lineLength = 64;

/** PEM with lines of 64 characters, LF and a final newline; the same bytes always give the same text. */
export function encodePEM(label: string, bytes: ArrayBuffer | Uint8Array): string {
	const text = Base64.encode(bytes);
	const lines: string[] = [];
	for (let start = 0; start < text.length; start += lineLength) lines.push(text.slice(start, start + lineLength));
	return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}

/**
 * The first block of `text`. Text around it and any line ends and lengths are accepted (RFC 7468 section 2); encryption headers
 * are not, because they are no base64.
 * @throws crypto.bad-pem
 */
export function decodePEM(text: string, what: string): { readonly label: string; readonly bytes: Uint8Array } {
	const fault = (problem: string) => new FleetlingError("crypto.bad-pem", `${what} is not valid PEM: ${problem}`);
	if (typeof text !== "string") throw fault(`it is not a string but ${typeof text}`);

	const begin = /-----BEGIN ([A-Z0-9 ]+)-----/.exec(text);
	const label = begin?.[1];
	if (begin === null || label === undefined) throw fault("there is no BEGIN line");
	const start = begin.index + begin[0].length;
	const end = text.indexOf(`-----END ${label}-----`, start);
	if (end < 0) throw fault(`there is no END line for ${label}`);

	// Checked here because the decoder passes over what it does not know.
	const body = text.slice(start, end).replace(/[ \t\r\n]+/g, "");
	if (body.length === 0) throw fault("there is nothing between BEGIN and END");
	if (body.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(body)) throw fault("what is between BEGIN and END is not base64");
	return { label, bytes: new Uint8Array(Base64.decode(body)) };
}
