/**
 * `GET …/download` and `PUT …/upload` of the management API: what the service does for them, step by step, with its windows
 * and what it insists on (backend/services/deviceconnect/api/http/management_filetransfer.go).
 */
import { errorOf, type ManagerSession } from "./manager";
import { decode, encode, Int64, isMap, type ProtoMsg } from "./protomsg";

const chunkBytes = 4_096;
const windowSend = 10;
const windowReceive = 20;
const fileTransfer = 2;

export interface FileInfo {
	readonly path: string;
	readonly size: number;
	readonly mode: number;
}

/** The types of files in Go's os.FileMode, none of which a regular file has. */
const typeBits = 0x8f28_0000;

async function begin(session: ManagerSession): Promise<void> {
	const protocols = await session.handshake();
	if (!protocols.includes(fileTransfer)) throw new Error("file transfer disabled on device");
}

export async function statFile(session: ManagerSession, path: string): Promise<FileInfo> {
	session.send({ proto: fileTransfer, typ: "stat", body: encode({ path }) });
	const { proto, typ, body } = await session.receive();
	if (typ === "error") throw errorOf(body);
	if (proto !== fileTransfer || typ !== "file_info") throw new Error(`unexpected response from device "${typ}"`);
	const info = decode(body);
	if (!isMap(info) || typeof info.mode !== "number" || (info.mode & typeBits) !== 0)
		throw new Error("path is not a regular file");
	if (typeof info.path !== "string" || typeof info.size !== "number") throw new Error("file info without path or size");
	return { path: info.path, size: info.size, mode: info.mode };
}

/** The whole of a download. `slow`: milliseconds that each chunk takes its reader. */
export async function downloadFile(
	session: ManagerSession,
	path: string,
	slow = 0,
): Promise<FileInfo & { readonly content: Buffer }> {
	await begin(session);
	try {
		const info = await statFile(session, path);
		return { ...info, content: await getFile(session, path, slow) };
	} finally {
		session.close();
	}
}

export async function getFile(session: ManagerSession, path: string, slow = 0): Promise<Buffer> {
	session.send({ proto: fileTransfer, typ: "get_file", body: encode({ path }) });
	const parts: Buffer[] = [];
	let offset = 0;
	let chunks = 0;
	const ack = (): void => session.send({ proto: fileTransfer, typ: "ack", props: { offset: new Int64(offset) } });
	for (;;) {
		const { proto, typ, props, body } = await session.receive();
		if (typ === "error") throw errorOf(body);
		if (proto === 0xffff && typ === "ping") session.send({ proto: 0xffff, typ: "pong" });
		if (proto !== fileTransfer || typ !== "file_chunk") continue;
		if (body.length === 0) {
			ack();
			return Buffer.concat(parts);
		}
		if (offsetOf(props) !== offset) throw new Error("wrong offset received");
		if (slow > 0) await new Promise((done) => setTimeout(done, slow));
		parts.push(Buffer.from(body));
		offset += body.length;
		chunks += 1;
		if (chunks >= windowSend) {
			ack();
			chunks = 0;
		}
	}
}

export interface UploadOptions {
	/** Name of the file that is sent, for a path that is a directory. */
	readonly source?: string;
	/** Ends so many bytes before the end, without a word. */
	readonly leaveAt?: number;
}

/** The whole of an upload; resolves when the service would answer 201. */
export async function uploadFile(
	session: ManagerSession,
	path: string,
	content: Buffer,
	{ source, leaveAt }: UploadOptions = {},
): Promise<void> {
	await begin(session);
	try {
		const request = { ...(source !== undefined && { src_path: source }), path, uid: 0, gid: 0, mode: 0o644 };
		session.send({ proto: fileTransfer, typ: "put_file", body: encode(request) });
		const { typ, body } = await session.receive();
		if (typ === "error") throw errorOf(body);
		if (typ !== "ack") throw new Error(`unexpected message type "${typ}"`);
		await sendChunks(session, content, leaveAt);
	} finally {
		if (leaveAt === undefined) session.close();
		else session.vanish();
	}
}

async function sendChunks(session: ManagerSession, content: Buffer, leaveAt: number | undefined): Promise<void> {
	let acked = 0;
	let wake = (): void => undefined;
	let failure: Error | undefined;
	session.onMessage = ({ proto, typ, props, body }: Required<ProtoMsg>) => {
		if (typ === "error") failure = errorOf(body);
		else if (proto === fileTransfer && typ === "ack") acked = Math.max(acked, offsetOf(props) ?? 0);
		else if (proto === 0xffff && typ === "ping") session.send({ proto: 0xffff, typ: "pong" });
		wake();
	};
	const moved = async (): Promise<void> => {
		const before = acked;
		await new Promise<void>((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error("file transfer timed out")), 60_000);
			wake = () => {
				if (acked === before && failure === undefined) return;
				clearTimeout(timer);
				resolve();
			};
			wake();
		});
	};
	const chunk = (offset: number, bytes: Uint8Array): void =>
		session.send({ proto: fileTransfer, typ: "file_chunk", props: { offset: new Int64(offset) }, body: bytes });
	for (let offset = 0; offset < content.length; ) {
		const bytes = content.subarray(offset, offset + chunkBytes);
		if (leaveAt !== undefined && offset >= leaveAt) return;
		chunk(offset, bytes);
		offset += bytes.length;
		if (offset > acked + chunkBytes * windowReceive) await moved();
		if (failure !== undefined) throw failure;
	}
	chunk(content.length, new Uint8Array(0));
	while (content.length > acked && failure === undefined) await moved();
	if (failure !== undefined) throw failure;
}

/** The service takes nothing else for an offset than Go's int64. */
function offsetOf(props: Required<ProtoMsg>["props"]): number | undefined {
	const { offset } = props;
	return offset instanceof Int64 ? offset.value : undefined;
}
