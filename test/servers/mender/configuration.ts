/** `GET | PUT /api/devices/v1/deviceconfig/configuration`, and the links to configurations that are deployed: facts 1.3 and 1.6. */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { configurationArtifact } from "../../artifacts/configuration";
import { type Answer, bytesAnswer, type Request, type Route } from "../rdfm/http";
import type { Deployments, DeviceDeployment } from "./deployments";
import type { Device } from "./devices";
import { bodyLimit, emptyAnswer, isObject, jsonAnswer, Refusal } from "./http";
import type { Tokens } from "./tokens";

export type Values = Readonly<Record<string, string>>;

/** Characters of keys and values, counted in bytes as Go counts them, and how many there may be. */
export const textLimit = 4_096;
export const entryLimit = 100;

interface Document {
	configured: Values;
	reported: Values;
}

/** By device. */
export class Configurations {
	/** Whether the service is there at all. */
	present = true;
	/** Whether devices may use it: on hosted servers an addition. */
	allowed = true;
	readonly #documents = new Map<string, Document>();

	/** What happens a moment after a device has been accepted. */
	provision({ id }: Device): void {
		if (!this.#documents.has(id)) this.#documents.set(id, { configured: {}, reported: {} });
	}

	decommission({ id }: Device): void {
		this.#documents.delete(id);
	}

	/** What people want of a device: the same bounds as for what it reports. */
	want(device: Device, values: Values): void {
		validate(values);
		this.#document(device).configured = values;
	}

	wanted({ id }: Device): Values | undefined {
		return this.#documents.get(id)?.configured;
	}

	/** What a device has reported last. */
	reported({ id }: Device): Values {
		return this.#documents.get(id)?.reported ?? {};
	}

	report(device: Device, values: Values): void {
		this.#document(device).reported = values;
	}

	/** Writing makes one of a device that is not known. */
	#document(device: Device): Document {
		this.provision(device);
		return this.#documents.get(device.id) ?? { configured: {}, reported: {} };
	}
}

export function configurationRoutes(configurations: Configurations, tokens: Tokens): readonly Route[] {
	const path = /^\/api\/devices\/v1\/deviceconfig\/configuration$/;
	const caller = (request: Request): Device => {
		if (!configurations.present) throw new Refusal(404, "not found");
		const device = tokens.verify(request);
		if (!configurations.allowed) throw new Refusal(403, "forbidden: addon not enabled");
		return device;
	};
	const get = (request: Request): Answer => {
		const values = configurations.wanted(caller(request));
		if (values === undefined) throw new Refusal(404, "device does not exist");
		return jsonAnswer(values);
	};
	const put = (request: Request): Answer => {
		const device = caller(request);
		const values = parse(request);
		for (const [key, value] of Object.entries(values)) checkEntry(key, value);
		// Found out by the store only, which has no words for it.
		if (Object.keys(values).length > entryLimit) throw new Refusal(500, "Internal Server Error");
		configurations.report(device, values as Values);
		return emptyAnswer(204);
	};
	return [
		{ name: "configuration", method: "GET", path, handle: get },
		{ name: "configuration", method: "PUT", path, handle: put },
	];
}

/** There is no look at the type of the content here. */
function parse({ headers, body }: Request): Readonly<Record<string, unknown>> {
	if (Number(headers["content-length"] ?? 0) > bodyLimit) throw new Refusal(413, "http: request body too large");
	let value: unknown;
	try {
		value = JSON.parse(body.toString());
	} catch (error) {
		throw new Refusal(400, `malformed request body: ${(error as Error).message}`);
	}
	if (value === null) return {};
	if (!isObject(value)) throw new Refusal(400, "malformed request body: json: cannot unmarshal into Go value of type map");
	return value;
}

