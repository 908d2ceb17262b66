/** A device as the server's own tests need it: a key, metadata, and requests signed as the protocol wants. */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { RdfmServer, type RdfmServerOptions } from "../server";
import { exchange, type RequestParts, type Response, sendJson } from "./client";

/** One key for all devices that do not care: making keys is slow. */
const common = generateKeyPairSync("rsa", { modulusLength: 2048 });

/** The common public key as devices send it. */
export const commonPem = common.publicKey.export({ type: "spki", format: "pem" }).toString();

/** The common private key. */
export const commonKey: KeyObject = createPrivateKey(common.privateKey.export({ type: "pkcs8", format: "pem" }));

/** Metadata with the three mandatory keys. */
export const metadataOf = (mac: string, version = "1.0.0", deviceType = "esp32"): Record<string, string | readonly string[]> => ({
	"rdfm.software.version": version,
	"rdfm.hardware.devtype": deviceType,
	"rdfm.hardware.macaddr": mac,
});

/** Standard base64 of the PKCS#1 v1.5 signature with SHA-256. */
export const signatureOf = (body: string | Uint8Array, key = commonKey): string =>
	sign("sha256", Buffer.from(body), key).toString("base64");

/** Uses a server of its own and stops it, whatever happens. */
export async function withServer<T>(options: RdfmServerOptions, use: (server: RdfmServer) => Promise<T>): Promise<T> {
	const server = new RdfmServer();
	await server.start(options);
	try {
		return await use(server);
	} finally {
		await server.stop();
	}
}

/** A device. */
export class TestDevice {
	readonly server: RdfmServer;
	readonly mac: string;
	readonly parts: RequestParts;
	metadata: Record<string, string | readonly string[]>;
	publicKey = commonPem;
	privateKey = commonKey;
	token = "";

	constructor(server: RdfmServer, mac: string, version?: string, parts: RequestParts = {}) {
		this.server = server;
		this.mac = mac;
		this.parts = parts;
		this.metadata = metadataOf(mac, version);
	}

	/** The body of an authentication request. */
	body(extra: object = {}): string {
		return JSON.stringify({ metadata: this.metadata, public_key: this.publicKey, timestamp: 1_694_681_536, ...extra });
	}

	/** Sends a body with a signature; by default its own and a right one. */
	async authenticate(body: string | Uint8Array = this.body(), signature = signatureOf(body, this.privateKey)): Promise<Response> {
		const response = await this.authenticateAt("/api/v1/auth/device", body, signature);
		if (response.status === 200) this.token = (JSON.parse(response.text) as { token: string }).token;
		return response;
	}

	/** The same to any path, without keeping the token. */
	authenticateAt(
		path: string,
		body: string | Uint8Array = this.body(),
		signature = signatureOf(body, this.privateKey),
	): Promise<Response> {
		const headers = { "Content-Type": "application/json", "X-RDFM-Device-Signature": signature };
		return exchange(this.server.url + path, { ...this.parts, method: "POST", headers, body });
	}

	/** Gets approved and has its token. */
	async enrol(): Promise<this> {
		await this.authenticate();
		this.server.approve(this.mac);
		await this.authenticate();
		return this;
	}

	/** Sends JSON with the token. */
	post(path: string, value: unknown, authorization = `Bearer token=${this.token}`): Promise<Response> {
		return sendJson(this.server.url + path, value, { ...this.parts, headers: { Authorization: authorization } });
	}

	/** Update check with its metadata. */
	check(changes: object = {}): Promise<Response> {
		return this.post("/api/v1/update/check", { ...this.metadata, ...changes });
	}

	/** Sends a batch of log entries. */
	sendLogs(batch: unknown): Promise<Response> {
		return this.post("/api/v1/logs", { batch });
	}
}
