/** `npm start -- --interactive`: the demo's device and server, driven by a person through a page in a browser. */
import { makeFirmware } from "../../targets/host/tools/firmware";
import { Administrator } from "./administrator";
import type { ActionAnswer, ActionEntry, Fault } from "./page/messages";
import { type Controls, PageServer, Refused } from "./page-server";
import { RdfmBackend } from "./rdfm-backend";
import { Screen } from "./screen";
import { deviceType, firstVersion, mac, Stage } from "./stage";
import { Watch } from "./watch";

export interface InteractiveOptions {
	/** Of the page; 0 takes a free one. */
	readonly port: number;
}

/** esp_app_desc_t has 32 bytes for a version, of which the last is 0; the rest is what people write versions with. */
const versionForm = /^[0-9A-Za-z][0-9A-Za-z.+_-]{0,30}$/;

const settings = {
	// An offer is taken up soon, and the log can still be read.
	pollSeconds: "2",
	// Whoever watches a rollback does not want to wait for 90 s.
	checkInSeconds: "20",
	actions: JSON.stringify([
		{ id: "memory", name: "Memory", description: "What the JavaScript machine uses", command: ["mem"] },
		{ id: "network", name: "Network", description: "Addresses and connections", command: ["net"] },
	]),
} as const;

class Interactive implements Controls {
	readonly #screen = new Screen();
	readonly #stage = new Stage(new RdfmBackend());
	#administrator: Administrator | undefined;
	#watch: Watch | undefined;
	#page: PageServer | undefined;
	#switching: Promise<void> = Promise.resolve();

	async start({ port }: InteractiveOptions): Promise<void> {
		const stage = this.#stage;
		await stage.build();
		stage.makeFlash(await makeFirmware({ version: firstVersion }));
		await stage.startServer();
		this.#administrator = new Administrator(stage.server.url, stage.ca);
		this.#watch = new Watch(stage);
		this.#page = new PageServer(this, this.#watch);
		const address = await this.#page.listen(port);
		this.#screen.say(stage.server.whereabouts);
		this.#screen.say(`a simulated ESP32 (${stage.bits}-bit XS) with firmware ${firstVersion} is switched on`);
		this.#letIn();
		await this.power(true);
		this.#screen.say(`open this page to watch the device and to work with it: ${address}`);
		this.#screen.say("Ctrl-C ends the demo");
	}

	async close(): Promise<void> {
		await this.#page?.close();
		this.#watch?.close();
		await this.#stage.close();
	}

	async offer(version: string, fault: Fault): Promise<void> {
		const watch = this.#watching;
		if (!versionForm.test(version))
			throw new Refused("A version has up to 31 letters, digits, dots, hyphens, underscores or plus signs.");
		if (version === watch.version) throw new Refused(`Version ${version} runs already. Offer another one.`);
		if (watch.busy) throw new Refused(`Version ${watch.offer?.version} is still under way.`);
		watch.offering(version, fault);
		try {
			const image = await makeFirmware({ version, fault });
			await this.#asking.offer(mac, version, deviceType, image);
			watch.offered();
		} catch (error) {
			watch.offerFailed((error as Error).message);
			throw new Refused(`Version ${version} could not be offered: ${(error as Error).message}`);
		}
	}

	/** One after the other, however fast somebody clicks. */
	power(on: boolean): Promise<void> {
		const stage = this.#stage;
		const switched = this.#switching.then(async () => {
			if (!on) await stage.cutPower();
			else if (!stage.device) this.#watching.switchedOn(stage.switchOn(this.#watching.hooks(), settings));
		});
		this.#switching = switched.catch(() => undefined);
		return switched;
	}

	async actions(): Promise<readonly ActionEntry[]> {
		const actions = await this.#asking.actions(mac);
		return actions.map(({ action_id: id, action_name: name, description }) => ({ id, name, description }));
	}

	execute(action: string): Promise<ActionAnswer> {
		return this.#asking.execute(mac, action);
	}

	shell(): ReturnType<Administrator["shell"]> {
		return this.#asking.shell(mac);
	}

	get #watching(): Watch {
		if (!this.#watch) throw new Refused("The demo is being set up.");
		return this.#watch;
	}

	get #asking(): Administrator {
		if (!this.#administrator) throw new Refused("The demo is being set up.");
		return this.#administrator;
	}

	/** The device is approved as soon as it asks, after a factory reset too: it has a new key then. */
	#letIn(): void {
		this.#stage.server.rdfm.events.on("pending", () => {
			this.#asking.approve(mac).then(
				() => this.#screen.say("the device has asked to be let in, and has been"),
				// It asks again while it has not been approved, so that two requests can be on their way at once.
				() => undefined,
			);
		});
	}
}

/** Runs until Ctrl-C and returns the exit code of the command. */
export async function runInteractive(options: InteractiveOptions): Promise<number> {
	const demo = new Interactive();
	const stopped = new Promise<void>((resolve) => {
		for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => resolve());
	});
	try {
		await Promise.race([demo.start(options), stopped]);
		await stopped;
		process.stdout.write("\n");
		return 0;
	} catch (error) {
		process.stderr.write(`the demo failed: ${(error as Error).message}\n`);
		return 1;
	} finally {
		await demo.close();
	}
}
