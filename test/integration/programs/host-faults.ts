/** Ends in the way it is told to. */
import { emit, exit, parameters } from "test/harness";
import Timer from "timer";

function deeper(depth: number): number {
	return depth + deeper(depth + 1);
}

const faults: Readonly<Record<string, () => void>> = {
	exception: () => {
		throw new RangeError("thrown on purpose");
	},
	rejection: () => {
		void Promise.reject(new TypeError("rejected on purpose"));
	},
	overflow: () => {
		emit({ depth: deeper(0) });
	},
	memory: () => {
		const kept: ArrayBuffer[] = [];
		for (;;) kept.push(new ArrayBuffer(4096));
	},
	hang: () => {
		for (;;);
	},
	late: () => {
		Timer.set(() => {
			throw new Error("in a timer");
		}, 5);
	},
	patch: () => {
		try {
			(Array.prototype as unknown as Record<string, unknown>).extra = 1;
			emit({ patched: true });
		} catch (error) {
			emit({ patched: false, error: String(error) });
		}
		exit();
	},
};

emit({ started: true });
faults[String(parameters.fault)]?.();
