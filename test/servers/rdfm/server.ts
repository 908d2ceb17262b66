/**
 * An RDFM management server for tests and for the demo: authentication, update check, download, logs and the administrator's
 * routes as the real one speaks them, errors included (shared facts, sections B.1 to B.5), plus what a test wants: everything
 * by direct call, a record of every request, and faults.
 */
import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import type { TlsOptions } from "node:tls";
import { Actions } from "./actions";
import { actionAdminRoutes } from "./admin-actions";
import { deviceAdminRoutes } from "./admin-devices";
import { groupAdminRoutes } from "./admin-groups";
import { packageAdminRoutes } from "./admin-packages";
import { authRoutes } from "./auth";
import { httpDate } from "./dates";
import { type Device, DeviceStore, type Registration } from "./devices";
import { Exchanges } from "./exchange";
import { Faults } from "./faults";
import { Files } from "./files";
import { type Group, GroupStore } from "./groups";
import { type Request, Router } from "./http";
import { Listener } from "./listener";
import { LogStore, logRoutes } from "./logs";
import { Management } from "./management";
import { type Package, type PackageMetadata, PackageStore } from "./packages";
import { PartStore } from "./parts";
import { type ConnectionRecord, RequestLog } from "./records";
import { Shells } from "./shells";
import { storageRoutes } from "./storage";
import { Tokens } from "./tokens";
import { type DeviceUpdate, updateRoutes } from "./updates";
import { nextEvent } from "./waiting";

/** How connections are treated: werkzeug closes after each answer, gunicorn keeps them and drops idle ones (facts B.1). */
export type Flavour = "werkzeug" | "gunicorn";

/** What werkzeug sends when the function that served a WebSocket has returned. */
const epilogue = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/** Settings of a server. */
export interface RdfmServerOptions {
	/** 0 or absent: a free one. */
	readonly port?: number;
	/** Address to listen on. */
	readonly host?: string;
	/** Key and certificate, and whatever else Node's TLS server takes. Without it the server speaks plain HTTP. */
	readonly tls?: TlsOptions;
	readonly flavour?: Flavour;
	/** gunicorn's idle time in milliseconds; its default lies between the 1 s that works and the 3 s that does not. */
	readonly idleTimeout?: number;
	/** Parts of the links in offers. The scheme follows `tls`; "http" on a server with TLS is the trap of facts F. */
	readonly link?: { readonly scheme?: "http" | "https"; readonly host?: string; readonly port?: number };
	/** Seconds that a token lives. */
	readonly tokenLifetime?: number;
	/** Approves every device that shows a valid signature; its first request is still refused. */
	readonly autoApprove?: boolean;
	/** Milliseconds from ping to ping on management links; 25,000 if not given. */
	readonly pingInterval?: number;
}

/** Events for whoever watches; requests come through `log`. */
interface ServerEvents {
	connection: [ConnectionRecord];
	pending: [Registration];
	approved: [Device];
	tlsError: [Error];
}

/** The server. What devices and administrators have stored survives `stop()` and `start()`. */
export class RdfmServer {
	readonly events = new EventEmitter<ServerEvents>();
	readonly log = new RequestLog();
	readonly faults = new Faults();
	/** The server's clock, milliseconds since 1970: tokens, dates and the Date header follow it. */
	clock: () => number = Date.now;
	readonly devices = new DeviceStore(() => this.clock());
	readonly packages = new PackageStore(() => this.clock());
	readonly groups = new GroupStore(() => this.clock());
	readonly tokens = new Tokens(() => this.clock());
	readonly logs = new LogStore();
	/** Rows of `device_updates`. */
	readonly updates: DeviceUpdate[] = [];
	readonly connections: ConnectionRecord[] = [];
	/** The devices' WebSockets. */
	readonly management: Management;
	readonly actions: Actions;
	readonly shells: Shells;
	readonly files: Files;
	readonly parts = new PartStore(() => this.clock());
	readonly #router = new Router();
	readonly #ownGroups = new Map<number, Group>();
	#options: RdfmServerOptions = {};
	#listener: Listener | undefined;

