/**
 * Reads the pages of ESP-IDF's non-volatile storage, written down from the description of the format and independent of the
 * model. It is strict: a storage that was repaired has no torn item, no key twice, no chunk too many.
 */
import assert from "node:assert/strict";
import { crc32 } from "./crc";

const pageSize = 4096;
const entryCount = 126;
const entrySize = 32;
const tableOffset = 32;
const dataOffset = 64;

const pageStates = { blank: 0xffffffff, active: 0xfffffffe, full: 0xfffffffc } as const;
const entryStates = { empty: 3, written: 2, erased: 0 } as const;

const types = { string: 0x21, blobData: 0x42, blobIndex: 0x48 } as const;
/** Numbers by their sizes: the low digit of the type. */
const numberTypes = new Set([0x01, 0x11, 0x02, 0x12, 0x04, 0x14, 0x08, 0x18]);

interface Item {
	readonly page: number;
	readonly namespace: number;
	readonly type: number;
	readonly chunk: number;
	readonly key: string;
	readonly value: Buffer;
	/** Of variable data. */
	readonly data: Buffer;
}

export interface Value {
	/** As nvs_type_t. */
	readonly type: number;
	readonly data: Buffer;
}

export interface Storage {
	/** By namespace and key. */
	readonly values: ReadonlyMap<string, ReadonlyMap<string, Value>>;
	/** Blank pages or such as will be erased before use; one must always be there. */
	readonly freePages: number;
}

const hex = (value: number): string => `0x${value.toString(16)}`;

function readItem(page: Buffer, number: number, entry: number): { readonly item: Item; readonly span: number } {
	const bytes = page.subarray(dataOffset + entry * entrySize, dataOffset + (entry + 1) * entrySize);
	const where = `page ${number}, entry ${entry}`;
	const crc = crc32(bytes.subarray(0, 4), bytes.subarray(8, 24), bytes.subarray(24, 32));
	assert.equal(bytes.readUInt32LE(4), crc, `${where}: checksum of the item`);
	const type = bytes.readUInt8(1);
	const span = bytes.readUInt8(2);
	const isVariable = type === types.string || type === types.blobData;
	let data: Buffer = Buffer.alloc(0);
	if (isVariable) {
		const size = bytes.readUInt16LE(24);
		assert.equal(span, 1 + Math.ceil(size / entrySize), `${where}: span`);
		assert.ok(entry + span <= entryCount, `${where}: beyond the page`);
		const start = dataOffset + (entry + 1) * entrySize;
		data = page.subarray(start, start + size);
		assert.equal(bytes.readUInt32LE(28), crc32(data), `${where}: checksum of the data`);
	} else assert.ok(type === types.blobIndex || numberTypes.has(type), `${where}: type ${hex(type)}`);
	const key = bytes.toString("latin1", 8, 24).replace(/\0.*/s, "");
	const item = {
		page: number,
		namespace: bytes.readUInt8(0),
		type,
		chunk: bytes.readUInt8(3),
		key,
		value: bytes.subarray(24, 32),
		data,
	};
	return { item, span };
}

function readPage(page: Buffer, number: number): Item[] {
	const items: Item[] = [];
	const state = (entry: number): number => (page.readUInt8(tableOffset + (entry >> 2)) >> ((entry & 3) * 2)) & 3;
	let blank = false;
	for (let entry = 0; entry < entryCount; ) {
		if (state(entry) === entryStates.written) {
			assert.ok(!blank, `page ${number}, entry ${entry}: written after an empty one`);
			const { item, span } = readItem(page, number, entry);
			for (let i = entry; i < entry + span; i++)
				assert.equal(state(i), entryStates.written, `page ${number}, entry ${i}: not written, but part of ${item.key}`);
			items.push(item);
			entry += span;
			continue;
		}
		blank ||= state(entry) === entryStates.empty;
		entry++;
	}
	return items;
}

/** All items, from the oldest page to the newest, and how many pages are free. */
function readPages(storage: Buffer): { readonly items: Item[]; readonly freePages: number } {
	const pages: { readonly sequence: number; readonly number: number; readonly page: Buffer; readonly state: number }[] = [];
	for (let number = 0; number < storage.length / pageSize; number++) {
		const page = storage.subarray(number * pageSize, (number + 1) * pageSize);
		const state = page.readUInt32LE(0);
		if (state !== pageStates.active && state !== pageStates.full) continue;
		if (page.readUInt32LE(28) !== crc32(page.subarray(4, 28))) continue;
		assert.equal(page.readUInt8(8), 0xfe, `page ${number}: version of the format`);
		pages.push({ sequence: page.readUInt32LE(4), number, page, state });
	}
	pages.sort((a, b) => a.sequence - b.sequence);
	assert.equal(new Set(pages.map(({ sequence }) => sequence)).size, pages.length, "two pages have one sequence number");
	pages.forEach(({ state, number }, index) => {
		if (state === pageStates.active) assert.equal(index, pages.length - 1, `page ${number} is active, but not the newest`);
	});
	return {
		items: pages.flatMap(({ page, number }) => readPage(page, number)),
		freePages: storage.length / pageSize - pages.length,
	};
}

/** Puts the chunks of a blob together. */
function joinBlob(index: Item, chunks: readonly Item[]): Buffer {
	const start = index.value.readUInt8(5);
	const count = index.value.readUInt8(4);
	const own = chunks.filter(({ namespace, key }) => namespace === index.namespace && key === index.key);
	const parts = Array.from({ length: count }, (_, i) => own.filter(({ chunk }) => chunk === start + i));
	for (const part of parts) assert.equal(part.length, 1, `chunks of ${index.key}`);
	assert.equal(own.length, count, `${index.key} has chunks that do not belong to it`);
	const data = Buffer.concat(parts.flat().map((part) => part.data));
	assert.equal(data.length, index.value.readUInt32LE(0), `size of ${index.key}`);
	return data;
}

/** Reads and checks a whole partition. */
export function readStorage(partition: Buffer): Storage {
	const { items, freePages } = readPages(partition);
	const names = new Map(items.filter(({ namespace }) => namespace === 0).map(({ key, value }) => [value.readUInt8(0), key]));
	const chunks = items.filter(({ type }) => type === types.blobData);
	const values = new Map<string, Map<string, Value>>();
	for (const name of names.values()) values.set(name, new Map());
	let used = 0;
	for (const item of items) {
		if (item.namespace === 0 || item.type === types.blobData) continue;
		const namespace = values.get(names.get(item.namespace) ?? "");
		assert.ok(namespace, `${item.key} is in the namespace ${item.namespace}, which has no name`);
		assert.ok(!namespace.has(item.key), `${item.key} is there twice`);
		if (item.type === types.blobIndex) {
			namespace.set(item.key, { type: types.blobData, data: joinBlob(item, chunks) });
			used += item.value.readUInt8(4);
		} else if (item.type === types.string) namespace.set(item.key, { type: item.type, data: item.data });
		else namespace.set(item.key, { type: item.type, data: item.value.subarray(0, item.type & 0x0f) });
	}
	assert.equal(used, chunks.length, "there are chunks without an index");
	return { values, freePages };
}
