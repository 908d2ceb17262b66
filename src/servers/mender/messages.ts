import TextDecoder from "text/decoder";
import type { DeviceFacts } from "../../agent/facts";
import { type Fields, parseObject } from "../../common/json";
import type { Offer } from "../../update/offer";

/** Texts by name: what a device is known by, or what it provides. */
export type Names = Readonly<Record<string, string>>;

export interface AuthenticationRequest {
	readonly identity: Names;
	/** SubjectPublicKeyInfo: the server refuses every other form. */
	readonly publicPEM: string;
	readonly tenantToken: string | undefined;
}

/**
 * Body of POST …/authentication/auth_requests. `id_data` is a text that holds a JSON object. The server sorts its keys
 * before it compares; they are sorted here too, so that the same device always sends the same bytes.
 */
export function authenticationBody({ identity, publicPEM, tenantToken }: AuthenticationRequest): string {
	const sorted = Object.fromEntries(Object.entries(identity).sort(([one], [other]) => (one < other ? -1 : 1)));
	const body = { id_data: JSON.stringify(sorted), pubkey: publicPEM };
	return JSON.stringify(tenantToken === undefined ? body : { ...body, tenant_token: tenantToken });
}

/** Answer 200 to it: the token itself and nothing around it. What is in the token is none of the device's business. */
export function parseToken(body: Uint8Array): string | undefined {
	let end = body.length;
	while (end > 0 && (body[end - 1] === 0x0a || body[end - 1] === 0x0d)) end--;
	if (end === 0 || end > longestToken) return undefined;
	for (let at = 0; at < end; at++) {
		const code = body[at] ?? 0;
		// It goes into a header line.
		if (code < 0x21 || code > 0x7e) return undefined;
	}
	return new TextDecoder().decode(body.subarray(0, end));
}

// The server's own have 700 characters with an RSA key of 2048 bits.
const longestToken = 3_072;

/** What the device is asked about by all requests for a deployment. */
export type DeviceName = Readonly<Record<"artifact_name" | "device_type", string>>;

/** Body of POST /api/devices/v2/…/next, which matches dependencies on the server. */
export function nextBody(provides: Names, name: DeviceName): string {
	return JSON.stringify({ device_provides: { ...provides, ...name } });
}

/** Query of GET /api/devices/v1/…/next. */
export function nextQuery({ artifact_name, device_type }: DeviceName): string {
	return `artifact_name=${encodeURIComponent(artifact_name)}&device_type=${encodeURIComponent(device_type)}`;
}

/** A deployment, as an offer, and the name of its artifact for the log. */
export interface Deployment {
	readonly offer: Offer;
	readonly artifact: string;
}

/** Answer 200 to either. The package carries its own checksums; the link ends after a day and has its right in its query. */
export function parseDeployment(body: Uint8Array): Deployment {
	const what = "Mender's deployment";
	const fields = parseObject(body, what);
	const artifact = fields.object("artifact");
	const source = artifact.object("source");
	const method = source.optional("method", (present: Fields) => present.text("method"));
	if (method !== undefined && method !== "GET") throw source.bad(`has to be fetched with ${method}`);
	const id = fields.text("id", longestId);
	// It goes into paths. What cannot would be installed, and how that ended could never be told.
	if (!isId(id)) throw fields.bad('has an "id" with other characters than letters, digits, "-" and "_"');
	const offer = { id, url: source.text("uri") };
	return { offer, artifact: artifact.text("artifact_name") };
}

// A UUID has 36 characters.
const longestId = 64;

const idCharacters = "abcdefghijklmnopqrstuvwxyz0123456789-_";

function isId(text: string): boolean {
	for (let at = 0; at < text.length; at++) if (!idCharacters.includes(text.charAt(at).toLowerCase())) return false;
	return true;
}

/** Most attributes that the server takes. */
const mostAttributes = 100;

/** What the inventory shows, mandatory names last so that nothing replaces them. */
export function attributesOf({ version, mac, others, condition }: DeviceFacts, provides: Names, name: DeviceName): Names {
	const all = { ...provides, ...others, ...condition, firmware_version: version, mac, ...name };
	const given = Object.entries(all).filter(([, value]) => value !== "");
	return Object.fromEntries(given.slice(-mostAttributes));
}
