/** The demo's page in a real browser: what a person sees and does there, down to the device and back. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import type { Browser, Page } from "puppeteer-core";
import { WebSocket } from "ws";
import { root } from "../../targets/host/tools/paths";
import { Misdeeds, missingBrowser, openBrowser } from "./browser";

/** Far beyond what each step takes: the machine may be busy. */
const patience = 60_000;

class InteractiveDemo {
	readonly address: Promise<string>;
	readonly done: Promise<number | null>;
	readonly #child: ChildProcess;
	output = "";

	constructor(args: readonly string[] = []) {
		// A process group of its own: that is who hears a Ctrl-C.
		const options = { cwd: root, detached: true } as const;
		this.#child = spawn("npm", ["start", "--silent", "--", "--interactive", ...args], options);
		this.done = new Promise((resolve) => this.#child.on("close", resolve));
		this.address = new Promise((resolve, reject) => {
			const take = (data: Buffer): void => {
				this.output += data.toString();
				const address = this.output.match(/http:\/\/127\.0\.0\.1:\d+\/\S+\//)?.[0];
				if (address !== undefined) resolve(address);
			};
			this.#child.stdout?.on("data", take);
			this.#child.stderr?.on("data", take);
			void this.done.then(() => reject(new Error(`the demo ended without a page:\n${this.output}`)));
		});
		this.address.catch(() => undefined);
	}

	/** Process of the device: the one that is told a flash file, below the command. */
	get devicePid(): number {
		const parents = new Map<number, number>();
		for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
			try {
				// pid (name) state parent
				const stat = readFileSync(`/proc/${name}/stat`, "utf8");
				parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
			} catch {
				// It has ended meanwhile.
			}
		}
		const isOurs = (pid: number): boolean => pid === this.#child.pid || (parents.has(pid) && isOurs(parents.get(pid) ?? 0));
		const found = [...parents.keys()].find(
			(pid) => isOurs(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").includes("--flash"),
		);
		if (found === undefined) throw new Error("the demo has no device process");
		return found;
	}

	/** Ctrl-C. */
	interrupt(): Promise<number | null> {
		this.#signal("SIGINT");
		return this.done;
	}

	kill(): void {
		if (this.#child.exitCode === null) this.#signal("SIGTERM");
	}

	#signal(signal: NodeJS.Signals): void {
		if (this.#child.pid !== undefined) process.kill(-this.#child.pid, signal);
	}
}

describe("the demo's page", () => {
	let browser: Browser | undefined;
	let demo: InteractiveDemo;
	let page: Page;
	let misdeeds: Misdeeds;
	let address: string;

	/** Waits until an element's text matches. */
	const shows = async (selector: string, pattern: RegExp, timeout = patience): Promise<void> => {
		const look = (name: string, source: string): boolean =>
			new RegExp(source).test(document.querySelector(name)?.textContent ?? "");
		try {
			await page.waitForFunction(look, { timeout, polling: 50 }, selector, pattern.source);
		} catch {
			const text = await page.$eval("body", (body) => (body as HTMLElement).innerText);
			throw new Error(`"${selector}" never showed ${pattern}; the page says:\n${text.slice(0, 6_000)}`);
		}
	};
	const textOf = (selector: string): Promise<string> => page.$eval(selector, (found) => found.textContent ?? "");

	/** Goes on with Tab until the element has the focus, and fails where it cannot be reached. */
	const tabTo = async (selector: string, back = false): Promise<void> => {
		for (let count = 0; count < 60; count++) {
			if (await page.evaluate((name) => document.activeElement?.matches(name) === true, selector)) return;
			if (back) await page.keyboard.down("Shift");
			await page.keyboard.press("Tab");
			if (back) await page.keyboard.up("Shift");
		}
		assert.fail(`"${selector}" cannot be reached with the Tab key`);
	};

	const offer = async (version: string, fault: string): Promise<void> => {
		await page.$eval("#offer-version", (input) => {
			(input as HTMLInputElement).value = "";
		});
		await page.type("#offer-version", version);
		await page.click(`input[name=fault][value=${fault}]`);
		await page.click("#offer-button");
	};

	before(async function () {
		browser = await openBrowser();
		if (browser === undefined) {
			process.stdout.write(`      skipped: ${missingBrowser}\n`);
			this.skip();
		}
		demo = new InteractiveDemo();
		address = await demo.address;
		page = await browser.newPage();
		await page.setViewport({ width: 1280, height: 900 });
		misdeeds = new Misdeeds(page, new URL(address).host);
		await page.goto(address);
	});

	after(async () => {
		await browser?.close();
		demo?.kill();
		await demo?.done;
	});

	it("shows the device: state, version, slots, log", async () => {
		await shows("#presence-word", /^connected$/);
		await shows("#version", /^1\.0\.0$/);
		await shows("#slots tr:nth-child(1)", /ota_0.*1\.0\.0.*confirmed, running/);
		await shows("#slots tr:nth-child(2)", /ota_1.*–.*empty/);
		await shows("#memory", /^[\d,]+ bytes at the peak/);
		await shows("#log", /the management link is open/);
		assert.equal(await textOf("#offer-text"), "Nothing has been offered yet.");
	});

	it("runs an action and shows its result", async () => {
		await shows("#actions", /Identify/);
		await page.click("[data-action=identify]");
		await shows("#action-outcome", /^Identify: ended with status 0$/);
		await shows("#action-output", /mac: 02:f1:ee:70:00:01/);
	});

	it("opens the shell, runs a command there, and closes it, all by keyboard", async () => {
		await tabTo("#shell-button");
		await page.keyboard.press("Enter");
		await shows("#shell-button", /^Close the shell$/);
		await shows("#terminal .xterm-rows", /fleetling>/);
		assert.ok(await page.evaluate(() => document.querySelector("#terminal")?.contains(document.activeElement)));
		await page.keyboard.type("status\r");
		await shows("#terminal .xterm-rows", /1\.0\.0 in slot/);
		await tabTo("#shell-button", true);
		await page.keyboard.press("Enter");
		await shows("#shell-text", /^The shell has ended\.$/);
		await shows("#shell-button", /^Open the shell$/);
	});

	it("offers an update by keyboard, and the version changes", async () => {
		await tabTo("#offer-version", true);
		await page.keyboard.down("Control");
		await page.keyboard.press("a");
		await page.keyboard.up("Control");
		await page.keyboard.type("1.2.0");
		await page.keyboard.press("Enter");
		await shows("#offer-text", /Version 1\.2\.0, which works, has checked in and is confirmed/);
		await shows("#version", /^1\.2\.0$/);
		await shows("#percent", /^100 %$/);
		await shows("#slots tr:nth-child(2)", /ota_1.*1\.2\.0.*confirmed, running/);
		await shows("#log", /version 1\.2\.0 has checked in and is confirmed/);
		assert.equal(await page.$eval("#offer-version", (input) => (input as HTMLInputElement).value), "1.3.0");
	});

	it("says why something cannot be offered", async () => {
		await offer("1.2.0", "none");
		await shows("#offer-error", /Version 1\.2\.0 runs already/);
		await offer("one two", "none");
		await shows("#offer-error", /A version has up to 31 letters/);
		// The refusals, which browsers put into the console.
		const refused = misdeeds.list.splice(0);
		assert.ok(refused.length > 0 && refused.every((text) => text.includes("409")), refused.join("\n"));
	});

	it("offers a firmware that crashes, and shows that the old one comes back", async () => {
		await offer("1.3.0", "crash");
		await shows("#offer-text", /Version 1\.3\.0, which crashes, has failed its trial, and the old firmware is back/);
		await shows("#version", /^1\.2\.0$/);
		await shows("#offer-reason", /version 1\.3\.0 was rolled back: it crashed/);
		await shows("#slots tr:nth-child(1)", /ota_0.*1\.3\.0.*failed/);
		await shows("#log", /this firmware crashes on purpose/);
		await shows("#presence-word", /^connected$/);
	});

	it("offers it once more, and shows that the device has none of it; another one is taken all the same", async () => {
		await offer("1.3.0", "crash");
		await shows("#offer-text", /Version 1\.3\.0, which crashes, was not installed/);
		await shows("#offer-reason", /update\.known-bad/);
		await offer("1.4.0", "none");
		await shows("#offer-text", /Version 1\.4\.0, which works, has checked in and is confirmed/);
		await shows("#offer-reason", /^$/);
	});

	it("shows that the device restarts", async () => {
		await shows("#presence-word", /^connected$/);
		await page.evaluate(() => {
			const word = document.querySelector("#presence-word");
			const seen: (string | null)[] = [];
			Object.assign(window, { seen });
			if (word) new MutationObserver(() => seen.push(word.textContent)).observe(word, { childList: true });
		});
		await page.click("[data-action=reboot]");
		await shows("#action-outcome", /^Reboot: ended with status 0$/);
		await page.waitForFunction(
			() => {
				const { seen } = window as unknown as { readonly seen: readonly string[] };
				return seen.includes("restarting") && seen.at(-1) === "connected";
			},
			{ timeout: patience },
		);
	});

	it("says that the device is off, and comes back", async () => {
		process.kill(demo.devicePid, "SIGKILL");
		await shows("#presence-word", /^off$/);
		await shows("#presence-text", /The device is off\..*its power was cut/);
		await page.click("#shell-button");
		await shows("#shell-text", /not connected to the management WS/);
		await tabTo("[data-action=identify]", true);
		await page.keyboard.press("Enter");
		await shows("#action-outcome", /the device is away, and the server keeps it/);
		await tabTo("#power", true);
		assert.equal(await textOf("#power"), "Switch it on");
		await page.keyboard.press("Enter");
		await shows("#presence-word", /^connected$/);
		await shows("#power", /^Cut the power$/);
		await page.keyboard.press("Space");
		await shows("#presence-word", /^off$/);
		await page.keyboard.press("Space");
		await shows("#presence-word", /^connected$/);
	});

	it("is the same after it was opened again", async () => {
		await page.reload();
		await shows("#version", /^1\.4\.0$/);
		await shows("#log", /this firmware crashes on purpose/);
		const numbered = await page.$$eval(
			"#log div",
			(rows) => rows.filter((row) => /making the device's/.test(row.textContent ?? "")).length,
		);
		assert.equal(numbered, 1);
	});

	it("has names for everything that can be operated, and colours for light and dark", async () => {
		const nameless = await page.evaluate(() =>
			[...document.querySelectorAll("button, input, textarea, progress, [tabindex='0']")]
				.filter((found) => {
					const labels = (found as HTMLInputElement).labels?.length ?? 0;
					return (
						!found.textContent?.trim() &&
						!found.getAttribute("aria-label") &&
						!found.getAttribute("aria-labelledby") &&
						labels === 0
					);
				})
				.map((found) => found.outerHTML),
		);
		assert.deepEqual(nameless, []);
		const paper = (): Promise<string> => page.$eval("body", (body) => getComputedStyle(body).backgroundColor);
		await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "light" }]);
		const light = await paper();
		await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
		assert.notEqual(await paper(), light);
	});

	it("cannot be driven from elsewhere", async () => {
		const { origin, host } = new URL(address);
		const status = async (path: string, headers: Record<string, string>, method = "POST"): Promise<number> => {
			const body = method === "POST" ? { body: '{"on":false}' } : {};
			return (await fetch(path, { method, headers: { "Content-Type": "application/json", ...headers }, ...body })).status;
		};
		assert.equal(await status(`${address}power`, { Origin: "http://evil.example" }), 403);
		assert.equal(await status(`${address}power`, { Origin: "null" }), 403);
		assert.equal(await status(`${address}power`, {}), 403);
		assert.equal(await status(`${address}power`, { Origin: origin, "Content-Type": "text/plain" }), 409);
		assert.equal(await status(`${origin}/power`, { Origin: origin }), 404);
		assert.equal(await status(`${origin}/${"A".repeat(32)}/power`, { Origin: origin }), 404);
		assert.equal(await status(`${address}live`, { Origin: "http://evil.example" }, "GET"), 403);
		const shell = (url: string, headers: Record<string, string>): Promise<string> =>
			new Promise((resolve) => {
				const socket = new WebSocket(url.replace("http", "ws"), { headers });
				socket.on("open", () => resolve("open"));
				socket.on("error", (error) => resolve(error.message));
			});
		assert.match(await shell(`${address}shell`, { Origin: "http://evil.example" }), /403/);
		assert.match(await shell(`${address}shell`, { Origin: origin, Host: `evil.example:${host.split(":")[1]}` }), /403/);
		assert.match(await shell(`${origin}/shell`, { Origin: origin }), /403/);
		await shows("#presence-word", /^connected$/);
	});

	it("ends with Ctrl-C and exit code 0, and the page says so", async () => {
		assert.deepEqual(misdeeds.list, []);
		assert.equal(await demo.interrupt(), 0, demo.output);
		await shows("#presence-word", /^the demo has ended$/);
		await shows("#notice", /Start it again and open the new address/);
	});
});
