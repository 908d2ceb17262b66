/** The journal of updates: whatever storage holds, it is read or reported, written over, and the device starts with it. */
import { FleetlingError } from "fleetling/error/error";
import { KeyValueJournal } from "fleetling/update/journal";
import { crc32 } from "fleetling/update/readers/crc32";
import type { UpdateRecord } from "fleetling/update/record";
import TextDecoder from "text/decoder";
import TextEncoder from "text/encoder";
import type { Random } from "../../../modules/websocket/test/random";
import { Bench } from "../../unit/fakes/bench";
import { MemoryStore } from "../../unit/fakes/store";
import { alter, type Change, must } from "./changes";
import { fuzz } from "./engine";
import { changeJSON, type JSONValue } from "./json-changes";

/** An input is what lies under these keys, one after the other, with a byte of zero between them; empty: nothing does. */
const keys = ["record0", "record1", "record", "failed", "installed", "of ota_0"] as const;
const form = 2;

const fresh: UpdateRecord = {
	state: "download",
	id: "7",
	package: "id:7",
	from: "1.0.0",
	version: "",
	slot: "",
	trials: 0,
	stores: 1,
};

const split = (input: Uint8Array): string[] => new TextDecoder().decode(input).split("\0");
const joined = (texts: readonly string[]): Uint8Array => new TextEncoder().encode(texts.join("\0"));

function seal(text: string): string {
	return (crc32(new TextEncoder().encode(text)) >>> 0).toString(16).padStart(8, "0") + text;
}

/** A record in which something is different, with the checksum that it then has. */
const record: Change = (input, random) => {
	const texts = split(input);
	const at = random.below(Math.min(texts.length, 2));
	const text = texts[at] ?? "";
	texts[at] = seal(
		random.once(6)
			? new TextDecoder().decode(alter(new TextEncoder().encode(text.slice(8)), random, input))
			: changed(text.slice(8), random),
	);
	return joined(texts);
};

function changed(text: string, random: Random): string {
	const record = { form, sequence: random.pick([0, 1, 2, 65_534, 65_535]), ...fresh };
	try {
		const old = JSON.parse(text) as JSONValue;
		return JSON.stringify(changeJSON(random.once(6) ? (JSON.parse(JSON.stringify(record)) as JSONValue) : old, random));
	} catch {
		return JSON.stringify(record);
	}
}

/** What stands under one key stands under another. */
const shuffle: Change = (input, random) => {
	const texts = split(input);
	// No holes: collecting garbage while Array.from fills an array from one with holes has crashed XS 13.3.
	while (texts.length < keys.length) texts.push("");
	texts[random.below(keys.length)] = random.once(3) ? "" : random.pick(texts);
	return joined(texts);
};

function storeOf(input: Uint8Array): MemoryStore {
	const store = new MemoryStore();
	split(input)
		.slice(0, keys.length)
		.forEach((text, at) => {
			if (text !== "") store.write(keys[at] ?? "", text);
		});
	return store;
}

/** What a journal says in a few words. */
function said(store: MemoryStore): string {
	try {
		const { record, torn } = new KeyValueJournal(store).read();
		return `${record?.state ?? "nothing"}${torn === undefined ? "" : ", torn"}`;
	} catch (error) {
		if (error instanceof FleetlingError) return error.code;
		throw error;
	}
}

fuzz({
	most: 3_000,
	run(input) {
		const store = storeOf(input);
		const before = said(store);
		const journal = new KeyValueJournal(store);
		journal.write(fresh);
		// The other record may still be damaged, and that is said.
		must(said(store).startsWith("download"), `"${said(store)}" after a record was written over "${before}"`);
		journal.clear();
		must(said(store).startsWith("nothing"), `"${said(store)}" after the journal was cleared`);
		for (const running of [0, 1]) {
			const bench = new Bench({ store: storeOf(input), running });
			const { kind } = bench.updater.boot(1_000);
			must(typeof kind === "string", "a boot that means nothing");
			bench.updater.giveUp();
		}
		return before;
	},
	changes: [record, record, shuffle],
});
