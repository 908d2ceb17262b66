/** The device: where it is, what runs, what its slots hold, and its power. */
import { post, wordsOf } from "./ask.js";
import { element, make, show } from "./elements.js";
import type { Presence, Slot, Snapshot } from "./messages.js";

const words: Readonly<Record<Presence, string>> = {
	off: "off",
	starting: "connecting",
	connected: "connected",
	restarting: "restarting",
	away: "running, not connected",
};

const texts: Readonly<Record<Presence, string>> = {
	off: "The device is off. Nothing can be done with it; what is offered waits for it.",
	starting: "The device has started and is connecting to its server. The very first time it makes its key before.",
	connected: "The device runs and is connected to its server.",
	restarting: "The device is restarting.",
	away: "The device runs and has no connection to its server at the moment.",
};

export class DevicePanel {
	readonly #presence = element("presence", HTMLElement);
	readonly #word = element("presence-word", HTMLElement);
	readonly #text = element("presence-text", HTMLElement);
	readonly #slots = element("slots", HTMLElement);
	readonly #power = element("power", HTMLButtonElement);
	readonly #report: (text: string) => void;
	#off = false;
	#shownSlots = "";

	constructor(report: (text: string) => void) {
		this.#report = report;
		this.#power.addEventListener("click", () => {
			post("power", { on: this.#off }).then(
				() => report(""),
				(error) => report(wordsOf(error)),
			);
		});
	}

	update({ presence, reason, version, mac, memory, slots }: Snapshot): void {
		this.#off = presence === "off";
		this.#presence.dataset.presence = presence;
		show(this.#word, words[presence]);
		show(this.#text, reason === "" ? texts[presence] : `${texts[presence]} The reason: ${reason}.`);
		show(element("version", HTMLElement), version === "" ? "not known yet" : version);
		show(element("mac", HTMLElement), mac);
		if (memory) {
			const [used, limit] = [memory.used, memory.limit].map((bytes) => bytes.toLocaleString("en"));
			show(element("memory", HTMLElement), `${used} bytes at the peak, ${limit} allowed`);
		}
		show(this.#power, this.#off ? "Switch it on" : "Cut the power");
		this.#showSlots(slots);
	}

	/** The command has gone, and with it all that is known. */
	lost(ended: boolean): void {
		this.#presence.dataset.presence = "ended";
		show(this.#word, ended ? "the demo has ended" : "no answer from the demo");
		this.#report(
			ended
				? "The demo has ended. Start it again and open the new address that it prints."
				: "The demo does not answer. What is shown may be out of date.",
		);
	}

	#showSlots(slots: readonly Slot[]): void {
		const shown = JSON.stringify(slots);
		if (shown === this.#shownSlots) return;
		this.#shownSlots = shown;
		this.#slots.replaceChildren(
			...slots.map(({ label, version, state, running }) => {
				const row = make("tr");
				const head = make("th", label);
				head.scope = "row";
				row.append(head, make("td", version ?? "–"), make("td", running ? `${state}, running` : state));
				row.classList.toggle("running", running);
				return row;
			}),
		);
	}
}
