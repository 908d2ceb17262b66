/** A real browser without a window. */
import { type Browser, launch, type Page } from "puppeteer-core";
import { chromiumPath } from "../../targets/host/tools/setup";

export const missingBrowser = "chromium (Debian package) is not installed";

/** Undefined where there is none. */
export async function openBrowser(): Promise<Browser | undefined> {
	const executablePath = chromiumPath();
	if (executablePath === undefined) return undefined;
	// As root, and in containers, there is no sandbox; the only page that is opened is the project's own.
	const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"];
	return launch({ executablePath, args, headless: true, pipe: true });
}

/** What a page did that it must not: errors in its console, exceptions, requests to other hosts, failed requests. */
export class Misdeeds {
	readonly list: string[] = [];

	constructor(page: Page, ownHost: string) {
		page.on("console", (message) => {
			if (["error", "warn"].includes(message.type()))
				this.list.push(`console: ${message.text()} ${message.location().url ?? ""}`);
		});
		page.on("pageerror", (error) => this.list.push(`exception: ${String(error)}`));
		page.on("request", (request) => {
			const url = new URL(request.url());
			if (url.host !== ownHost) this.list.push(`a request to ${url.origin}`);
		});
		page.on("response", (response) => {
			if (response.status() >= 400) this.list.push(`${response.status()} for ${response.url()}`);
		});
	}
}
