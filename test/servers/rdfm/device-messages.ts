/**
 * What devices may say on the management WebSocket (facts C), as leniently as the real server reads it: whole numbers may be
 * numeric texts or 50.0, truth values may be "yes" or 1, unknown members are ignored, null is nothing.
 */
import { isObject, type Json } from "./json";
import { type Checked, listOf, type Rule, text } from "./schema";

const good = <T>(value: T): Checked<T> => ({ ok: true, value });
const bad = (word: string): Checked<never> => ({ ok: false, errors: [word] });

/** 50, 50.0, "50"; not 50.5. */
export const wholeNumber: Rule<number> = (value) => {
	const number = typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value;
	return typeof number === "number" && Number.isInteger(number) ? good(number) : bad("Not a valid integer.");
};

const anyNumber: Rule<number> = (value) => {
	const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
	return typeof number === "number" && Number.isFinite(number) ? good(number) : bad("Not a valid number.");
};

const yes: readonly Json[] = [true, 1, "true", "True", "TRUE", "t", "T", "yes", "Yes", "YES", "y", "Y", "on", "On", "ON", "1"];
const no: readonly Json[] = [false, 0, "false", "False", "FALSE", "f", "F", "no", "No", "NO", "n", "N", "off", "Off", "OFF", "0"];

const truth: Rule<boolean> = (value) => {
	if (yes.includes(value)) return good(true);
	return no.includes(value) ? good(false) : bad("Not a valid boolean.");
};

const truths: Rule<Readonly<Record<string, boolean>>> = (value) => {
	if (!isObject(value)) return bad("Not a valid mapping type.");
	const result: Record<string, boolean> = {};
	for (const [key, member] of Object.entries(value)) {
		const checked = truth(member);
		if (!checked.ok) return checked;
		result[key] = checked.value;
	}
	return good(result);
};

/** An object with at least these members. */
const lenient =
	<T extends object>(rules: { readonly [Key in keyof T]: Rule<T[Key]> }): Rule<T> =>
	(value) => {
		if (!isObject(value)) return bad("Invalid input type.");
		const result: Partial<T> = {};
		for (const key of Object.keys(rules) as (keyof T & string)[]) {
			const member = value[key];
			if (member === undefined || member === null) return bad(`Missing data for required field ${key}.`);
			const checked = rules[key](member);
			if (!checked.ok) return checked;
			result[key] = checked.value;
		}
		return good(result as T);
	};

/** One action that a device offers. The timeout is in seconds. */
export interface ActionEntry {
	readonly action_id: string;
	readonly action_name: string;
	readonly description: string;
	readonly command: readonly string[];
	readonly timeout: number;
}

const action = lenient<ActionEntry>({
	action_id: text,
	action_name: text,
	description: text,
	command: listOf(text),
	timeout: anyNumber,
});

const control: Rule<"ok" | "full"> = (value) =>
	value === "ok" || value === "full" ? good(value) : bad("Must be one of: ok, full.");

const rules = {
	capability_report: lenient({ capabilities: truths }),
	action_list_update: lenient({ actions: listOf(action) }),
	action_exec_control: lenient({ execution_id: text, status: control }),
	action_exec_result: lenient({ execution_id: text, status_code: wholeNumber, output: text }),
	fs_file_probe_reply: lenient({ id: text, status: wholeNumber, size: wholeNumber }),
	fs_file_download_reply: lenient({ id: text, status: wholeNumber, etags: listOf(text) }),
	update_progress: lenient({ progress: wholeNumber }),
	update_version: lenient({ version: text }),
} as const;

type Fields<T> = T extends Rule<infer Value> ? Value : never;

/** A message of a device that the server understands. */
export type DeviceMessage = {
	[Method in keyof typeof rules]: { readonly method: Method } & Fields<(typeof rules)[Method]>;
}[keyof typeof rules];

/** What a device has said, or undefined where the server closes with 4001. */
export function readDeviceMessage(data: string): DeviceMessage | undefined {
	let value: Json;
	try {
		value = JSON.parse(data) as Json;
	} catch {
		return undefined;
	}
	if (!isObject(value) || typeof value.method !== "string" || !Object.hasOwn(rules, value.method)) return undefined;
	const method = value.method as keyof typeof rules;
	const checked = (rules[method] as Rule<object>)(value);
	return checked.ok ? ({ method, ...checked.value } as DeviceMessage) : undefined;
}

/** Members of a message that the server does not know: it ignores them, a test of a device does not. */
export function strangeMembers(data: string): readonly string[] {
	const message = readDeviceMessage(data);
	const value = JSON.parse(data) as Readonly<Record<string, Json>>;
	return message === undefined ? ["method"] : Object.keys(value).filter((key) => !Object.hasOwn(message, key));
}

/** Standard base64 with its padding, as Python's decoder wants it. */
export const isBase64 = (value: string): boolean =>
	/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(value);
