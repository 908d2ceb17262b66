/** Makes TLS connections one after the other, as the driver describes them, and tells how each of them went. */

import TCP from "embedded:io/socket/tcp";
import Base64 from "base64";
import { Key } from "fleetling/crypto/key";
import { SHA256 } from "fleetling/crypto/sha256";
import type { FleetlingError } from "fleetling/error/error";
import { type SecureOptions, TLSSocket, type TransportConstructor, TrustStore } from "fleetling/tls/tls";
import Hex from "hex";
import { emit, exit, onMessage, parameters } from "test/harness";
import Timer from "timer";
import type { Connection } from "./tls-connection";

/** Bytes sent on the present connection; told to a driver that asks. */
let progress = 0;
const connections = parameters.connections as readonly Connection[];
const sessions: (ArrayBuffer | undefined)[] = [];
const buffer = new Uint8Array(16384);
const pattern = Uint8Array.from({ length: 16384 }, (_, index) => (index * 7 + (index >> 8)) & 255);

const bytesOf = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0));
const digestOf = (hash: SHA256): string => Hex.toString(hash.digest()).toLowerCase();

function sessionFor(connection: Connection): ArrayBuffer | undefined {
	const session = connection.resume === undefined ? undefined : sessions[connection.resume];
	if (session === undefined || connection.damage === undefined) return session;
	if (connection.damage === "noise")
		return Uint8Array.from({ length: session.byteLength }, (_, index) => (index * 31) & 255).buffer;
	if (connection.damage === "cut") return session.slice(0, session.byteLength >> 1);
	const copy = new Uint8Array(session.slice(0));
	copy[connection.damage] = (copy[connection.damage] ?? 0) ^ 0x55;
	return copy.buffer;
}

function secureOf(connection: Connection, trust: TrustStore, onSession: (session: ArrayBuffer) => void): SecureOptions {
	const { serverName, certificate, key, handshakeTimeout, maxFragmentLength, minimumDate } = connection;
	return {
		serverName,
		trust,
		onSession,
		session: sessionFor(connection),
		...(certificate === undefined ? {} : { certificate }),
		...(key === undefined
			? {}
			: { key: connection.asKey ? Key.import(Base64.decode(key.replace(/-----[^-]+-----|\s/g, ""))) : key }),
		...(handshakeTimeout === undefined ? {} : { handshakeTimeout }),
		...(maxFragmentLength === undefined ? {} : { maxFragmentLength }),
		...(minimumDate === undefined ? {} : { minimumDate }),
	};
}

function connect(connection: Connection, index: number, done: () => void): void {
	const trust = new TrustStore(connection.ca);
	const received = new SHA256();
	const uploaded = new SHA256();
	let count = 0;
	let sent = 0;
	let callbacks = 0;
	let text = "";
	let opened: object | undefined;
	let timer: Timer | undefined;
	const finish = (error?: FleetlingError): void => {
		// As any keeper of sessions does: one that was resumed and not replaced is kept.
		sessions[index] ??= sessions[connection.resume ?? index];
		Timer.clear(timer);
		trust.close();
		emit({
			connection: index,
			...opened,
			received: count,
			sent,
			callbacks,
			text,
			sha256: digestOf(received),
			uploaded: digestOf(uploaded),
			session: sessions[index]?.byteLength ?? 0,
			...(error === undefined ? {} : { code: error.code, message: error.message, cause: String(error.cause) }),
		});
		done();
	};
	const take = (socket: TLSSocket, limit: number): number => {
		const bytes = socket.read(limit < buffer.length ? buffer.subarray(0, limit) : buffer);
		if (bytes === 0) return 0;
		received.update(buffer, 0, bytes);
		if (count < 200) for (const byte of buffer.subarray(0, Math.min(bytes, 200 - count))) text += String.fromCharCode(byte);
		count += bytes;
		return bytes;
	};
	const socket = new TLSSocket({
		io: TCP as unknown as TransportConstructor,
		address: connection.address ?? "127.0.0.1",
		port: connection.port,
		secure: secureOf(connection, trust, (session) => {
			sessions[index] = session;
		}),
		onReadable(available) {
			callbacks++;
			if (connection.slow !== undefined && count < connection.slow.total) return;
			while (available > 0) available -= take(this, available);
			if (connection.until !== undefined && count >= connection.until) {
				this.close();
				finish();
			}
		},
		onWritable(room) {
			if (opened === undefined) {
				opened = { opened: true, resumed: this.resumed, protocol: this.protocol, cipherSuite: this.cipherSuite, room };
				emit({ open: index });
				if (connection.send !== undefined) room = this.write(bytesOf(connection.send));
				if (connection.openOnly) {
					this.close();
					finish();
					return;
				}
			}
			const total = connection.upload ?? 0;
			while (room > 0 && sent < total) {
				const size = Math.min(room, total - sent, connection.block ?? pattern.length);
				const block = pattern.subarray(0, size);
				room = this.write(block);
				uploaded.update(block);
				sent += size;
				progress = sent;
			}
		},
		onError(error) {
			finish(error);
		},
	});
	if (connection.slow !== undefined) {
		const { bytes, pause, total } = connection.slow;
		timer = Timer.repeat(() => {
			take(socket, bytes);
			if (count < total) return;
			Timer.clear(timer);
			timer = undefined;
			while (take(socket, buffer.length) > 0);
		}, pause);
	}
}

function run(index: number): void {
	const connection = connections[index];
	if (connection === undefined) {
		emit({ finished: true });
		exit();
	}
	connect(connection, index, () => Timer.set(() => run(index + 1)));
}

onMessage(() => emit({ sent: progress }));
run(0);
