/**
 * A Mender server for tests: authentication, inventory, deployments with their conflict rules, statuses, logs, device connect,
 * and a storage host of its own, all as the shared facts (section 1) have them, plus what a test wants: everything by direct call, a record
 * of every request, and faults.
 */
import { EventEmitter } from "node:events";
import type { TlsOptions } from "node:tls";
import { httpDate } from "../rdfm/dates";
import { Exchanges } from "../rdfm/exchange";
import { Faults } from "../rdfm/faults";
import { Listener } from "../rdfm/listener";
import { type ConnectionRecord, RequestLog } from "../rdfm/records";
import { nextEvent } from "../rdfm/waiting";
import { authRoutes } from "./auth";
import { ConfigurationLinks, Configurations, configurationRoutes, type Values } from "./configuration";
import { deploymentRoutes } from "./deployment-routes";
import { type Artifact, Deployments, type DeviceDeployment, final, type Status } from "./deployments";
import { DeviceConnect } from "./device-connect";
import { type AuthSet, type Device, Devices } from "./devices";
import { Router } from "./http";
import { Inventories, inventoryRoutes } from "./inventory";
import { Storage } from "./storage";
import { newId, Tokens } from "./tokens";

export interface MenderServerOptions {
	/** Key and certificate. Without it server and storage speak plain HTTP. */
	readonly tls?: TlsOptions;
	/** Of the storage host, where it has a certificate of its own. */
	readonly storageTls?: TlsOptions;
	/** With the second version of the question for a deployment, as the hosted server has it. */
	readonly hosted?: boolean;
	/** Accepts every device that shows a valid signature; its first request is still refused. */
	readonly autoAccept?: boolean;
}

export class MenderServer {
	readonly events = new EventEmitter<{ pending: [Device] }>();
	readonly log = new RequestLog();
	readonly faults = new Faults();
	/** Those to the storage host too. */
	readonly connections: ConnectionRecord[] = [];
	/** The server's clock, milliseconds since 1970. */
	clock: () => number = Date.now;
	readonly devices = new Devices();
	readonly tokens = new Tokens(this.devices, () => this.clock());
	readonly inventories = new Inventories();
	readonly deployments = new Deployments();
	readonly connect = new DeviceConnect(this.tokens);
	readonly storage = new Storage(() => this.clock());
	readonly configurations = new Configurations();
	readonly #configurationLinks = new ConfigurationLinks(() => this.clock());
	readonly #router = new Router();
	readonly #shelf = new Router();
	#options: MenderServerOptions = {};
	#server: Listener | undefined;
	#store: Listener | undefined;