function checkEntry(key: string, value: unknown): void {
	const invalid = (text: string): Refusal => new Refusal(400, `invalid request body: ${text}.`);
	if (key === "") throw invalid("key: cannot be blank");
	if (Buffer.byteLength(key) > textLimit) throw invalid(`key: the length must be no more than ${textLimit}`);
	if (typeof value !== "string") throw invalid(`value: invalid type: ${goType(value)}`);
	if (Buffer.byteLength(value) > textLimit) throw invalid(`value: the length must be no more than ${textLimit}`);
}

function goType(value: unknown): string {
	if (value === null) return "<nil>";
	if (Array.isArray(value)) return "[]interface {}";
	return { number: "float64", boolean: "bool" }[typeof value as string] ?? "map[string]interface {}";
}

/** For tests that set what no server would take. */
function validate(values: Values): void {
	for (const [key, value] of Object.entries(values)) checkEntry(key, value);
	if (Object.keys(values).length > entryLimit) throw new Error(`too many configuration attributes, maximum is ${entryLimit}`);
}

/** Seconds that a link to a configuration is good for. */
export const linkLifetime = 900;

/** Links that need no token: what they lead to is made when somebody follows them. */
export class ConfigurationLinks {
	readonly #clock: () => number;
	readonly #secret = randomBytes(32);

	constructor(clock: () => number) {
		this.#clock = clock;
	}

	/** Path and query, and when it ends. */
	sign({ id, device }: DeviceDeployment, deviceType: string): { readonly path: string; readonly expire: string } {
		const ends = new Date(this.#clock() + linkLifetime * 1000);
		// To the second, as the server writes it into the query.
		const expire = ends.toISOString().replace(/\.\d+/, "");
		const path = `/api/devices/v1/deployments/download/configuration/${id}/${encodeURIComponent(deviceType)}/${device}`;
		const query = new URLSearchParams({
			"x-men-expire": expire,
			"x-men-signature": this.#signature(decodeURIComponent(path), expire),
		});
		return { path: `${path}?${query}`, expire: ends.toISOString() };
	}

	routes(deployments: Deployments): readonly Route[] {
		const path = /^\/api\/devices\/v1\/deployments\/download\/configuration\/([^/]+)\/([^/]+)\/([^/]+)$/;
		const handle = (request: Request, [id = "", deviceType = ""]: readonly string[]): Answer => {
			this.#check(request);
			const { configuration: values, artifact } = deployments.all().find((one) => one.id === id) ?? {};
			if (values === undefined || artifact === undefined) throw new Refusal(404, `deployment with id '${id}' not found`);
			const content = configurationArtifact({ name: artifact.name, deviceType, values });
			return bytesAnswer(200, content, {
				"Content-Type": "application/vnd.mender-artifact",
				"Content-Disposition": 'attachment; filename="artifact.mender"',
			});
		};
		return [{ name: "download", method: "GET", path, handle }];
	}

	#check({ path, query }: Request): void {
		const missing = ["x-men-expire", "x-men-signature"].filter((name) => !query.has(name));
		const invalid = (text: string): Refusal => new Refusal(400, `invalid request parameters: ${text}`);
		if (missing.length > 0) throw invalid(`${missing.map((name) => `${name}: required key is missing`).join("; ")}.`);
		const expire = query.get("x-men-expire") ?? "";
		if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:Z|[+-]\d\d:\d\d)$/.test(expire))
			throw invalid("parameter 'x-men-expire' is not a valid timestamp");
		if (this.#clock() > Date.parse(expire)) throw new Refusal(403, "URL expired");
		const given = Buffer.from(query.get("x-men-signature") ?? "");
		const wanted = Buffer.from(this.#signature(path, expire, query.get("tenant_id") ?? ""));
		if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw new Refusal(403, "signature invalid");
	}

	#signature(path: string, expire: string, tenant = ""): string {
		const text = `GET\n${path}\nx-men-expire=${expire}\ntenant_id=${tenant}\n`;
		return createHmac("sha256", this.#secret).update(text).digest("base64url");
	}
}
