/**
 * What the programs have in common: the peer says when to begin, so that it can look at the process before and after, and
 * gets the microseconds that each round took.
 */
import { emit, exit, onMessage } from "test/harness";
import Time from "time";

const microseconds = (): number => Time.microseconds ?? Time.ticks * 1000;

/** Runs `round` once to warm everything up and then, when told to, `count` times. */
export async function measureRounds(count: number, round: (warming: boolean) => void | Promise<void>): Promise<void> {
	await round(true);
	onMessage(async (message) => {
		if (message === "end") exit();
		const wall: number[] = [];
		for (let done = 0; done < count; done++) {
			const begun = microseconds();
			await round(false);
			wall.push(microseconds() - begun);
		}
		emit({ event: "measured", wall });
	});
	emit({ event: "ready" });
}
