import { FleetlingError } from "fleetling/error/error";
import TextDecoder from "text/decoder";
import { isObject, jsonDepth } from "../../common/json";
import { artifactLimits as limits } from "./limits";
import { quoted } from "./quoted";

/** Keys and values as the format has them for what is provided. */
export type Provides = Readonly<Record<string, string>>;

/** What has to be there: for each key one of the values. */
export type Depends = Readonly<Record<string, readonly string[]>>;

export function headerFault(what: string, text: string): FleetlingError {
	return new FleetlingError("artifact.bad-header", `${what} of the artifact ${text}; write the artifact again`);
}

/** A JSON object in the header of an artifact; `what` names it in errors, e.g. "header-info". */
export class HeaderObject {
	readonly #values: Readonly<Record<string, unknown>>;
	readonly #what: string;

	constructor(values: Readonly<Record<string, unknown>>, what: string) {
		this.#values = values;
		this.#what = what;
	}

	/** Bounded in depth before the engine's parser sees it; the size was bounded before it was collected. */
	static parse(bytes: Uint8Array, what: string): HeaderObject {
		if (jsonDepth(bytes) > limits.jsonDepth) throw headerFault(what, `is nested deeper than ${limits.jsonDepth} levels`);
		let value: unknown;
		try {
			value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
		} catch {
			throw headerFault(what, "is not JSON");
		}
		if (!isObject(value)) throw headerFault(what, "is not a JSON object");
		return new HeaderObject(value, what);
	}

	get values(): Readonly<Record<string, unknown>> {
		return this.#values;
	}

	fault(text: string): FleetlingError {
		return headerFault(this.#what, text);
	}

	/** A field as it is; undefined when it is absent or null. */
	get(name: string): unknown {
		return Object.hasOwn(this.#values, name) ? (this.#values[name] ?? undefined) : undefined;
	}

	/** An object of its own; empty when it is absent. */
	object(name: string): HeaderObject {
		const value = this.get(name) ?? {};
		if (!isObject(value)) throw this.fault(`has a "${name}" that is no object`);
		return new HeaderObject(value, this.#what);
	}

	/** A list; empty when it is absent. */
	list(name: string): readonly unknown[] {
		const value = this.get(name) ?? [];
		if (!Array.isArray(value)) throw this.fault(`has a "${name}" that is no list`);
		return value;
	}

	/** A text; empty when it is absent. */
	text(name: string): string {
		return this.#checked(name, this.get(name) ?? "");
	}

	/** Texts; empty when the field is absent. */
	texts(name: string): readonly string[] {
		return this.list(name).map((value) => this.#checked(name, value));
	}

	/** All fields as texts. */
	provides(): Provides {
		return Object.fromEntries(Object.keys(this.#values).map((name) => [this.#checked("key", name), this.text(name)]));
	}

	/** All fields as a text or a list of texts of which one has to match. */
	depends(): Depends {
		const texts = (name: string): readonly string[] =>
			typeof this.get(name) === "string" ? [this.text(name)] : this.texts(name);
		return Object.fromEntries(Object.keys(this.#values).map((name) => [this.#checked("key", name), texts(name)]));
	}

	#checked(name: string, value: unknown): string {
		if (typeof value !== "string") throw this.fault(`has a ${quoted(name)} that is no text`);
		if (value.length > limits.text) throw this.fault(`has a ${quoted(name)} of more than ${limits.text} characters`);
		// Half a character goes into no address: a device with such a name could not ask its server for anything any more.
		if (!isUnicode(value)) throw this.fault(`has a ${quoted(name)} that is no Unicode`);
		return value;
	}
}

function isUnicode(text: string): boolean {
	try {
		encodeURIComponent(text);
		return true;
	} catch {
		return false;
	}
}
