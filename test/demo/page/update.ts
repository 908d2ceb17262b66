/** Offers: the form, and how far the last one has come. */
import { post, wordsOf } from "./ask.js";
import { element, show } from "./elements.js";
import type { Fault, Offer, OfferStage, Snapshot } from "./messages.js";

const kinds: Readonly<Record<Fault, string>> = {
	none: "which works",
	crash: "which crashes",
	hang: "which hangs",
	offline: "which never checks in",
};

const texts: Readonly<Record<OfferStage, string>> = {
	preparing: "is being built and uploaded",
	offered: "is offered: the device takes it with its next check",
	downloading: "is being downloaded",
	"on trial": "runs on trial: it has to check in, or the old firmware comes back",
	confirmed: "has checked in and is confirmed",
	"rolled back": "has failed its trial, and the old firmware is back",
	refused: "was not installed",
};

/** 1.2.0 after 1.1.0: another version has to be offered each time. */
function next(version: string): string {
	const [, head, middle] = version.match(/^(\d+)\.(\d+)\.\d+$/) ?? [];
	return middle === undefined ? version : `${head}.${Number(middle) + 1}.0`;
}

export class UpdatePanel {
	readonly #version = element("offer-version", HTMLInputElement);
	readonly #form = element("offer", HTMLFormElement);
	readonly #error = element("offer-error", HTMLElement);
	readonly #text = element("offer-text", HTMLElement);
	readonly #reason = element("offer-reason", HTMLElement);
	readonly #progress = element("progress", HTMLProgressElement);
	readonly #percent = element("percent", HTMLElement);

	constructor() {
		this.#form.addEventListener("submit", (event) => {
			event.preventDefault();
			void this.#offer();
		});
	}

	async #offer(): Promise<void> {
		const version = this.#version.value.trim();
		const fault = new FormData(this.#form).get("fault");
		show(this.#error, "");
		try {
			await post("offer", { version, fault });
			this.#version.value = next(version);
		} catch (error) {
			show(this.#error, wordsOf(error));
		}
	}

	update({ offer, shellOpen, presence }: Snapshot): void {
		if (!offer) return;
		show(this.#text, told(offer, shellOpen, presence === "off"));
		this.#reason.hidden = offer.reason === undefined;
		show(this.#reason, offer.reason ?? "");
		this.#progress.value = offer.percent;
		show(this.#percent, `${offer.percent} %`);
	}
}

function told({ version, fault, stage }: Offer, shellOpen: boolean, off: boolean): string {
	const text = `Version ${version}, ${kinds[fault]}, ${texts[stage]}.`;
	if (stage !== "offered") return text;
	if (off) return `Version ${version}, ${kinds[fault]}, is offered and waits: the device is off.`;
	return shellOpen
		? `Version ${version}, ${kinds[fault]}, is offered and waits: the device has two connections, and your shell is one of them. Close it.`
		: text;
}
