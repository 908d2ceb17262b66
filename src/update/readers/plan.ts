import { FleetlingError } from "fleetling/error/error";
import type { Installed, Installer } from "../installer";
import type { Checksums } from "./checksums";
import { checkDepends, type DeviceState } from "./depends";
import type { ArtifactHeader } from "./header";
import { headerFault } from "./json";
import { changeOf } from "./provides";
import { quoted } from "./quoted";

/**
 * Decides whether an artifact is to be installed, from all that can be known before its first payload byte: device type,
 * dependencies, payload types, files. Returns an installer for each payload; none of them has been begun.
 */
export function planOf(
	header: ArtifactHeader,
	checksums: Checksums,
	device: DeviceState,
	make: (type: string) => Installer,
): readonly Installer[] {
	checkDepends(header.depends, device);
	for (const { depends } of header.payloads) checkDepends(depends, device);
	const open = header.types.indexOf("");
	if (open >= 0) throw headerFault("header-info", `gives payload ${open} no type: there is nothing to install`);
	const [stray] = checksums.starting("data/").filter(({ name }) => Number(name.slice(5, 9)) >= header.types.length);
	if (stray !== undefined)
		throw new FleetlingError(
			"artifact.bad-manifest",
			`the manifest lists ${quoted(stray.name)}, and header-info no such payload; write the artifact again`,
		);
	const installers = header.types.map(make);
	const first = installers.findIndex(({ alone }) => alone === true);
	if (first >= 0 && installers.length > 1)
		throw new FleetlingError(
			"artifact.bad-payload",
			`the artifact has ${installers.length} payloads and one of type ${quoted(header.types[first] ?? "")}, which can only be rolled back on its own; split the artifact`,
		);
	return installers;
}

/** All payloads of an artifact as one. */
export function combine(header: ArtifactHeader, parts: readonly Installed[]): Installed {
	const change = changeOf(header);
	const slot = parts.find((part) => part.slot !== "");
	const [first] = parts;
	if (slot !== undefined && parts.length === 1) return { ...slot, change };
	const revert = (some: readonly Installed[]): void => {
		for (const part of some) part.revert?.();
	};
	return {
		// Files have no version of their own.
		version: slot?.version ?? header.name,
		slot: slot?.slot ?? "",
		immediate: parts.every((part) => part.immediate === true),
		change,
		activate() {
			const done: Installed[] = [];
			try {
				for (const part of parts) {
					part.activate();
					done.unshift(part);
				}
			} catch (error) {
				revert(done);
				throw error;
			}
		},
		...(first !== undefined &&
			parts.every((part) => part.revert !== undefined) && { revert: () => revert([...parts].reverse()) }),
		commit() {
			for (const part of parts) part.commit?.();
		},
		discard() {
			for (const part of parts) part.discard?.();
		},
	};
}
