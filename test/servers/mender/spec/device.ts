/** A device for the server's own tests: plain requests, everything visible. */
import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { exchange, type RequestParts, type Response } from "../../rdfm/spec/client";
import type { Artifact, DeviceDeployment } from "../deployments";
import type { MenderServer } from "../server";

export const api = "/api/devices/v1";
export const authPath = `${api}/authentication/auth_requests`;
export const nextPath = `${api}/deployments/device/deployments/next`;
export const inventoryPath = `${api}/inventory/device/attributes`;

const pair = generateKeyPairSync("ec", { namedCurve: "P-256" });

export const pemOf = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }).toString();

export function signatureOf(body: string, key: KeyObject = pair.privateKey): string {
	return sign(key.asymmetricKeyType === "ed25519" ? null : "sha256", Buffer.from(body), key).toString("base64");
}

export class TestDevice {
	token = "";
	readonly server: MenderServer;
	readonly mac: string;
	publicPEM = pemOf(pair.publicKey);
	privateKey: KeyObject = pair.privateKey;

	constructor(server: MenderServer, mac: string) {
		this.server = server;
		this.mac = mac;
	}

	body(changes: Readonly<Record<string, unknown>> = {}): string {
		return JSON.stringify({ id_data: JSON.stringify({ mac: this.mac }), pubkey: this.publicPEM, ...changes });
	}

	async authenticate(body = this.body(), signature: string | undefined = signatureOf(body, this.privateKey)): Promise<Response> {
		const headers = { "Content-Type": "application/json", ...(signature !== "" && { "X-MEN-Signature": signature }) };
		const response = await exchange(this.server.url + authPath, { method: "POST", body, headers });
		if (response.status === 200) this.token = response.text;
		return response;
	}

	/** Shows itself, is let in, gets a token. */
	async enrol(): Promise<this> {
		await this.authenticate();
		this.server.accept(this.mac);
		await this.authenticate();
		return this;
	}

	send(method: string, path: string, body?: unknown, parts: RequestParts = {}): Promise<Response> {
		const text = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body);
		return exchange(this.server.url + path, {
			method,
			...(text !== undefined && { body: text }),
			...parts,
			headers: {
				...(text !== undefined && { "Content-Type": "application/json" }),
				Authorization: `Bearer ${this.token}`,
				...parts.headers,
			},
		});
	}

	next(artifactName = "release-v1", deviceType = "thing"): Promise<Response> {
		const query = new URLSearchParams({ artifact_name: artifactName, device_type: deviceType });
		return this.send("GET", `${nextPath}?${query}`);
	}

	status(id: string, status: unknown, substate?: unknown): Promise<Response> {
		return this.send("PUT", `${api}/deployments/device/deployments/${id}/status`, { status, substate });
	}

	log(id: string, body: unknown): Promise<Response> {
		return this.send("PUT", `${api}/deployments/device/deployments/${id}/log`, body);
	}

	deploy(artifact: Partial<Artifact> = {}, force = false): DeviceDeployment {
		const content = Buffer.from("an artifact of some length");
		return this.server.deploy(this.mac, { name: "release-v2", deviceTypes: ["thing"], content, ...artifact }, force);
	}
}

/** The text of an error body, whose number the header repeats. */
export function errorOf(response: Response): string {
	const { error, request_id: id } = JSON.parse(response.text) as Record<string, string>;
	if (id !== response.headers["x-men-requestid"]) throw new Error("the number of the request is not that of the header");
	return error ?? "";
}
