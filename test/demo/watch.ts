/** Follows a device from outside: its console, its boots, its link to the server, its flash. What the page shows comes from here. */
import { EventEmitter } from "node:events";
import type { DeviceEvent, HostDevice } from "../../targets/host/tools/hostdevice";
import { FlashView } from "./flash-view";
import type { Fault, LogLine, Offer, OfferStage, Presence, Slot, Snapshot } from "./page/messages";
import type { RdfmBackend } from "./rdfm-backend";
import { type DeviceHooks, mac, type Stage } from "./stage";

/** Lines of the console that are kept for a page that is opened later. */
const keptLines = 2_000;
/** Milliseconds between two looks at what says nothing by itself: flash and link. */
const lookEvery = 100;

/**
 * Milliseconds after a boot in which a device without a connection counts as restarting. A chip takes that long; here it
 * would be over before anybody has seen it.
 */
const restartTime = 1_500;

/** Milliseconds in which a device that has heard of an offer begins to fetch it, unless it does not want to. */
const takingTime = 3_000;

type MutableOffer = { -readonly [Key in keyof Offer]: Offer[Key] };

export class Watch {
	readonly events = new EventEmitter<{ snapshot: [Snapshot]; lines: [readonly LogLine[]] }>();
	readonly #stage: Stage<RdfmBackend>;
	readonly #flash: FlashView;
	readonly #timer: NodeJS.Timeout;
	readonly #lines: LogLine[] = [];
	#unsent: LogLine[] = [];
	#count = 0;
	#rest = "";
	#shown = "";
	/** Since the power came: boots, and whether the one that runs has been connected. */
	#boots = 0;
	#up = false;
	#bootedAt = 0;
	#wasConnected = false;
	#reason = "";
	#version = "";
	#slot = "";
	#memory: { used: number; limit: number } | undefined;
	#offer: MutableOffer | undefined;
	/** When the device heard of the offer. */
	#heardAt: number | undefined;
	/** What it said to a package that has failed before. It says so once, and leaves the package alone from then on. */
	#knownBad = "it knows of the offer and leaves it alone";
	/** Shells that people have open. */
	shells = 0;

