/** `GET /local_storage/…`: the public download of the local storage driver (facts B.4). */
import { httpDate } from "./dates";
import { type Answer, bytesAnswer, FrameworkError, type Request, type Route } from "./http";
import type { PackageStore } from "./packages";
import type { PartStore, StoredFile } from "./parts";
import { isUnmodified, type Range, requestedRange, type Validators } from "./preconditions";

/** Adler-32, werkzeug's third part of an ETag (over the file's name). */
function adler32(text: string): number {
	let low = 1;
	let high = 0;
	for (const byte of Buffer.from(text)) {
		low = (low + byte) % 65521;
		high = (high + low) % 65521;
	}
	return high * 65536 + low;
}

/** Validators of a stored file; the ETag is strong: modification time, size, checksum of the name. */
export function validatorsOf({ content, modified, storagePath }: StoredFile): Validators {
	return { etag: `"${modified / 1000}-${content.byteLength}-${adler32(storagePath)}"`, lastModified: modified };
}

/** The route. No authorization: sending one does no harm. */
export function storageRoutes(packages: PackageStore, parts: PartStore): readonly Route[] {
	const handle = (request: Request, [path]: readonly string[]): Answer => {
		const stored = packages.stored(path ?? "") ?? parts.stored(path ?? "");
		if (!stored) throw new FrameworkError(404);
		return download(request, stored);
	};
	return [{ name: "download", method: "GET", path: /^\/local_storage\/(.+)$/, handle }];
}

function download(request: Request, stored: StoredFile): Answer {
	const { content } = stored;
	const validators = validatorsOf(stored);
	const common = {
		ETag: validators.etag,
		"Cache-Control": "no-cache",
		"Content-Disposition": "inline",
	};
	const entity = { ...common, "Content-Type": "application/octet-stream", "Last-Modified": httpDate(validators.lastModified) };
	// A range that is to be served outranks If-None-Match.
	const range = requestedRange(request.headers, validators, content.byteLength);
	if (range === "unsatisfiable") throw new FrameworkError(416, { "Content-Range": `bytes */${content.byteLength}` });
	if (range) return partial(content, range, entity);
	if (isUnmodified(request.headers, validators)) {
		const status = request.headers["if-match"] === undefined ? 304 : 412;
		if (status === 412) throw new FrameworkError(412);
		return { status, headers: common, body: new Uint8Array(0) };
	}
	// No Accept-Ranges here: only a 206 carries it.
	return bytesAnswer(200, content, entity);
}

function partial(content: Uint8Array, { start, end }: Range, entity: Readonly<Record<string, string>>): Answer {
	return bytesAnswer(206, content.subarray(start, end), {
		...entity,
		"Accept-Ranges": "bytes",
		"Content-Range": `bytes ${start}-${end - 1}/${content.byteLength}`,
	});
}
