import { frozen } from "fleetling/frozen/frozen";
import { limits } from "../../../common/deadlines";
import { MessagePackReader } from "./msgpack-reader";
import { MessagePackWriter } from "./msgpack-writer";

/** The protocols that share the link, by their numbers. */
export const protocols = frozen({ shell: 1, files: 2, forward: 3, client: 4, control: 0xffff } as const);

/** The version of all of this. */
export const version = 1;

/** What says whose a message is and what it is about. */
export interface Head {
	readonly protocol: number;
	readonly type: string;
	/** The session that it belongs to; "" for none. */
	readonly session: string;
	readonly properties?: Readonly<Record<string, string | number>>;
}

/** A message that has come. */
export interface Frame extends Required<Omit<Head, "properties">> {
	/** Texts and whole numbers only. In a map: names of members would never be freed. */
	readonly properties: ReadonlyMap<string, string | number>;
	/** A view of the message. */
	readonly body: Uint8Array;
}

const nothing: Uint8Array = new Uint8Array(0);
const what = "a message of Mender's device connect";

/** @throws FleetlingError server.bad-answer */
export function parseFrame(message: Uint8Array): Frame {
	const reader = new MessagePackReader(message, what);
	let head: Omit<Frame, "body"> | undefined;
	let body: Uint8Array = nothing;
	for (let left = reader.map(); left > 0; left--) {
		const name = reader.text(limits.fact);
		if (name === "hdr") head = parseHead(reader);
		else if (name === "body" && reader.kind === "bytes") body = reader.bytes();
		// A terminal in a browser sends what is typed as text.
		else if (name === "body" && reader.kind === "text") body = reader.textBytes();
		else reader.skip();
	}
	reader.end();
	if (head === undefined) throw reader.bad("has no head");
	return { ...head, body };
}

function parseHead(reader: MessagePackReader): Omit<Frame, "body"> {
	let protocol: number | undefined;
	let type = "";
	let session = "";
	const properties = new Map<string, string | number>();
	for (let left = reader.map(); left > 0; left--) {
		const name = reader.text(limits.fact);
		if (name === "proto") protocol = reader.integer();
		else if (reader.kind === "nil") reader.skip();
		else if (name === "typ") type = reader.text(limits.fact);
		else if (name === "sid") session = reader.text(limits.fact);
		else if (name === "props") parseProperties(reader, properties);
		else reader.skip();
	}
	if (protocol === undefined) throw reader.bad("does not say which protocol it belongs to");
	return { protocol, type, session, properties };
}

function parseProperties(reader: MessagePackReader, properties: Map<string, string | number>): void {
	for (let left = reader.map(); left > 0; left--) {
		const name = reader.text(limits.fact);
		const { kind } = reader;
		if (properties.size >= limits.frameProperties) reader.skip();
		else if (kind === "text") properties.set(name, reader.text(limits.path));
		else if (kind === "integer") properties.set(name, reader.integer());
		else reader.skip();
	}
}

/** What a body that is a map says in texts and whole numbers. @throws FleetlingError server.bad-answer */
export function parseBody({ body }: Frame): ReadonlyMap<string, string | number> {
	const reader = new MessagePackReader(body, what);
	const fields = new Map<string, string | number>();
	parseProperties(reader, fields);
	reader.end();
	return fields;
}

/** A message with a body of `length` bytes, which the caller fills in. Empty ones are left out, as the server does it. */
export function beginFrame(writer: MessagePackWriter, head: Head, length: number): Uint8Array {
	const { protocol, type, session, properties = {} } = head;
	const names = Object.keys(properties);
	writer.map(length === 0 ? 1 : 2).text("hdr");
	writer.map(2 + (session === "" ? 0 : 1) + (names.length === 0 ? 0 : 1));
	writer.text("proto").uint16(protocol).text("typ").text(type);
	if (session !== "") writer.text("sid").text(session);
	if (names.length > 0) writer.text("props").map(names.length);
	for (const name of names) {
		const value = properties[name];
		writer.text(name);
		if (typeof value === "string") writer.text(value);
		// The server takes an offset for one in this form only.
		else if (name === "offset") writer.int64(value ?? 0);
		else writer.integer(value ?? 0);
	}
	return length === 0 ? nothing : writer.text("body").binary(length);
}

export function makeFrame(head: Head, body: Uint8Array = nothing): Uint8Array {
	const writer = new MessagePackWriter();
	beginFrame(writer, head, body.length).set(body);
	return writer.result;
}

/** A body that is a map of texts. */
export function makeBody(fields: Readonly<Record<string, string | number>>): Uint8Array {
	const writer = new MessagePackWriter();
	const names = Object.keys(fields);
	writer.map(names.length);
	for (const name of names) {
		const value = fields[name] ?? "";
		writer.text(name);
		if (typeof value === "string") writer.text(value);
		else writer.integer(value);
	}
	return writer.result;
}
