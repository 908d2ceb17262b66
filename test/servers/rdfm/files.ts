/** Files of devices (facts F): the probe, the parts, and what becomes of a device's answers. */
import { randomUUID } from "node:crypto";
import type { DeviceLink, Ending } from "./device-link";
import { endings } from "./device-link";
import type { DeviceMessage } from "./device-messages";
import type { DeviceStore } from "./devices";
import { type Answer, errorAnswer, jsonAnswer, type Request, type Route, requireJson } from "./http";
import type { Management, MessageHandler } from "./management";
import type { PartStore } from "./parts";
import { record, schemaError, text } from "./schema";

/** What the administrator gets. */
export interface FileOutcome {
	readonly status: number;
	/** Leads nowhere when the device has told wrong ETags. */
	readonly url: string;
}

type Reply = Extract<DeviceMessage, { readonly method: "fs_file_probe_reply" | "fs_file_download_reply" }>;

interface Waiting {
	readonly link: DeviceLink;
	readonly method: Reply["method"];
	readonly take: (reply: Reply) => void;
}

const fileRule = record<{ readonly file: string }>({ file: text });

/** S3's own limit. */
const mostParts = 10_000;

export interface FilesWorld {
	readonly management: Management;
	readonly devices: DeviceStore;
	readonly parts: PartStore;
	/** `http://host:port` of the links. With the local driver never https, whatever the server speaks. */
	readonly origin: () => string;
}

export class Files implements MessageHandler {
	/** Bytes of a part; the real server's 10 MiB. */
	partSize = 10_485_760;
	readonly #world: FilesWorld;
	readonly #waiting = new Map<string, Waiting>();

	constructor(world: FilesWorld) {
		this.#world = world;
		world.management.add(this);
	}

	/** What the administrator's request does. There is no time-out: when the connection breaks it hangs. */
	async fetch(link: DeviceLink, file: string): Promise<FileOutcome> {
		const probe = await this.#ask(link, "fs_file_probe_reply", { method: "fs_file_probe", file });
		// An empty file cannot be fetched.
		if (probe.method !== "fs_file_probe_reply" || probe.status !== 0 || probe.size === 0) return { status: 1, url: "" };
		const { parts, origin } = this.#world;
		const count = Math.min(Math.ceil(probe.size / this.partSize), mostParts);
		const names = parts.begin(count);
		const reply = await this.#ask(link, "fs_file_download_reply", {
			method: "fs_file_download",
			file,
			upload_urls: names.map((name) => `${origin()}/local_storage_multipart/parts/${name}`),
			part_size: count === 1 ? probe.size : this.partSize,
		});
		if (reply.method !== "fs_file_download_reply" || reply.status !== 0) return { status: reply.status, url: "" };
		return { status: 0, url: `${origin()}/local_storage/${parts.finish(names, reply.etags)}` };
	}

	/** What became of the file that `url` leads to. */
	content(url: string): Uint8Array | undefined {
		return this.#world.parts.stored(url.split("/").at(-1) ?? "")?.content;
	}

	handle(message: DeviceMessage, link: DeviceLink): { readonly ending?: Ending } | undefined {
		if (message.method !== "fs_file_probe_reply" && message.method !== "fs_file_download_reply") return undefined;
		const waiting = this.#waiting.get(message.id);
		if (waiting === undefined || waiting.link !== link || waiting.method !== message.method)
			return { ending: endings.invalidFile };
		this.#waiting.delete(message.id);
		waiting.take(message);
		return {};
	}

	/** `POST /api/v2/devices/<number>/fs/file` */
	routes(): readonly Route[] {
		const handle = async (request: Request, [id]: readonly string[]): Promise<Answer> => {
			const checked = fileRule(requireJson(request));
			if (!checked.ok) return schemaError(checked.errors);
			const device = this.#world.devices.get(Number(id));
			if (device === undefined) return errorAnswer("device does not exist", 404);
			const link = this.#world.management.linkOf(device.mac);
			if (link === undefined || link.capabilities.filesystem !== true) return errorAnswer("device is not connected", 404);
			const { status, url } = await this.fetch(link, checked.value.file);
			return jsonAnswer({ status, url });
		};
		return [{ name: "admin", method: "POST", path: /^\/api\/v2\/devices\/(\d+)\/fs\/file$/, handle }];
	}

	#ask(link: DeviceLink, method: Reply["method"], question: Parameters<DeviceLink["send"]>[0]): Promise<Reply> {
		const id = randomUUID();
		return new Promise((take) => {
			this.#waiting.set(id, { link, method, take });
			link.send({ ...question, id });
		});
	}
}