	constructor(stage: Stage<RdfmBackend>) {
		this.#stage = stage;
		this.#flash = new FlashView(stage.flash);
		// A device that sends progress for each percent is heard many times a second: the page is told ten times.
		this.#timer = setInterval(() => this.#look(), lookEvery);
		this.events.setMaxListeners(0);
		stage.server.log.events.on("request", ({ route, status }) => {
			if (route === "check" && status === 200 && this.#offer?.stage === "offered") this.#heardAt ??= Date.now();
		});
	}

	close(): void {
		clearInterval(this.#timer);
	}

	/** What a device has to be switched on with. */
	hooks(): DeviceHooks {
		return { onConsole: (text) => this.#console(text), onEvent: (event) => this.#event(event) };
	}

	/** The power has come. */
	switchedOn(device: HostDevice): void {
		this.#boots = 0;
		this.#up = false;
		this.#wasConnected = false;
		this.#reason = "";
		device.done.then(
			({ code, signal }) => {
				this.#up = false;
				this.#reason ||= signal === "SIGKILL" ? "its power was cut" : `its process ended (${code ?? signal})`;
			},
			(error: Error) => {
				this.#reason = error.message;
			},
		);
	}

	/** The lines after number `after`. */
	linesAfter(after: number): readonly LogLine[] {
		return this.#lines.filter(({ number }) => number > after);
	}

	get offer(): Offer | undefined {
		return this.#offer;
	}

	get version(): string {
		return this.#version;
	}

	/** Whether the last offer is being dealt with, so that another one would come across it. */
	get busy(): boolean {
		const stage = this.#offer?.stage;
		if (stage === "preparing") return true;
		return this.#stage.device !== undefined && (stage === "downloading" || stage === "on trial");
	}

	offering(version: string, fault: Fault): void {
		this.#offer = { version, fault, stage: "preparing", percent: 0 };
		this.#heardAt = undefined;
	}

	offered(): void {
		if (this.#offer?.stage === "preparing") this.#offer.stage = "offered";
	}

	/** It could not even be offered. */
	offerFailed(reason: string): void {
		if (this.#offer) this.#settle("refused", reason);
	}

	snapshot(): Snapshot {
		const writing = this.#offer?.stage === "downloading";
		return {
			presence: this.#presence(),
			reason: this.#reason,
			mac,
			version: this.#version,
			slots: this.#slots(writing),
			...(this.#offer && { offer: { ...this.#offer } }),
			...(this.#memory && { memory: this.#memory }),
			shellOpen: this.shells > 0,
		};
	}

	#slots(writing: boolean): readonly Slot[] {
		return this.#version === "" ? [] : this.#flash.slots(this.#stage.device ? this.#slot : "", writing);
	}

	#presence(): Presence {
		if (!this.#stage.device) return "off";
		if (!this.#up) return this.#boots > 0 ? "restarting" : "starting";
		if (this.#stage.server.rdfm.management.linkOf(mac) !== undefined) {
			this.#wasConnected = true;
			this.#reason = "";
			return "connected";
		}
		if (this.#wasConnected) return "away";
		return this.#boots > 1 && Date.now() - this.#bootedAt < restartTime ? "restarting" : "starting";
	}

	#look(): void {
		if (this.#unsent.length > 0) this.events.emit("lines", this.#unsent.splice(0));
		// It has to be looked at before it is compared: a confirmed slot shows in flash only.
		const snapshot = this.snapshot();
		const offer = this.#offer;
		if (offer?.stage === "on trial" && this.#version === offer.version) {
			if (snapshot.slots.some(({ running, state }) => running && state === "confirmed")) this.#settle("confirmed");
		}
		const late = this.#heardAt !== undefined && Date.now() - this.#heardAt > takingTime;
		if (offer?.stage === "offered" && late) this.#settle("refused", this.#knownBad);
		const text = JSON.stringify(snapshot);
		if (text === this.#shown) return;
		this.#shown = text;
		this.events.emit("snapshot", snapshot);
	}

	#event(event: DeviceEvent): void {
		const { event: name } = event;
		if (name === "boot") this.#booted(String(event.version), String(event.slot), String(event.state));
		else if (name === "reset") {
			this.#up = false;
			this.#wasConnected = false;
			this.#reason ||= resetReasons[String(event.reason)] ?? String(event.reason);
			// However short it is, it is seen.
			this.#look();
		} else if (name === "panic") this.#reason = `its firmware ended with ${String(event.why)}`;
		else if (name === "halt") this.#reason = String(event.reason);
		else if (name === "memory") {
			const used = Math.max(this.#memory?.used ?? 0, Number(event.used));
			this.#memory = { used, limit: Number(event.limit) };
		}
	}

	#booted(version: string, slot: string, state: string): void {
		this.#boots += 1;
		this.#up = true;
		this.#bootedAt = Date.now();
		this.#wasConnected = false;
		this.#version = version;
		this.#slot = slot;
		const offer = this.#offer;
		if (offer === undefined) return;
		if (version === offer.version && state === "pending-verify") offer.stage = "on trial";
		else if (version !== offer.version && offer.stage === "on trial") this.#settle("rolled back");
	}

	#settle(stage: OfferStage, reason?: string): void {
		if (!this.#offer) return;
		this.#offer.stage = stage;
		if (reason !== undefined) this.#offer.reason = reason;
	}

	#console(text: string): void {
		const lines = (this.#rest + text).split("\n");
		this.#rest = lines.pop() ?? "";
		for (const line of lines) {
			const percent = line.match(/download (\d+) %/)?.[1];
			if (percent !== undefined) this.#progress(Number(percent));
			else if (line.trim() !== "") this.#line(line);
		}
	}

	#progress(percent: number): void {
		const offer = this.#offer;
		if (offer === undefined || !fetchable.includes(offer.stage)) return;
		offer.stage = "downloading";
		offer.percent = percent;
	}

	#line(text: string): void {
		this.#count += 1;
		const line = { number: this.#count, text };
		this.#lines.push(line);
		if (this.#lines.length > keptLines) this.#lines.shift();
		this.#unsent.push(line);
		this.#knownBad = text.match(/^W \(\d+\) agent: (update\.known-bad: .*)/)?.[1] ?? this.#knownBad;
		const failure = text.match(/^E \(\d+\) update: (.*)/)?.[1];
		if (failure !== undefined) this.#failed(failure);
	}

	/** What the update engine calls an error is the end of an offer, and says why. */
	#failed(text: string): void {
		const offer = this.#offer;
		if (offer === undefined || offer.stage === "confirmed") return;
		if (offer.stage === "rolled back") offer.reason ??= text;
		else if (offer.stage === "downloading" || offer.stage === "offered") this.#settle("refused", text);
	}
}

/** A device may come back to what it has given up. */
const fetchable: readonly OfferStage[] = ["offered", "downloading", "refused"];

/** Reasons of resets (esp_reset_reason_t) in words; nothing where it was asked for. */
const resetReasons: Readonly<Record<string, string>> = {
	restart: "",
	panic: "its firmware crashed",
	watchdog: "its firmware hung, and the watchdog ended it",
	"power-cut": "its power was cut",
};
