/** What happens, as it happens: snapshots of the device and lines of its console. */
import type { LogLine, Snapshot } from "./messages.js";

export interface LiveHandlers {
	readonly onSnapshot: (snapshot: Snapshot) => void;
	readonly onLines: (lines: readonly LogLine[]) => void;
	/** The connection to the command is there or has gone; `ended` when it has said goodbye. */
	readonly onConnection: (connected: boolean, ended: boolean) => void;
}

export function listen({ onSnapshot, onLines, onConnection }: LiveHandlers): void {
	const source = new EventSource("live");
	source.addEventListener("open", () => onConnection(true, false));
	// The browser tries again by itself.
	source.addEventListener("error", () => onConnection(false, false));
	source.addEventListener("snapshot", ({ data }: MessageEvent<string>) => onSnapshot(JSON.parse(data) as Snapshot));
	source.addEventListener("lines", ({ data }: MessageEvent<string>) => onLines(JSON.parse(data) as LogLine[]));
	source.addEventListener("end", () => {
		source.close();
		onConnection(false, true);
	});
}
