import { Log, type TaggedLog } from "fleetling/common/log";

/** A log that keeps its lines, all levels. */
export class Lines {
	readonly lines: string[] = [];
	readonly log = new Log({
		sink: (line) => this.lines.push(line),
		ticks: () => 0,
		levels: { level: "debug", tags: {} },
	});

	tag(name = "test"): TaggedLog {
		return this.log.tag(name);
	}

	/** Lines that hold `text`. */
	with(text: string): readonly string[] {
		return this.lines.filter((line) => line.includes(text));
	}
}
