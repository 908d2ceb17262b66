/**
 * Tells full TLS handshakes from resumed ones by looking at the records that pass, without any key.
 *
 * TLS 1.2 (RFC 5246, 7.3): a full handshake shows the server's Certificate message, an abbreviated one goes from ServerHello
 * (and perhaps NewSessionTicket) straight to ChangeCipherSpec. TLS 1.3 (RFC 8446, 4.2.11): a resumed one has the
 * pre_shared_key extension in ServerHello; the certificate itself is encrypted.
 */

/** Which way bytes go. */
export type Direction = "toServer" | "toClient";

/** What is known of a connection's handshake. */
export interface Handshake {
	readonly version: "TLSv1.2" | "TLSv1.3" | undefined;
	readonly kind: "full" | "resumed" | undefined;
	/** Both sides have sent their Finished. */
	readonly completed: boolean;
	/** Bytes of the handshake, both ways, until then. */
	readonly bytes: number;
}

const recordHeader = 5;
const contentType = { changeCipherSpec: 20, handshake: 22, applicationData: 23 } as const;
const messageType = { serverHello: 2, certificate: 11 } as const;
const extensionType = { preSharedKey: 41, supportedVersions: 43 } as const;

/** SHA-256 of "HelloRetryRequest": the random of a ServerHello that is none (RFC 8446, 4.1.3). */
const retryRandom = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c";

/** An encrypted alert of TLS 1.3 is 2 bytes, a type and a tag of 16; a Finished is at least 32 bytes longer. */
const longestEncryptedAlert = 24;

interface Side {
	/** Bytes of a record that has not arrived completely. */
	records: Buffer;
	/** Bytes of plain handshake messages, which may span records. */
	messages: Buffer;
	/** ChangeCipherSpec was sent: what follows is encrypted. */
	changed: boolean;
	finished: boolean;
}

const side = (): Side => ({ records: Buffer.alloc(0), messages: Buffer.alloc(0), changed: false, finished: false });

/** Watches one connection. */
export class HandshakeObserver {
	readonly #sides: Readonly<Record<Direction, Side>> = { toServer: side(), toClient: side() };
	#state: "unknown" | "tls" | "other" = "unknown";
	#version: Handshake["version"];
	#kind: Handshake["kind"];
	#bytes = 0;

	/** What was seen so far; undefined while the client has not begun a TLS handshake. */
	get handshake(): Handshake | undefined {
		if (this.#state !== "tls") return undefined;
		return { version: this.#version, kind: this.#kind, completed: this.#completed, bytes: this.#bytes };
	}

	/** Looks at bytes that go through. Costs nothing once the handshake is over. */
	feed(direction: Direction, bytes: Uint8Array): void {
		if (this.#state === "other" || this.#completed) return;
		if (this.#state === "unknown" && direction === "toServer") this.#state = bytes[0] === contentType.handshake ? "tls" : "other";
		if (this.#state !== "tls") return;
		this.#bytes += bytes.byteLength;
		const from = this.#sides[direction];
		from.records = Buffer.concat([from.records, bytes]);
		while (from.records.length >= recordHeader) {
			const length = from.records.readUInt16BE(3);
			if (from.records.length < recordHeader + length) return;
			this.#record(direction, from.records[0] ?? 0, from.records.subarray(recordHeader, recordHeader + length));
			from.records = from.records.subarray(recordHeader + length);
			if (this.#completed) {
				this.#bytes -= from.records.length;
				return;
			}
		}
	}

	get #completed(): boolean {
		return this.#sides.toServer.finished && this.#sides.toClient.finished;
	}

	#record(direction: Direction, type: number, body: Buffer): void {
		const from = this.#sides[direction];
		if (this.#version === "TLSv1.3") {
			// The server's flight ends before the client's Finished can be sent.
			if (type !== contentType.applicationData) return;
			if (direction === "toServer" && body.length > longestEncryptedAlert) {
				from.finished = true;
				this.#sides.toClient.finished = true;
			}
			return;
		}
		if (type === contentType.changeCipherSpec) {
			from.changed = true;
			if (direction === "toClient") this.#kind ??= "resumed";
		} else if (type === contentType.handshake) {
			if (from.changed) from.finished = true;
			else if (direction === "toClient") this.#messages(from, body);
		}
	}

	/** The server's plain messages. */
	#messages(from: Side, body: Buffer): void {
		from.messages = Buffer.concat([from.messages, body]);
		while (from.messages.length >= 4) {
			const end = 4 + from.messages.readUIntBE(1, 3);
			if (from.messages.length < end) return;
			const type = from.messages[0];
			if (type === messageType.serverHello) this.#serverHello(from.messages.subarray(4, end));
			if (type === messageType.certificate) this.#kind = "full";
			from.messages = from.messages.subarray(end);
		}
	}

	#serverHello(hello: Buffer): void {
		if (hello.subarray(2, 34).toString("hex") === retryRandom) return;
		const extensions = extensionsOf(hello);
		const thirteen = extensions.has(extensionType.supportedVersions);
		this.#version = thirteen ? "TLSv1.3" : "TLSv1.2";
		if (thirteen) this.#kind = extensions.has(extensionType.preSharedKey) ? "resumed" : "full";
	}
}

/** Types of the extensions in a ServerHello: version (2), random (32), session id, cipher (2), compression (1), extensions. */
function extensionsOf(hello: Buffer): ReadonlySet<number> {
	const types = new Set<number>();
	let at = 34 + 1 + (hello[34] ?? 0) + 3 + 2;
	while (at + 4 <= hello.length) {
		types.add(hello.readUInt16BE(at));
		at += 4 + hello.readUInt16BE(at + 2);
	}
	return types;
}