	constructor() {
		const { devices, tokens, inventories, deployments, storage, configurations, connect } = this;
		const links = this.#configurationLinks;
		const link = (deployment: DeviceDeployment, deviceType: string) => {
			const own = deployment.configuration !== undefined;
			const { path, expire } = own ? links.sign(deployment, deviceType) : storage.sign(deployment);
			return { uri: (own ? this.url : this.storageURL) + path, expire };
		};
		this.#router.add([
			...authRoutes(devices, tokens),
			...inventoryRoutes(inventories, tokens),
			...connect.routes(),
			...configurationRoutes(configurations, tokens),
			...links.routes(deployments),
			...deploymentRoutes({ deployments, tokens, link, hosted: () => this.#options.hosted ?? false }),
		]);
		this.#shelf.add(storage.routes());
		devices.changes.on("pending", (device) => {
			this.events.emit("pending", device);
			if (this.#options.autoAccept) this.#accept(device);
		});
	}

	async start(options: MenderServerOptions = {}): Promise<void> {
		this.#options = options;
		const { tls, storageTls = tls } = options;
		this.#server = await this.#listen(this.#router, tls);
		this.#store = await this.#listen(this.#shelf, storageTls);
	}

	async stop(): Promise<void> {
		await Promise.all([this.#server?.close(), this.#store?.close()]);
	}

	/** Goes down: connections end, new ones are refused. */
	async down(): Promise<void> {
		await this.stop();
	}

	/** Comes back on the same ports. */
	async up(): Promise<void> {
		await Promise.all([this.#server?.listen(0), this.#store?.listen(0)]);
	}

	/** `https://127.0.0.1:port`, without a slash at the end. */
	get url(): string {
		return this.#urlOf(this.#server);
	}

	/** The same of the storage host. */
	get storageURL(): string {
		return this.#urlOf(this.#store);
	}

	/** The device with a key that waits, now or as soon as it asks. */
	async waitForPending(mac: string, timeout = 10_000): Promise<Device> {
		const fits = ({ identity, sets }: Device): boolean => identity.mac === mac && sets.some(({ status }) => status === "pending");
		const present = this.devices.all().find(fits);
		if (present !== undefined) return present;
		const late = (): string => `${mac} did not ask to be let in within ${timeout} ms`;
		return nextEvent(this.events, "pending", fits, timeout, late);
	}

	/** Lets a device in with the key that it has shown last. */
	accept(mac: string): Device {
		const device = this.#device(mac);
		this.#accept(device);
		return device;
	}

	#accept(device: Device): void {
		const { sets } = device;
		this.configurations.provision(device);
		const latest = sets.at(-1);
		for (const set of sets) if (set !== latest && set.status === "accepted") set.status = "rejected";
		if (latest !== undefined) latest.status = "accepted";
	}

	/** Turns the key of a device away that it has shown last. */
	reject(mac: string): void {
		const set: AuthSet | undefined = this.#device(mac).sets.at(-1);
		if (set !== undefined) set.status = "rejected";
	}

	/** Deploys an artifact to a device. */
	deploy(mac: string, artifact: Omit<Artifact, "id">, force = false): DeviceDeployment {
		return this.deployments.create(this.#device(mac), { id: newId(), ...artifact }, force);
	}

	/** What the web interface does with a device's configuration: keeps it as what is wanted, and deploys it. */
	configure(mac: string, values: Values): DeviceDeployment {
		const device = this.#device(mac);
		this.configurations.want(device, values);
		return this.deployments.configure(device, values);
	}

	/** Waits until a deployment has that status; rejects when it ends in another. */
	async until(deployment: DeviceDeployment, status: Status, timeout = 60_000): Promise<void> {
		const { history } = deployment;
		const over = (): boolean => history.includes(status) || final.includes(deployment.status);
		if (!over()) await this.log.next(over, timeout).catch(() => undefined);
		if (history.includes(status)) return;
		// Its log comes after the status.
		if (deployment.log === undefined) await this.log.next(({ route }) => route === "logs", 2_000).catch(() => undefined);
		const seen = this.log.records.map(({ method, path, status: code }) => `${method} ${path} ${code}`).slice(-40);
		const said = (deployment.log ?? []).map(({ message }) => message);
		throw new Error(`no ${status}, only ${history.join(", ")}:\n${[...seen, ...said].join("\n")}`);
	}

	#device(mac: string): Device {
		const device = this.devices.find(mac);
		if (device === undefined) throw new Error(`${mac} is not known: it must have asked once`);
		return device;
	}

	#urlOf(listener: Listener | undefined): string {
		if (listener === undefined) throw new Error("the server has not been started");
		return `${this.#options.tls ? "https" : "http"}://127.0.0.1:${listener.port}`;
	}

	async #listen(router: Router, tls: TlsOptions | undefined): Promise<Listener> {
		const { faults, log, tokens, connections } = this;
		const exchanges = new Exchanges({
			...{ router, faults, log, expireTokens: () => tokens.expireAll() },
			connectionHeaders: () => ({ Date: httpDate(this.clock()) }),
		});
		const listener = new Listener({
			...{ host: "127.0.0.1", tls, idleTimeout: 30_000 },
			onConnection: (record) => void connections.push(record),
			onRequest: (incoming, outgoing, connection) => void exchanges.serve(incoming, outgoing, connection),
			onUpgrade: (incoming, stream, head) => router === this.#router && this.connect.upgrade(incoming, stream, head),
			onTlsError: () => undefined,
		});
		await listener.listen(0);
		return listener;
	}
}
