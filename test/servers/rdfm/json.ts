/** JSON and `repr` as Python writes them, because clients see both on the wire. */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** True for `{…}`: not null, not an array. */
export const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
	typeof value === "object" && value !== null && !Array.isArray(value);

/** Flask's default: sorted keys at every depth, no blanks, everything outside printable ASCII escaped. */
export function compactJson(value: Json): string {
	return JSON.stringify(sorted(value)).replace(
		/[\u007f-\uffff]/g,
		(unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
	);
}

function sorted(value: Json): Json {
	if (Array.isArray(value)) return value.map(sorted);
	if (!isObject(value)) return value;
	return Object.fromEntries(
		Object.entries(value)
			.sort(([left], [right]) => (left < right ? -1 : Number(left > right)))
			.map(([key, member]) => [key, sorted(member)]),
	);
}

/** Validation errors as the real server prints them into its error text: a Python dictionary. */
export type ErrorTree = readonly string[] | { readonly [key: string]: ErrorTree };

/** Python's `repr` of an error tree. */
export function pythonText(tree: ErrorTree): string {
	if (Array.isArray(tree)) return `[${tree.map(quoted).join(", ")}]`;
	return `{${Object.entries(tree)
		.map(([key, member]) => `${quoted(key)}: ${pythonText(member)}`)
		.join(", ")}}`;
}

function quoted(text: string): string {
	const mark = text.includes("'") && !text.includes('"') ? '"' : "'";
	return (
		mark + text.replaceAll("\\", "\\\\").replaceAll(mark, `\\${mark}`).replaceAll("\n", "\\n").replaceAll("\r", "\\r") + mark
	);
}