	constructor() {
		const { devices, groups, packages, parts, tokens, updates, logs } = this;
		const clock = (): number => this.clock();
		const link = (stored: Package): string => this.link(stored);
		this.management = new Management({
			...{ devices, tokens, updates },
			pingInterval: () => this.#options.pingInterval ?? 25_000,
			epilogue: () => (this.#options.flavour === "gunicorn" ? "" : epilogue),
		});
		this.actions = new Actions(this.management, clock);
		this.shells = new Shells(this.management, tokens);
		this.files = new Files({ management: this.management, devices, parts, origin: () => this.#origin() });
		this.#router.add([
			...authRoutes(devices, tokens),
			...updateRoutes({ devices, groups, packages, tokens, updates, clock, link }),
			...storageRoutes(packages, parts),
			...parts.routes(),
			...logRoutes(logs, devices, tokens, clock),
			...deviceAdminRoutes(devices, groups),
			...packageAdminRoutes(packages, groups, link),
			...groupAdminRoutes(groups, devices, packages),
			...this.management.routes(),
			...actionAdminRoutes(this.actions, this.management),
			...this.files.routes(),
		]);
		devices.changes.on("approved", (device) => this.events.emit("approved", device));
		devices.changes.on("pending", (registration) => {
			this.events.emit("pending", registration);
			if (this.#options.autoApprove) devices.approve(registration.mac, registration.publicKey);
		});
	}

	/** Starts with new settings. */
	async start(options: RdfmServerOptions = {}): Promise<void> {
		if (this.#listener) throw new Error("the server has been started already: stop it first");
		this.#options = options;
		this.tokens.lifetime = options.tokenLifetime ?? 300;
		const exchanges = new Exchanges({
			router: this.#router,
			faults: this.faults,
			log: this.log,
			expireTokens: () => this.expireTokens(),
			connectionHeaders: (request) => this.#connectionHeaders(request),
		});
		this.#listener = new Listener({
			host: options.host ?? "127.0.0.1",
			tls: options.tls,
			idleTimeout: options.idleTimeout ?? 2_000,
			onConnection: (record) => {
				this.connections.push(record);
				this.events.emit("connection", record);
			},
			onRequest: (incoming, outgoing, connection) => void exchanges.serve(incoming, outgoing, connection),
			onUpgrade: (...upgrade) => this.management.upgrade(...upgrade) || this.shells.upgrade(...upgrade),
			onTlsError: (error) => this.events.emit("tlsError", error),
		});
		await this.#listener.listen(options.port ?? 0);
	}

	/** Stops for good; `start` may follow with other settings. */
	async stop(): Promise<void> {
		await this.#listener?.close();
		this.#listener = undefined;
	}

	/** Goes down: connections end, new ones are refused. */
	async down(): Promise<void> {
		await this.#running().close();
	}

	/** Comes back on the same port, TLS sessions still known. */
	async up(): Promise<void> {
		await this.#running().listen(0);
	}

	get port(): number {
		return this.#running().port;
	}

	/** `https://127.0.0.1:port`, without a slash at the end. */
	get url(): string {
		return `${this.#options.tls ? "https" : "http"}://${this.#options.host ?? "127.0.0.1"}:${this.port}`;
	}

	/** The link an offer of this package carries. */
	link(stored: Package): string {
		const { link = {}, tls, host = "127.0.0.1" } = this.#options;
		const scheme = link.scheme ?? (tls ? "https" : "http");
		return `${scheme}://${link.host ?? host}:${link.port ?? this.port}/local_storage/${stored.storagePath}`;
	}

	/** Of links to files: the local driver does not know that the server does TLS. */
	#origin(): string {
		const { link = {}, host = "127.0.0.1" } = this.#options;
		return `${link.scheme ?? "http"}://${link.host ?? host}:${link.port ?? this.port}`;
	}

	/** Registrations that wait for approval. */
	pending(): readonly Registration[] {
		return this.devices.pending();
	}

	/** The pending registration of a device, now or as soon as it appears; rejects after `timeout` milliseconds. */
	waitForPending(mac?: string, timeout = 10_000): Promise<Registration> {
		const fits = (registration: Registration): boolean => mac === undefined || registration.mac === mac;
		const present = this.pending().find(fits);
		if (present) return Promise.resolve(present);
		return nextEvent(
			this.events,
			"pending",
			fits,
			timeout,
			() => `${mac ?? "no device"} did not ask for approval within ${timeout} ms`,
		);
	}

	/** Approves the latest pending key of a device. */
	approve(mac: string): Device {
		const latest = this.pending()
			.filter((registration) => registration.mac === mac)
			.at(-1);
		if (!latest) throw new Error(`${mac} has no pending registration: it must have authenticated once`);
		const outcome = this.devices.approve(mac, latest.publicKey);
		const device = this.devices.find(mac);
		if (outcome !== "approved" || !device) throw new Error(`approving ${mac} ${outcome}`);
		return device;
	}

	/** Uploads a package. Both mandatory keys may be left out to make the server stumble over it. */
	addPackage(content: Uint8Array, metadata: PackageMetadata, directory?: string): Package {
		const stored = this.packages.add(content, metadata, directory);
		if (!stored) throw new Error(`${directory} lies outside the storage`);
		return stored;
	}

	/**
	 * Gives a registered device a policy such as "exact_match,1.1.0" through a group of its own, with the packages named
	 * or else all there are at this moment.
	 */
	assign(mac: string, policy: string, packages = this.packages.all().map(({ id }) => id)): Group {
		const device = this.devices.find(mac);
		if (!device) throw new Error(`${mac} is not registered: approve it first`);
		let group = this.#ownGroups.get(device.id);
		if (!group) {
			group = this.groups.create({ description: `only ${mac}` });
			this.#ownGroups.set(device.id, group);
		}
		const add = group.devices.has(device.id) ? [] : [device.id];
		const conflict =
			this.groups.changeDevices(group, add, [], () => true) ??
			this.groups.changePackages(group, packages, (id) => this.packages.get(id) !== undefined) ??
			this.groups.changePolicy(group, policy);
		if (conflict !== undefined) throw new Error(conflict);
		return group;
	}

	/** Expires every token now. */
	expireTokens(): void {
		this.tokens.expireAll();
	}

	/** Makes the next TLS handshake of every client a full one. */
	forgetTlsSessions(): void {
		this.#running().forgetSessions(randomBytes(48));
	}

	#running(): Listener {
		if (!this.#listener) throw new Error("the server has not been started");
		return this.#listener;
	}

	#connectionHeaders(request: Request): Readonly<Record<string, string>> {
		const keeps = this.#options.flavour === "gunicorn" && !/\bclose\b/i.test(request.headers.connection ?? "");
		return {
			Server: this.#options.flavour === "gunicorn" ? "gunicorn" : "Werkzeug",
			Date: httpDate(this.clock()),
			Connection: keeps ? "keep-alive" : "close",
		};
	}
}
