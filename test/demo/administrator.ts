/** A person who administers the fleet, through nothing but the server's routes for managers. */
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { WebSocket } from "ws";

interface Answered {
	readonly status: number;
	readonly body: unknown;
}

/** An action as the device offers it. */
export interface OfferedAction {
	readonly action_id: string;
	readonly action_name: string;
	readonly description: string;
}

/** What became of an action that was asked for. */
export type ActionResult =
	| { readonly kind: "done"; readonly status: number; readonly output: string }
	/** The device is away: the server keeps it until it comes. */
	| { readonly kind: "kept" }
	| { readonly kind: "failed" };

export class Administrator {
	readonly #url: string;
	readonly #ca: string;
	#group: number | undefined;

	/** `ca` is the certificate (PEM) of the authority behind the server's. */
	constructor(url: string, ca: string) {
		this.#url = url;
		this.#ca = ca;
	}

	/** Lets a device in that has asked for it. */
	async approve(mac: string): Promise<void> {
		const pending = (await this.#expect(200, "GET", "/api/v1/auth/pending")) as {
			readonly mac_address: string;
			readonly public_key: string;
		}[];
		const found = pending.filter(({ mac_address }) => mac_address === mac).at(-1);
		if (found === undefined) throw new Error(`${mac} has not asked to be let in`);
		const { mac_address, public_key } = found;
		await this.#expect(200, "POST", "/api/v1/auth/register", { mac_address, public_key });
	}

	/** Uploads a firmware and offers it to one device, and nothing else. */
	async offer(mac: string, version: string, deviceType: string, image: Uint8Array): Promise<void> {
		const form = new FormData();
		form.set("rdfm.software.version", version);
		form.set("rdfm.hardware.devtype", deviceType);
		form.set("file", new Blob([image]), `firmware-${version}.bin`);
		const { id } = (await this.#expect(200, "POST", "/api/v1/packages", form)) as { readonly id: number };
		this.#group ??= await this.#makeGroup(mac);
		await this.#expect(200, "POST", `/api/v2/groups/${this.#group}/package`, { packages: [id] });
		await this.#expect(200, "POST", `/api/v2/groups/${this.#group}/policy`, { policy: `exact_match,${version}` });
	}

	/** What the device offers to do; empty while it is not connected. */
	async actions(mac: string): Promise<readonly OfferedAction[]> {
		const { status, body } = await this.#ask("GET", `/api/v2/devices/${mac}/action/list`);
		return status === 200 ? (body as OfferedAction[]) : [];
	}

	/** Has an action done; resolves when the device has answered. */
	async execute(mac: string, action: string): Promise<ActionResult> {
		const { status, body } = await this.#ask("GET", `/api/v2/devices/${mac}/action/exec/${encodeURIComponent(action)}`);
		if (status === 202) return { kind: "kept" };
		if (status !== 200) return { kind: "failed" };
		const { status_code, output } = body as { readonly status_code: number; readonly output: string };
		return { kind: "done", status: status_code, output: Buffer.from(output, "base64").toString("utf8") };
	}

	/** Opens the device's shell: binary messages both ways, and `resize ROWS COLUMNS` as text. */
	shell(mac: string): WebSocket {
		return new WebSocket(`${this.#url.replace("http", "ws")}/api/v1/devices/${mac}/shell`, { ca: this.#ca });
	}

	async #makeGroup(mac: string): Promise<number> {
		const devices = (await this.#expect(200, "GET", "/api/v2/devices")) as {
			readonly id: number;
			readonly mac_address: string;
		}[];
		const device = devices.find(({ mac_address }) => mac_address === mac);
		if (device === undefined) throw new Error("the device has not been let in yet");
		const body = { metadata: { description: "the demo's device" }, priority: 1 };
		const { id } = (await this.#expect(200, "POST", "/api/v2/groups", body)) as { readonly id: number };
		await this.#expect(200, "PATCH", `/api/v2/groups/${id}/devices`, { add: [device.id], remove: [] });
		return id;
	}

	async #expect(status: number, method: string, path: string, body?: FormData | object): Promise<unknown> {
		const answered = await this.#ask(method, path, body);
		if (answered.status !== status)
			throw new Error(`the server answered ${method} ${path} with ${answered.status} ${JSON.stringify(answered.body)}`);
		return answered.body;
	}

	async #ask(method: string, path: string, body?: FormData | object): Promise<Answered> {
		// A Response knows how a form is written.
		const content = body === undefined ? undefined : body instanceof FormData ? new Response(body) : Response.json(body);
		const bytes = Buffer.from((await content?.arrayBuffer()) ?? new ArrayBuffer(0));
		const headers: Record<string, string> = { "Content-Length": String(bytes.length) };
		const type = content?.headers.get("Content-Type");
		if (type) headers["Content-Type"] = type;
		const answer = await new Promise<IncomingMessage>((resolve, reject) => {
			const asked = request(`${this.#url}${path}`, { method, headers, ca: this.#ca, agent: false }, resolve);
			asked.on("error", reject);
			asked.end(bytes);
		});
		const chunks: Buffer[] = [];
		for await (const chunk of answer) chunks.push(chunk as Buffer);
		const text = Buffer.concat(chunks).toString("utf8");
		const json = answer.headers["content-type"]?.startsWith("application/json") === true && text.trim() !== "";
		return { status: answer.statusCode ?? 0, body: json ? (JSON.parse(text) as unknown) : text };
	}
}
