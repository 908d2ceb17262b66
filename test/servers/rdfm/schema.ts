/**
 * Which bodies the server takes: rules of facts B.2, B.3 and B.5, value by value.
 *
 * Where the facts leave room ("any number/bool/null/object value anywhere -> 400; lists allowed") the strict reading is taken:
 * such a value inside a list is refused as well. A client that passes here passes the real server.
 */
import { parseRfc822 } from "./dates";
import { type Answer, errorAnswer } from "./http";
import { type ErrorTree, isObject, type Json, pythonText } from "./json";

/** Keys every authentication and every update check must carry. */
export const mandatory = {
	version: "rdfm.software.version",
	deviceType: "rdfm.hardware.devtype",
	mac: "rdfm.hardware.macaddr",
} as const;

/** What a device says about itself. */
export type Metadata = Readonly<Record<string, string | readonly string[]>>;

/** Outcome of a check: the value, or the tree of errors the server prints. */
export type Checked<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly errors: ErrorTree };

/** One field's rule. */
export type Rule<T> = (value: Json) => Checked<T>;

const good = <T>(value: T): Checked<T> => ({ ok: true, value });
const bad = (errors: ErrorTree): Checked<never> => ({ ok: false, errors });

/** The 400 answer for a body that failed its check. */
export const schemaError = (errors: ErrorTree): Answer => errorAnswer(`schema validation failed: ${pythonText(errors)}`, 400);

/** Any string, the empty one included. */
export const text: Rule<string> = (value) => (typeof value === "string" ? good(value) : bad(["Not a valid string."]));

/** Python's `int()`: numbers are cut to an integer, numeric strings pass, booleans do not. */
export const integer: Rule<number> = (value) => {
	if (typeof value === "number" && Number.isFinite(value)) return good(Math.trunc(value));
	if (typeof value === "string" && /^\s*[+-]?\d+(_\d+)*\s*$/.test(value)) return good(Number(value.replaceAll("_", "")));
	return bad(["Not a valid integer."]);
};

/** An RFC 822 date; the zone is dropped as the real server drops it (facts B.5). Milliseconds since 1970. */
export const rfcDate: Rule<number> = (value) => {
	const time = typeof value === "string" ? parseRfc822(value) : undefined;
	return time === undefined ? bad(["Not a valid datetime."]) : good(time);
};

/** Device metadata: strings and lists of strings, with the three mandatory keys. */
export const metadata: Rule<Metadata> = (value) => {
	if (!isObject(value)) return bad(["Not a valid mapping type."]);
	const errors: Record<string, ErrorTree> = {};
	for (const [key, member] of Object.entries(value)) {
		const fine = typeof member === "string" || (Array.isArray(member) && member.every((item) => typeof item === "string"));
		if (!fine) errors[key] = { value: [member === null ? "Field may not be null." : "Not a valid string or list."] };
	}
	if (Object.keys(errors).length > 0) return bad(errors);
	const keys = Object.values(mandatory);
	return keys.every((key) => Object.hasOwn(value, key))
		? good(value as Metadata)
		: bad([`Sequence must contain: ${keys.join(", ")}.`]);
};

/** A list whose members each follow a rule. */
export const listOf =
	<T>(rule: Rule<T>): Rule<readonly T[]> =>
	(value) => {
		if (!Array.isArray(value)) return bad(["Not a valid list."]);
		const errors: Record<string, ErrorTree> = {};
		const members: T[] = [];
		for (const [index, item] of value.entries()) {
			const checked = rule(item as Json);
			if (checked.ok) members.push(checked.value);
			else errors[String(index)] = checked.errors;
		}
		return Object.keys(errors).length > 0 ? bad(errors) : good(members);
	};

/** Rules of an object with exactly these keys: none missing, none null, none unknown. */
export const record =
	<T extends object>(rules: { readonly [Key in keyof T]: Rule<T[Key]> }): Rule<T> =>
	(value) => {
		if (!isObject(value)) return bad({ _schema: ["Invalid input type."] });
		const errors: Record<string, ErrorTree> = {};
		const result: Partial<T> = {};
		for (const key of Object.keys(rules) as (keyof T & string)[]) {
			const checked = field(value[key], rules[key]);
			if (checked.ok) result[key] = checked.value;
			else errors[key] = checked.errors;
		}
		for (const key of Object.keys(value)) if (!Object.hasOwn(rules, key)) errors[key] = ["Unknown field."];
		return Object.keys(errors).length > 0 ? bad(errors) : good(result as T);
	};

function field<T>(value: Json | undefined, rule: Rule<T>): Checked<T> {
	if (value === undefined) return bad(["Missing data for required field."]);
	if (value === null) return bad(["Field may not be null."]);
	return rule(value);
}
