/** What the real clients sent in each scenario: Debian's mender-client 3.4.0 and mender-mcu 55fa6a1. Tokens are left out, logs end after three messages. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface Recorded {
	readonly method: string;
	readonly target: string;
	/** Status, or "download". */
	readonly answer: number | "download" | null;
	readonly headers: Readonly<Record<string, string>>;
	readonly body: string;
}

export type RecordingName =
	| "01-auth-inventory-nodeploy"
	| "02-success-module-gzip-signed-rsa"
	| "04-install-failure-with-log"
	| "06-abort-409-at-installing"
	| "10-token-expires-401-midway"
	| "14-status-500-then-ok"
	| "21-download-cut-once-then-resume"
	| "mcu-01-success"
	| "mcu-09-fail-verify-reboot-rollback"
	| "mcu-11-abort409-rebooting";

export const recordingNames: readonly RecordingName[] = [
	"01-auth-inventory-nodeploy",
	"02-success-module-gzip-signed-rsa",
	"04-install-failure-with-log",
	"06-abort-409-at-installing",
	"10-token-expires-401-midway",
	"14-status-500-then-ok",
	"21-download-cut-once-then-resume",
	"mcu-01-success",
	"mcu-09-fail-verify-reboot-rollback",
	"mcu-11-abort409-rebooting",
];

export const recording = (name: RecordingName): readonly Recorded[] =>
	JSON.parse(readFileSync(join(import.meta.dirname, `${name}.json`), "utf8"));
