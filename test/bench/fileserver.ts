/**
 * A process that serves one file from memory over HTTP and HTTPS, as fast as Node can, and shakes hands with whoever
 * wants no more than that. Started by peers.ts; one process for everybody who is compared.
 */
import { readFileSync } from "node:fs";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TlsOptions } from "node:tls";

export interface FileServerSetup {
	readonly file: string;
	/** Name of a listener to its TLS options; plain HTTP without. */
	readonly listeners: Readonly<Record<string, TlsOptions | null>>;
	/** Bytes per second of each transfer: a line of that speed. As fast as it goes when absent. */
	readonly rate?: number;
}

/** Handed to the socket at a time: some records, so that the next ones are encrypted while these travel. */
const blockSize = 256 * 1024;
/** Milliseconds between two blocks of a line of limited speed. */
const pace = 10;

function serve(content: Buffer, rate: number | undefined): RequestListener {
	return (_, response) => {
		response.writeHead(200, { "Content-Type": "application/octet-stream", "Content-Length": content.length });
		if (rate !== undefined) {
			const begun = performance.now();
			let sent = 0;
			const timer = setInterval(() => {
				const due = Math.min(content.length, Math.ceil((rate * (performance.now() - begun)) / 1000));
				response.write(content.subarray(sent, due));
				sent = due;
				if (sent < content.length) return;
				clearInterval(timer);
				response.end();
			}, pace);
			response.on("close", () => clearInterval(timer));
			return;
		}
		let offset = 0;
		const send = (): void => {
			while (offset < content.length) {
				const block = content.subarray(offset, offset + blockSize);
				offset += block.length;
				if (!response.write(block)) {
					response.once("drain", send);
					return;
				}
			}
			response.end();
		};
		send();
	};
}

process.once("message", async (message) => {
	const { file, listeners, rate } = message as FileServerSetup;
	const handle = serve(readFileSync(file), rate);
	const ports: Record<string, number> = {};
	for (const [name, tls] of Object.entries(listeners)) {
		const server = tls === null ? createServer(handle) : createSecureServer(tls, handle);
		server.on("clientError", (_, socket) => socket.destroy());
		await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
		ports[name] = (server.address() as AddressInfo).port;
	}
	process.send?.(ports);
});
process.once("disconnect", () => process.exit());
