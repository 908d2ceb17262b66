/** The administrator's routes for packages (facts B.3 and B.4 rest on them). */
import { rfcDateText } from "./dates";
import type { GroupStore } from "./groups";
import { type Answer, errorAnswer, jsonAnswer, type Request, type Route } from "./http";
import type { Json } from "./json";
import type { Package, PackageStore } from "./packages";

/** Form field that chooses a folder of the storage. */
const directoryField = "rdfm.storage.directory";
/** Keys that only a storage driver may set. */
const reserved = "rdfm.storage.";

/** `/api/v1/packages` and below. */
export function packageAdminRoutes(
	packages: PackageStore,
	groups: GroupStore,
	link: (stored: Package) => string,
): readonly Route[] {
	const one = (path: RegExp, method: Route["method"], handle: (stored: Package) => Answer): Route => ({
		name: "admin",
		method,
		path,
		handle: (_, [id]) => {
			const stored = packages.get(Number(id));
			return stored ? handle(stored) : errorAnswer("specified package does not exist", 404);
		},
	});
	return [
		{ name: "admin", method: "GET", path: /^\/api\/v1\/packages$/, handle: () => jsonAnswer(packages.all().map(describe)) },
		{ name: "admin", method: "POST", path: /^\/api\/v1\/packages$/, handle: (request) => upload(packages, request) },
		one(/^\/api\/v1\/packages\/(\d+)$/, "GET", (stored) => jsonAnswer(describe(stored))),
		one(/^\/api\/v1\/packages\/(\d+)\/download$/, "GET", (stored) => jsonAnswer({ id: stored.id, download_url: link(stored) })),
		one(/^\/api\/v1\/packages\/(\d+)$/, "DELETE", (stored) => {
			if (groups.all().some((group) => group.packages.includes(stored.id))) {
				return errorAnswer("delete failed, the package is assigned to at least one group", 409);
			}
			packages.delete(stored.id);
			return jsonAnswer({});
		}),
	];
}

const describe = ({ id, created, sha256, metadata }: Package): Json => ({
	id,
	created: rfcDateText(created),
	sha256,
	driver: "local",
	metadata,
});

/** The fields of a form; anything that is not a form has none. */
async function formOf(
	request: Request,
): Promise<{ readonly fields: Record<string, string>; readonly file: Uint8Array | undefined }> {
	const fields: Record<string, string> = {};
	let file: Uint8Array | undefined;
	const type = request.headers["content-type"] ?? "";
	if (!/^(multipart\/form-data|application\/x-www-form-urlencoded)\b/i.test(type)) return { fields, file };
	const form = await new Response(request.body, { headers: { "Content-Type": type } }).formData();
	for (const [key, value] of form) {
		if (typeof value === "string") fields[key] ??= value;
		else if (key === "file") file = new Uint8Array(await value.arrayBuffer());
	}
	return { fields, file };
}

async function upload(packages: PackageStore, request: Request): Promise<Answer> {
	const { fields, file } = await formOf(request);
	const { [directoryField]: directory, ...metadata } = fields;
	if (Object.keys(metadata).some((key) => key.startsWith(reserved)))
		return errorAnswer("provided metadata contains reserved key", 400);
	if (!file) return errorAnswer("missing package file", 400);
	const stored = packages.add(file, metadata, directory);
	return stored ? jsonAnswer(describe(stored)) : errorAnswer("could not store artifact", 500);
}
