import { FleetlingError } from "fleetling/error/error";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import { limits } from "./deadlines";

/**
 * Reads a JSON object that came from outside.
 *
 * `what` names the message in errors, e.g. "the update offer". The text is bounded in size and in depth before the
 * engine's parser sees it: that parser calls itself for each level, and a device's native stack is 10 KB.
 */
export function parseObject(body: ArrayBuffer | Uint8Array | string, what: string): Fields {
	const text = typeof body === "string" ? body : decode(body, what);
	if (text.length > limits.jsonText)
		throw bad(what, `has ${text.length} characters, more than the ${limits.jsonText} that are read`);
	const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
	if (jsonDepth(bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes)) > limits.jsonDepth)
		throw bad(what, `is nested deeper than ${limits.jsonDepth} levels`);
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (cause) {
		throw bad(what, "is not JSON", cause);
	}
	if (!isObject(value)) throw bad(what, "is not a JSON object");
	return new Fields(value, what);
}

/** The fields of a received object, each read as what it has to be or refused by name. */
export class Fields {
	readonly #values: Readonly<Record<string, unknown>>;
	readonly #what: string;

	constructor(values: Readonly<Record<string, unknown>>, what: string) {
		this.#values = values;
		this.#what = what;
	}

	/** All of them, as they came. */
	get values(): Readonly<Record<string, unknown>> {
		return this.#values;
	}

	has(name: string): boolean {
		return Object.hasOwn(this.#values, name) && this.#values[name] !== null;
	}

	/** A text of 1 to `most` characters. */
	text(name: string, most: number = limits.jsonField): string {
		const value = this.#values[name];
		if (!this.has(name) || typeof value !== "string") throw this.bad(`has no text "${name}"`);
		if (value === "" || value.length > most)
			throw this.bad(`has a "${name}" of ${value.length} characters instead of 1 to ${most}`);
		return value;
	}

	/** A list of 1 to `most` texts. */
	texts(name: string, most: number): readonly string[] {
		const value = this.#values[name];
		if (!Array.isArray(value) || value.length < 1 || value.length > most)
			throw this.bad(`has no list "${name}" of 1 to ${most} texts`);
		for (const text of value) if (typeof text !== "string") throw this.bad(`has a list "${name}" with something else than texts`);
		return value as readonly string[];
	}

	/** A whole number that JavaScript holds exactly. */
	integer(name: string, least = 0): number {
		const value = this.#values[name];
		if (!this.has(name) || typeof value !== "number" || !Number.isSafeInteger(value) || value < least)
			throw this.bad(`has no whole number "${name}" from ${least} up`);
		return value;
	}

	/** An object within the object. */
	object(name: string): Fields {
		const value = this.#values[name];
		if (!this.has(name) || !isObject(value)) throw this.bad(`has no object "${name}"`);
		return new Fields(value, this.#what);
	}

	/** What `read` makes of the field, or undefined when it is absent or null. */
	optional<T>(name: string, read: (fields: Fields) => T): T | undefined {
		return this.has(name) ? read(this) : undefined;
	}

	/** The error for a field that is there but cannot be meant. */
	bad(text: string): FleetlingError {
		return bad(this.#what, text);
	}
}

function bad(what: string, text: string, cause?: unknown): FleetlingError {
	const sentence = `${what} ${text}; check that the server is of the configured kind and version`;
	return new FleetlingError("server.bad-answer", sentence, cause === undefined ? undefined : { cause });
}

function decode(body: ArrayBuffer | Uint8Array, what: string): string {
	if (body.byteLength > limits.jsonText * 4) throw bad(what, `has ${body.byteLength} bytes, more than are read`);
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(body);
	} catch (cause) {
		throw bad(what, "is not UTF-8 text", cause);
	}
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The deepest nesting of arrays and objects in JSON. It is read from bytes, because UTF-8 has no quote, backslash or bracket inside
 * of a character, and XS looks for a character of a string by counting from its beginning.
 */
export function jsonDepth(bytes: Uint8Array): number {
	let deepest = 0;
	let now = 0;
	let quoted = false;
	for (let at = 0; at < bytes.byteLength; at++) {
		const code = bytes[at];
		if (quoted) {
			if (code === 0x5c) at++;
			else if (code === 0x22) quoted = false;
		} else if (code === 0x22) quoted = true;
		else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++now);
		else if (code === 0x7d || code === 0x5d) now--;
	}
	return deepest;
}
