/** The device's shell in a terminal. */
import { FitAddon } from "@xterm/addon-fit";
import { type ITheme, Terminal } from "@xterm/xterm";
import { element, show } from "./elements.js";

/** Close codes of the server's that are no mishap. */
const orderly: readonly number[] = [1000, 1005];

const dark = matchMedia("(prefers-color-scheme: dark)");

/** The page's colours: the terminal draws its text itself. */
function theme(): ITheme {
	const style = getComputedStyle(document.documentElement);
	const colour = (name: string): string => style.getPropertyValue(name).trim();
	const [background, foreground] = [colour("--console"), colour("--ink")];
	return { background, foreground, cursor: colour("--accent"), selectionBackground: colour("--line") };
}

export class ShellPanel {
	readonly #button = element("shell-button", HTMLButtonElement);
	readonly #text = element("shell-text", HTMLElement);
	readonly #place = element("terminal", HTMLElement);
	readonly #fit = new FitAddon();
	readonly #encoder = new TextEncoder();
	#terminal: Terminal | undefined;
	#socket: WebSocket | undefined;

	constructor() {
		this.#button.addEventListener("click", () => {
			if (this.#socket) this.#socket.close(1000);
			else this.#open();
		});
		new ResizeObserver(() => this.#fitIn()).observe(this.#place);
		dark.addEventListener("change", () => {
			if (this.#terminal) this.#terminal.options.theme = theme();
		});
	}

	#open(): void {
		this.#place.hidden = false;
		this.#terminal ??= this.#makeTerminal();
		const terminal = this.#terminal;
		terminal.reset();
		const socket = new WebSocket(new URL("shell", location.href.replace(/^http/, "ws")));
		socket.binaryType = "arraybuffer";
		this.#socket = socket;
		show(this.#button, "Close the shell");
		show(this.#text, "Opening: the device has five seconds to answer.");
		socket.addEventListener("open", () => {
			this.#fitIn();
			socket.send(`resize ${terminal.rows} ${terminal.cols}`);
			terminal.focus();
		});
		socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
			show(this.#text, "Open. Shift+Tab leaves the terminal, exit or Ctrl-D ends the shell.");
			terminal.write(typeof data === "string" ? data : new Uint8Array(data));
		});
		socket.addEventListener("close", ({ code, reason }) => {
			this.#socket = undefined;
			const told = orderly.includes(code)
				? "The shell has ended."
				: `The shell has ended: ${reason || "the demo does not answer"}.`;
			show(this.#button, "Open the shell");
			show(this.#text, told);
			terminal.write(`\r\n\x1b[7m ${told} \x1b[0m\r\n`);
			if (this.#place.contains(document.activeElement)) this.#button.focus();
		});
	}

	#makeTerminal(): Terminal {
		const terminal = new Terminal({
			...{
				theme: theme(),
				fontFamily: "ui-monospace, monospace",
				fontSize: 14,
				lineHeight: 1.2,
				cursorBlink: false,
				scrollback: 2_000,
			},
			// Makes what is shown known to screen readers.
			screenReaderMode: true,
		});
		terminal.loadAddon(this.#fit);
		terminal.open(this.#place);
		terminal.textarea?.setAttribute("aria-label", "Shell of the device; Shift+Tab leaves it");
		// Tab completes words on the device. Without a way out the keyboard would be caught here.
		terminal.attachCustomKeyEventHandler(({ key, shiftKey }) => !(key === "Tab" && shiftKey));
		terminal.onData((text) => this.#send(this.#encoder.encode(text)));
		terminal.onResize(({ rows, cols }) => this.#send(`resize ${rows} ${cols}`));
		return terminal;
	}

	#send(message: string | Uint8Array<ArrayBuffer>): void {
		if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(message);
	}

	#fitIn(): void {
		const size = this.#place.hidden ? undefined : this.#fit.proposeDimensions();
		if (size) this.#terminal?.resize(size.cols, size.rows);
	}
}
