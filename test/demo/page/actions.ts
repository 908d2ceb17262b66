/** What the device offers to do, and what came of it. */
import { get, post, wordsOf } from "./ask.js";
import { element, make, show } from "./elements.js";
import type { ActionAnswer, ActionEntry, Snapshot } from "./messages.js";

/** Milliseconds between two questions for a list that is still empty: it comes a moment after the connection. */
const askAgain = 500;

export class ActionsPanel {
	readonly #list = element("actions", HTMLElement);
	readonly #text = element("actions-text", HTMLElement);
	readonly #outcome = element("action-outcome", HTMLElement);
	readonly #output = element("action-output", HTMLElement);
	#connected = false;
	#asking = false;
	#shown = "[]";

	/** The list is asked for at each new connection: another firmware may offer other things. */
	update({ presence }: Snapshot): void {
		const connected = presence === "connected";
		const fresh = connected && !this.#connected;
		this.#connected = connected;
		if (fresh && !this.#asking) void this.#ask();
		if (!connected && this.#shown !== "[]")
			show(this.#text, "The device is not connected: the server keeps what you ask for and has it done later.");
	}

	async #ask(): Promise<void> {
		this.#asking = true;
		while (this.#connected) {
			const actions = await get<readonly ActionEntry[]>("actions").catch(() => []);
			if (actions.length > 0) {
				this.#show(actions);
				break;
			}
			await new Promise((done) => setTimeout(done, askAgain));
		}
		this.#asking = false;
	}

	#show(actions: readonly ActionEntry[]): void {
		show(this.#text, "Done on the device, through the server.");
		const shown = JSON.stringify(actions);
		if (shown === this.#shown) return;
		this.#shown = shown;
		this.#list.replaceChildren(
			...actions.map(({ id, name, description }) => {
				const item = make("li");
				const button = make("button", name);
				button.type = "button";
				button.dataset.action = id;
				button.addEventListener("click", () => void this.#run(id, name));
				const text = make("span", description);
				text.id = `action-${id}`;
				button.setAttribute("aria-describedby", text.id);
				item.append(button, text);
				return item;
			}),
		);
	}

	async #run(id: string, name: string): Promise<void> {
		this.#tell(`${name}: being done`, "");
		try {
			const answer = await post<ActionAnswer>("actions", { id });
			if (answer.kind === "done") this.#tell(`${name}: ended with status ${answer.status}`, answer.output || "(no output)");
			else if (answer.kind === "kept") this.#tell(`${name}: the device is away, and the server keeps it until it comes back`, "");
			else this.#tell(`${name}: the device did not do it`, "");
		} catch (error) {
			this.#tell(`${name}: ${wordsOf(error)}`, "");
		}
	}

	#tell(outcome: string, output: string): void {
		show(this.#outcome, outcome);
		show(this.#output, output);
		this.#output.hidden = output === "";
	}
}
