/** Changes of JSON texts that stay JSON texts. */
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import type { Random } from "../../../modules/websocket/test/random";
import { awkward, type Change } from "./changes";

export type JSONValue = null | boolean | number | string | readonly JSONValue[] | { readonly [name: string]: JSONValue };

const names = [
	...["format", "version", "payloads", "type", "artifact_provides", "artifact_depends", "artifact_name", "artifact_group"],
	...["device_type", "clears_artifact_provides", "__proto__", "constructor", "toString", "length", "0", ""],
	...["form", "sequence", "state", "id", "package", "from", "slot", "trials", "stores", "failure", "outcome", "kept", "size"],
	...["start", "done", "validator"],
];
const texts = [
	...[
		"",
		"mender",
		"rdfm",
		"this-device",
		"test-module",
		"rootfs-image",
		"rootfs-image.*",
		"*",
		"\u0000",
		"\u20ac",
		"\ud83d\ude00",
	],
	...["download", "install", "reboot", "verify", "commit", "rollback", "report", "success", "failure", "ota_0", "ota_1", "1.1.0"],
];

function value(random: Random, depth = 0): JSONValue {
	switch (random.below(depth > 9 ? 5 : 8)) {
		case 0:
			return null;
		case 1:
			return random.once(2);
		case 2:
			return random.pick([awkward(random), -1, 0.5, 1e300, 3]);
		case 3:
			return random.pick(texts);
		case 4:
			return "x".repeat(random.pick([1, 255, 256, 257, 2000]));
		case 5:
			return Array.from({ length: random.below(5) }, () => value(random, depth + 1));
		case 6:
			return { [random.pick(names)]: value(random, depth + 1) };
		default: {
			let nested: JSONValue = random.pick(texts);
			for (let levels = random.pick([2, 7, 8, 9, 40]); levels > 0; levels--) nested = random.once(2) ? [nested] : { a: nested };
			return nested;
		}
	}
}

/** One thing in it is another, is gone, or is there that was not. */
export function changeJSON(old: JSONValue, random: Random): JSONValue {
	if (typeof old !== "object" || old === null || random.once(8)) return value(random);
	if (Array.isArray(old)) {
		const list: JSONValue[] = [...old];
		const at = random.below(list.length + 1);
		if (at === list.length || random.once(6)) list.splice(at, 0, random.once(2) ? (list[0] ?? null) : value(random));
		else if (random.once(5)) list.splice(at, 1);
		else list[at] = changeJSON(list[at] ?? null, random);
		return list;
	}
	const fields = Object.entries(old as { readonly [name: string]: JSONValue });
	const at = random.below(fields.length + 1);
	const [name, inner] = fields[at] ?? [random.pick(names), null];
	if (at === fields.length) fields.push([name, value(random)]);
	else if (random.once(5)) fields.splice(at, 1);
	else if (random.once(6)) fields[at] = [random.pick(names), inner];
	else fields[at] = [name, changeJSON(inner, random)];
	return Object.fromEntries(fields);
}

/** The same for a text; one that is no JSON stays as it is. */
export const changeJSONText: Change = (input, random) => {
	let old: JSONValue;
	try {
		old = JSON.parse(new TextDecoder().decode(input)) as JSONValue;
	} catch {
		return input;
	}
	return new TextEncoder().encode(JSON.stringify(changeJSON(old, random)));
};
