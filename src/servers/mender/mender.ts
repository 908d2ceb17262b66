import Base64 from "base64";
import { FleetlingError } from "fleetling/error/error";
import { frozen } from "fleetling/frozen/frozen";
import TextEncoder from "text/encoder";
import type { DeviceFacts } from "../../agent/facts";
import type { Grant, Introduction, Server, ServerContext, ServerKind } from "../../agent/server";
import { originOf, parseURL } from "../../common/address";
import type { Cancellation } from "../../common/cancellation";
import type { Sink } from "../../common/sink";
import { type Answer, delivered } from "../../common/web";
import type { FinalReport, UpdateView } from "../../update/observer";
import type { Offer } from "../../update/offer";
import type { UpdateState } from "../../update/states";
import { errorText } from "../answers";
import { MenderAPI } from "./api";
import { DeviceConfiguration } from "./configuration";
import { ConnectLink } from "./connect/link";
import { Deployments } from "./deployments";
import { failure } from "./failures";
import { Inventory } from "./inventory";
import {
	attributesOf,
	authenticationBody,
	type DeviceName,
	type Names,
	nextBody,
	nextQuery,
	parseDeployment,
	parseToken,
} from "./messages";

const next = "/deployments/device/deployments/next";

/**
 * A Mender server, hosted or open-source: authentication, deployments and their status, inventory over its device API, and
 * device connect for managers.
 */
export class MenderServer implements Server {
	readonly name: string;
	readonly #context: ServerContext;
	readonly #api: MenderAPI;
	readonly #deployments: Deployments;
	readonly #inventory: Inventory;
	readonly #configuration: DeviceConfiguration;
	readonly #connect: ConnectLink | undefined;
	/** The open-source server has no second version of the question for a deployment. */
	#first = false;
	/** The deployment that was said to be there last: it comes again with every poll. */
	#said = "";

	constructor(context: ServerContext) {
		const { url, web, log, management, wake } = context;
		this.#context = context;
		this.name = `Mender server ${url}`;
		const api = new MenderAPI(web, url);
		this.#api = api;
		const { name } = this;
		const options = { name, api, context };
		this.#deployments = new Deployments(options);
		this.#configuration = new DeviceConfiguration(options);
		const inventory = new Inventory(options);
		this.#inventory = inventory;
		const report = (): void => {
			inventory.renew();
			wake();
		};
		if (management !== undefined) this.#connect = new ConnectLink({ name, url, web, log, management, wake, report });
	}

	async authenticate({ facts, identity }: Introduction, cancellation: Cancellation): Promise<Grant> {
		const { tenantToken, identity: names } = this.#context.settings ?? {};
		const request = { identity: { mac: facts.mac, ...names }, publicPEM: identity.publicPEM, tenantToken };
		// The signature is over the bytes of the body as they are sent, so the body is made once and sent as these bytes.
		const body = new Uint8Array(new TextEncoder().encode(authenticationBody(request)));
		const answer = await this.#api.call({
			...{ method: "POST", path: "/api/devices/v1/authentication/auth_requests", body, cancellation },
			signature: Base64.encode(identity.sign(body)),
		});
		if (answer.status !== 200) throw failure(this.name, "authentication", answer);
		// What lets the device in may have forgotten it meanwhile: dismissed and accepted again it is a new device there.
		this.#inventory.authenticated();
		this.#configuration.authenticated();
		const token = parseToken(answer.body);
		if (token !== undefined) return { token };
		throw new FleetlingError("server.bad-answer", `${this.name} sent no token; check that the configuration key url is right`);
	}

	async check(token: string, facts: DeviceFacts, cancellation: Cancellation): Promise<Offer | undefined> {
		const provides = this.#context.provides?.() ?? {};
		const name: DeviceName = {
			artifact_name: provides.artifact_name ?? facts.settledVersion,
			device_type: facts.deviceType,
		};
		const answer = await this.#next(token, provides, name, cancellation);
		if (answer.status !== 200 && answer.status !== 204) throw failure(this.name, "update check", answer);
		const before = this.#said;
		const offer = answer.status === 200 ? this.#found(answer) : undefined;
		// An update goes first. One that is offered again waits for something, perhaps for days, and not for this.
		if (offer === undefined || offer.id === before) {
			if (this.#inventory.due(name.artifact_name)) await this.#inventory.send(token, attributesOf(facts, provides, name));
			if (this.#configuration.due()) await this.#configuration.sync(token);
		}
		// Not before: it takes a token, and memory that a firmware on trial may not have to spare. A handshake beside another
		// request would take 14 KB more.
		this.#connect?.start();
		return offer;
	}

	/** The link's right is in its query, and the storage is not the server's: the token has no business there. */
	download(_token: string, offer: Offer, sink: Sink, cancellation: Cancellation): Promise<void> {
		const { web, url } = this.#context;
		const elsewhere = originOf(parseURL(offer.url)) !== originOf(parseURL(url));
		// A connection that is kept for the next request costs a device 10 KB, which the package needs.
		if (elsewhere) web.close();
		const end = (error: unknown): never => {
			if (elsewhere) web.close();
			throw error;
		};
		return web.download({ url: offer.url }, sink, cancellation).then((answer) => {
			if (!delivered(answer)) end(failure(this.name, "download", answer));
			if (elsewhere) web.close();
		}, end);
	}

	entered(token: string, state: UpdateState, update: UpdateView): Promise<void> {
		return this.#deployments.entered(token, state, update);
	}

	report(token: string, report: FinalReport): Promise<void> {
		return this.#deployments.report(token, report);
	}

	progress(): void {
		this.#deployments.progress();
	}

	async close(): Promise<void> {
		this.#context.configuration?.settle(true);
		this.#context.web.close();
		await this.#connect?.stop();
	}

	/** The second version where there is one: it knows what a device provides, so that the server can go by it. */
	async #next(token: string, provides: Names, name: DeviceName, cancellation: Cancellation): Promise<Answer> {
		if (!this.#first) {
			const body = nextBody(provides, name);
			const answer = await this.#api.call({ token, method: "POST", path: `/api/devices/v2${next}`, body, cancellation });
			if (answer.status !== 404) return answer;
			// A page is a proxy's, and passes: the service that was asked is being restarted.
			this.#first = errorText(answer.headers.get("content-type"), answer.body) !== undefined;
		}
		return this.#api.call({ token, method: "GET", path: `/api/devices/v1${next}?${nextQuery(name)}`, cancellation });
	}

	#found({ body }: Answer): Offer {
		const { offer, artifact } = parseDeployment(body);
		if (this.#said !== offer.id) this.#context.log.info(`deployment ${offer.id} is of artifact ${artifact}`);
		this.#said = offer.id;
		return offer;
	}
}

export const mender: ServerKind = frozen({
	// Half a second to make on a small chip, where RSA of 3072 bits takes minutes; the server takes both.
	keyType: "p-256",
	otherKeyTypes: ["rsa-3072", "rsa-2048"],
	wantsLog: true,
	configures: true,
	create: (context) => new MenderServer(context),
});
