/** `PUT | PATCH /api/devices/v1/inventory/device/attributes`: facts 1.2. */
import type { Answer, Request, Route } from "../rdfm/http";
import type { Device } from "./devices";
import { bodyOf, emptyAnswer, isObject, Refusal } from "./http";
import type { Tokens } from "./tokens";

export type AttributeValue = string | number | readonly string[] | readonly number[];

export const attributeLimit = 100;

/** By device, by name. */
export class Inventories {
	readonly #devices = new Map<string, Map<string, AttributeValue>>();

	of({ id }: Device): ReadonlyMap<string, AttributeValue> {
		return this.#devices.get(id) ?? new Map();
	}

	take({ id }: Device, attributes: readonly (readonly [string, AttributeValue])[], replace: boolean): void {
		const next = new Map([...(replace ? [] : (this.#devices.get(id) ?? [])), ...attributes]);
		if (next.size > attributeLimit) throw new Refusal(400, "the number of attributes in the scope is above the limit");
		this.#devices.set(id, next);
	}
}

export function inventoryRoutes(inventories: Inventories, tokens: Tokens): readonly Route[] {
	const handle =
		(replace: boolean) =>
		(request: Request): Answer => {
			const device = tokens.verify(request);
			const body = bodyOf(request, "failed to decode request body: ");
			if (!Array.isArray(body)) throw new Refusal(400, "failed to decode request body: json: cannot unmarshal into attributes");
			inventories.take(device, body.map(attribute), replace);
			return emptyAnswer(200);
		};
	const path = /^\/api\/devices\/v1\/inventory\/device\/attributes$/;
	return [
		{ name: "inventory", method: "PUT", path, handle: handle(true) },
		{ name: "inventory", method: "PATCH", path, handle: handle(false) },
	];
}

function attribute(entry: unknown): readonly [string, AttributeValue] {
	if (!isObject(entry)) throw new Refusal(400, "failed to decode request body: json: cannot unmarshal attribute");
	const { name, value } = entry;
	if (typeof name !== "string" || name.length < 1 || name.length > 1024)
		throw new Refusal(400, "name: the length must be between 1 and 1024.");
	if (!isValue(value)) throw new Refusal(400, "value: supported types are string, float64, and arrays thereof.");
	return [name, value];
}

function isValue(value: unknown): value is AttributeValue {
	const plain = (one: unknown): boolean => typeof one === "string" || typeof one === "number";
	if (!Array.isArray(value)) return plain(value);
	return value.every(plain) && value.every((one) => typeof one === typeof value[0]);
}
