/** The JSON texts in an artifact's header: whatever is read of them has the types that it says it has. */

import { isObject } from "fleetling/common/json";
import { readAugmentedTypes, readHeaderInfo, readMetaData, readTypeInfo } from "fleetling/update/readers/header-info";
import type { Depends, Provides } from "fleetling/update/readers/json";
import { applyProvides } from "fleetling/update/readers/provides";
import { checkVersion } from "fleetling/update/readers/version";
import { ending, must } from "./changes";
import { fuzz } from "./engine";
import { changeJSONText } from "./json-changes";

function isText(value: unknown): void {
	must(typeof value === "string" && value.length <= 256, `${typeof value} instead of a text`);
}

function provided(provides: Provides): void {
	for (const [name, value] of Object.entries(provides)) [name, value].map(isText);
}

function depended(depends: Depends): void {
	for (const values of Object.values(depends)) {
		must(Array.isArray(values), "a dependency that is no list");
		values.map(isText);
	}
}

const readers: readonly ((input: Uint8Array) => string)[] = [
	(input) => {
		checkVersion(input, ["mender", "rdfm"]);
		return "version";
	},
	(input) => {
		const { types, name, provides, depends } = readHeaderInfo(input);
		must(types.length >= 1 && types.length <= 4, `${types.length} types`);
		types.map(isText);
		isText(name);
		provided(provides);
		depended(depends);
		must((depends.device_type ?? []).length > 0, "for no device");
		return `header-info ${types.length}`;
	},
	(input) => `types ${readAugmentedTypes(input).length}`,
	(input) => {
		const { provides, depends, clears } = readTypeInfo(input, "type-info", "test-module");
		provided(provides);
		depended(depends);
		clears?.map(isText);
		const left = applyProvides({ artifact_name: "old", "rootfs-image.version": "7" }, { provides, clears: clears ?? [] });
		provided(left);
		return `type-info ${clears === undefined ? "" : "clears"}`;
	},
	(input) => {
		const metaData = readMetaData(input, "meta-data");
		must(metaData === undefined || isObject(metaData), "meta-data that is no object");
		return "meta-data";
	},
];

const shape = /"[^"]*"|[0-9]+/g;

fuzz({
	most: 4_096,
	run: (input) =>
		readers
			.map((read) =>
				ending(() => read(input))
					.replace(shape, "#")
					.slice(0, 60),
			)
			.join("; "),
	changes: [changeJSONText],
});
