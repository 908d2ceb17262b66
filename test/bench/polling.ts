/** A device that polls a server in one way or another, watched for some polls. */
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type Flavour, RdfmServer } from "../servers/rdfm/server";
import type { Certificates } from "./peers";
import { sum } from "./statistics";
import { copyFlash, mac, Subject } from "./subject";

export interface Scenario {
	readonly name: string;
	readonly flavour: Flavour;
	/** Milliseconds after which the server closes an idle connection. */
	readonly idleTimeout: number;
	readonly pollSeconds: number;
	readonly polls: number;
	/** good: valid all the time; renewed: the device knows that it is about to end; refused: the server has forgotten it (401). */
	readonly token: "good" | "renewed" | "refused";
}

export interface Polls {
	/** TCP connections, and full TLS handshakes, in all polls watched. */
	readonly connections: number;
	readonly fullHandshakes: number;
	readonly requests: number;
	/** Bytes of the HTTP bodies. */
	readonly requestBodies: number;
	readonly answerBodies: number;
}

/** Seconds: the least that the device believes, so that it renews after 25. */
const shortLifetime = 30;
const longLifetime = 3_600;
const stepTimeout = 60_000;
/** Until a connection that the server ends by itself has ended, in milliseconds; well below the time between two polls. */
const settling = 1_000;

/** Something that counts what passes. */
export interface Watch {
	/** Before the device starts; returns the port that it is to connect to. */
	prepare(server: RdfmServer): Promise<number>;
	/** Between two polls: what is to be counted begins. */
	begin(): Promise<void>;
	/** Between two polls: it ends. */
	end(): Promise<void>;
}

const idle = { route: "check", status: 204 } as const;
const nextPoll = (server: RdfmServer): Promise<unknown> =>
	server.log.next(({ route, status }) => route === idle.route && status === idle.status, stepTimeout);

export interface PollingOptions {
	readonly runtime: string;
	/** Flash of a device that has its key. */
	readonly template: string;
	/** Where this device's own is made, and removed. */
	readonly flash: string;
	readonly certificates: Certificates;
}

/** Lets a device settle into polling and watches `scenario.polls` of them. */
export async function watchPolls(
	scenario: Scenario,
	{ runtime, template, flash, certificates }: PollingOptions,
	watch: Watch,
): Promise<Polls> {
	const server = new RdfmServer();
	const { flavour, idleTimeout, token, pollSeconds, polls } = scenario;
	const { keyPEM: key, chainPEM: cert } = certificates.ec;
	const tokenLifetime = token === "renewed" ? shortLifetime : longLifetime;
	await server.start({ flavour, idleTimeout, tokenLifetime, tls: { key, cert } });
	const url = `https://127.0.0.1:${await watch.prepare(server)}`;
	const subject = new Subject({ runtime, flash: copyFlash(template, flash), url, ca: certificates.ca, pollSeconds });
	try {
		await server.waitForPending(mac, stepTimeout);
		server.approve(mac);
		await nextPoll(server);
		await sleep(settling);
		const before = { connections: server.connections.length, records: server.log.records.length };
		await watch.begin();
		for (let poll = 0; poll < polls; poll++) {
			if (token === "refused") server.expireTokens();
			await nextPoll(server);
		}
		await sleep(settling);
		await watch.end();
		const connections = server.connections.slice(before.connections);
		const records = server.log.records.slice(before.records);
		return {
			connections: connections.length,
			fullHandshakes: connections.filter(({ tls }) => tls?.resumed !== true).length,
			requests: records.length,
			requestBodies: sum(records.map(({ bytesReceived }) => bytesReceived)),
			answerBodies: sum(records.map(({ bytesSent }) => bytesSent)),
		};
	} finally {
		await subject.device.cutPower();
		await server.stop();
		rmSync(flash, { force: true });
	}
}
