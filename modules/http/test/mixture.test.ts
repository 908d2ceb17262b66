import { assert } from "chai";
import { describe, it } from "test/harness";
import { textOf } from "./feeding";
import { turn, Wire } from "./wire";

/** A small generator of its own, so that a failure can be repeated by its seed (Park and Miller's). */
function random(seed: number): (limit: number) => number {
	let state = seed;
	return (limit) => {
		state = (state * 48_271) % 2_147_483_647;
		return Math.floor(state / 7) % limit;
	};
}

interface Mixture {
	readonly response: string;
	readonly body: string;
	/** Whether the connection ends after the response. */
	readonly ends: boolean;
}

function mix(pick: (limit: number) => number): Mixture {
	const body = Array.from({ length: pick(400) }, (_, index) => String.fromCharCode(97 + ((index * 7) % 26))).join("");
	switch (pick(3)) {
		case 0:
			return { response: `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, body, ends: pick(2) === 0 };
		case 1:
			return { response: `HTTP/1.1 200 OK\r\n\r\n${body}`, body, ends: true };
		default: {
			let chunks = "";
			for (let i = 0; i < body.length; ) {
				const size = Math.min(1 + pick(60), body.length - i);
				chunks += `${size.toString(16)}\r\n${body.slice(i, i + size)}\r\n`;
				i += size;
			}
			return { response: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`, body, ends: pick(2) === 0 };
		}
	}
}

/** The caller reads at once, some of it at once, or only later. */
type Reader = "at once" | "sometimes" | "later";

describe("http client: each mixture of arrivals and reads", () => {
	for (const reader of ["at once", "sometimes", "later"] satisfies readonly Reader[]) {
		it(`brings every byte once, in order, when the caller reads ${reader}`, async () => {
			for (let seed = 1; seed <= 150; seed++) {
				const pick = random(seed * 1000 + reader.length);
				const { response, body, ends } = mix(pick);
				const wire = new Wire();
				const buffers = [1, 3, 16, 50, 128, 500].map((size) => new Uint8Array(size));
				let got = "";
				let outcome: string | undefined;
				const take = (): number => {
					const buffer = buffers[pick(buffers.length)] ?? new Uint8Array(1);
					const count = request.read(buffer);
					got += textOf(buffer.subarray(0, count));
					return count;
				};
				const request = wire.client().request({
					path: "/",
					onReadable() {
						if (reader === "later") return;
						do if (reader === "sometimes" && pick(3) === 0) return;
						while (take() > 0);
					},
					onDone(error) {
						outcome = error?.code ?? "done";
					},
				});
				await turn();
				wire.last.takes();
				for (let i = 0; i < response.length; ) {
					const size = 1 + pick(pick(2) === 0 ? 10 : 300);
					wire.last.arrive(response.slice(i, i + size));
					i += size;
					if (reader !== "at once" && pick(4) === 0) take();
				}
				if (ends) wire.last.end();
				for (let idle = 0; outcome === undefined && idle < 20; idle++) {
					while (take() > 0);
					await turn();
				}
				assert.equal(got, body, `seed ${seed}`);
				assert.equal(outcome, "done", `seed ${seed}`);
				assert.isTrue(request.complete);
			}
		});
	}
});
