/** Error texts: what happened, to whom, what to do. */

import { type ErrorCode, FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import type { FailureReason, NativeFailure } from "./native";

/** Whom a connection is with, for error texts. */
export interface Peer {
	readonly name: string;
	readonly address: string;
	readonly port: number;
	/** Milliseconds since 1970: the clock by which certificates were judged. */
	readonly now: number;
}

const place = (peer: Peer): string =>
	peer.name === peer.address ? `${peer.address} port ${peer.port}` : `${peer.name} (${peer.address} port ${peer.port})`;

const day = (milliseconds: number): string => new Date(milliseconds).toISOString().slice(0, 19).replace("T", " ");

const clock = (peer: Peer): string => `this device's clock says ${day(peer.now)} UTC`;

/** "certificate «CN=…» of", or "certificate of" when the library did not say which. */
const certificate = (failure: NativeFailure): string =>
	failure.subject ? `certificate «${failure.subject}» of` : "certificate of";

/** Names of alerts that a client can be sent (RFC 8446 section 6, RFC 5246 section 7.2). */
const alerts: Readonly<Record<number, string>> = frozen({
	10: "unexpected message",
	20: "bad record MAC",
	22: "record too large",
	40: "handshake failure",
	41: "no certificate",
	42: "bad certificate",
	43: "unsupported certificate",
	44: "certificate revoked",
	45: "certificate expired",
	46: "certificate unknown",
	47: "illegal parameter",
	48: "unknown CA",
	49: "access denied",
	50: "decode error",
	51: "decrypt error",
	70: "protocol version",
	71: "insufficient security",
	80: "internal error",
	86: "inappropriate fallback",
	90: "user cancelled",
	109: "missing extension",
	110: "unsupported extension",
	112: "unrecognised name",
	115: "unknown PSK identity",
	116: "certificate required",
	120: "no application protocol",
});

const alertName = (failure: NativeFailure): string => {
	const alert = failure.alert ?? -1;
	return alerts[alert] ?? `alert ${alert}`;
};

const number = (failure: NativeFailure): string => `-0x${(-failure.code).toString(16)}`;

/** What to do about an alert during the handshake; without an entry nothing better than the general advice is known. */
const alertAdvice: Readonly<Record<number, string>> = frozen({
	40: "Server and device have no cipher suite or curve in common, or the server wants a client certificate: enable ECDHE with AES-GCM there.",
	70: "Server and device have no TLS version in common: enable TLS 1.2 there, and nothing older.",
	71: "The server demands stronger parameters than this device has.",
	80: "The server has a problem of its own: look into its log.",
	112: "The server does not know that name: check the configured address.",
});

type Describe = (peer: Peer, failure: NativeFailure) => string;

const failures: Readonly<Record<FailureReason, readonly [ErrorCode, Describe]>> = frozen({
	untrusted: [
		"tls.untrusted",
		(peer, failure) => {
			const selfSigned = failure.subject !== undefined && failure.subject !== "" && failure.subject === failure.issuer;
			const signer = selfSigned ? "itself" : failure.issuer ? `«${failure.issuer}»` : "an unknown authority";
			return `The ${certificate(failure)} ${place(peer)} is signed by ${signer}, which this device does not trust. Configure the CA certificate of that server, and let the server send its intermediates.`;
		},
	],
	"wrong-name": [
		"tls.wrong-name",
		(peer, failure) =>
			`The ${certificate(failure)} ${place(peer)} does not name ${peer.name}. Connect by a name that the certificate holds, or have it issued for this one.`,
	],
	expired: [
		"tls.expired",
		(peer, failure) =>
			`The ${certificate(failure)} ${place(peer)} expired${failure.notAfter === undefined ? "" : ` on ${day(failure.notAfter * 1000)} UTC`}; ${clock(peer)}. Renew it, or correct the clock.`,
	],
	"not-yet-valid": [
		"tls.not-yet-valid",
		(peer, failure) =>
			`The ${certificate(failure)} ${place(peer)} is not valid before ${failure.notBefore === undefined ? "some later time" : `${day(failure.notBefore * 1000)} UTC`}; ${clock(peer)}. Set the clock, or have the certificate issued with an earlier start.`,
	],
	"bad-usage": [
		"tls.bad-usage",
		(peer, failure) =>
			`The ${certificate(failure)} ${place(peer)} may not be used by a TLS server. Have it issued with extended key usage serverAuth and key usage digitalSignature.`,
	],
	weak: [
		"tls.weak",
		(peer, failure) =>
			`The ${certificate(failure)} ${place(peer)} has a key or signature that is too weak. Have the chain issued with RSA of at least 2048 bits or a NIST curve, signed with SHA-256 or better.`,
	],
	forged: [
		"tls.forged",
		(peer) =>
			`The server at ${place(peer)} could not prove that the certificate it shows is its own. Somebody may stand between this device and the server.`,
	],
	refused: [
		"tls.refused",
		(peer, failure) =>
			`The server at ${place(peer)} refuses this device's certificate, or the lack of one (${alertName(failure)}). Configure a client certificate that the server accepts.`,
	],
	handshake: [
		"tls.handshake",
		(peer, failure) =>
			failure.alert === undefined
				? `No TLS connection could be agreed on with ${place(peer)} (${number(failure)}). The server must offer TLS 1.2 or newer with ECDHE and AES-GCM or ChaCha20-Poly1305.`
				: `The server at ${place(peer)} refused the TLS connection (${alertName(failure)}). ${alertAdvice[failure.alert] ?? "Look into its log for the reason."}`,
	],
	alert: [
		"tls.alert",
		(peer, failure) =>
			`The server at ${place(peer)} ended the TLS connection with an error (${alertName(failure)}). Connect again; look into the server's log if it happens again.`,
	],
	garbage: [
		"tls.garbage",
		(peer, failure) =>
			`What answers at ${place(peer)} does not speak TLS${failure.excerpt ? `: it said «${failure.excerpt}»` : ""}. Check the port, and whether the server offers https there.`,
	],
	protocol: [
		"tls.protocol",
		(peer, failure) =>
			`The server at ${place(peer)} broke the rules of TLS, or its data was damaged on the way (${number(failure)}). Connect again.`,
	],
	memory: [
		"tls.no-memory",
		(peer) => `There is no memory for a TLS connection to ${place(peer)}. Close other connections first.`,
	],
});

/** The error for what the engine reports. */
export function describeFailure(peer: Peer, failure: NativeFailure): FleetlingError {
	const [code, describe] = failures[failure.reason];
	return new FleetlingError(code, describe(peer, failure));
}

/** What can go wrong without the engine noticing: it does not see the TCP connection. */
export type TransportFailure = "refused" | "closed" | "truncated" | "connect-timeout" | "timeout" | "end" | "callback";

const transportFailures: Readonly<Record<TransportFailure, readonly [ErrorCode, (peer: Peer) => string]>> = frozen({
	refused: [
		"net.refused",
		(peer) => `No connection to ${place(peer)} could be made. Check address and port, and that the server runs.`,
	],
	closed: [
		"tls.closed",
		(peer) =>
			`The server at ${place(peer)} closed the connection in the middle of the TLS handshake. Check that it offers TLS on this port.`,
	],
	truncated: [
		"tls.truncated",
		(peer) => `The connection to ${place(peer)} broke without the end that TLS prescribes: data may be missing. Connect again.`,
	],
	"connect-timeout": [
		"net.timeout",
		(peer) => `${place(peer)} did not answer in time. Check the network and that the server runs.`,
	],
	timeout: [
		"tls.timeout",
		(peer) =>
			`The TLS handshake with ${place(peer)} was not complete in time. Check that the server offers TLS on this port and is not overloaded.`,
	],
	end: ["net.closed", (peer) => `The server at ${place(peer)} closed the connection.`],
	callback: ["tls.callback", (peer) => `A callback of the TLS connection to ${place(peer)} failed.`],
});

export function describeTransport(peer: Peer, failure: TransportFailure, cause?: unknown): FleetlingError {
	const [code, describe] = transportFailures[failure];
	return new FleetlingError(code, describe(peer), { cause });
}
