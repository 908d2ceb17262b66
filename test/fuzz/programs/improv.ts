/** Improv over serial beside what is typed: the same in any pieces, and whatever comes, answers are packets and the port stays usable. */
import { Log } from "fleetling/common/log";
import { checkNetwork } from "fleetling/esp32/network/networks";
import { FrameSeparator, packet } from "fleetling/management/console/frames";
import { Improv } from "fleetling/management/console/improv";
import type { WiFiAccess } from "fleetling/management/console/wifi-access";
import { type Change, concat, inPieces, must, textOf } from "./changes";
import { fuzz } from "./engine";

/** A scan is answered with a dozen networks, an end and "no error". */
const mostAnswers = 14;

/** What came out of the separator, in order. */
class Taken {
	readonly events: string[] = [];
	text = "";
	broken = 0;
	readonly separator = new FrameSeparator({
		onText: (bytes) => {
			must(bytes.length > 0, "an empty piece of text");
			this.text += textOf(bytes);
		},
		onPacket: (type, data) => this.#packet(type, data),
		onBroken: () => {
			this.broken++;
			this.improv?.broken();
		},
		wait: () => {},
	});
	improv: Improv | undefined;

	#packet(type: number, data: Uint8Array): void {
		must(data.length <= 255, `${data.length} bytes in a packet`);
		this.events.push(`${type}:${textOf(data)}`);
		this.improv?.received(type, data);
	}

	/** Until nothing more comes of what was kept. */
	settle(): void {
		for (let at = 0; at < 60; at++) this.separator.expire();
	}
}

const wifi: WiFiAccess = {
	address: undefined,
	hostname: "lamp",
	scan(onFound, onEnd) {
		for (let at = 0; at < 20; at++) onFound({ ssid: `net-${at % 15}`, rssi: -at, secured: at % 2 === 0 });
		onEnd();
	},
	join({ ssid, password }, onEnd) {
		checkNetwork(ssid, password);
		onEnd(ssid !== "home");
	},
};

/** Packets with right sums: of any type and length, with any command, one behind the other or in the middle of text. */
const packets: Change = (input, random) => {
	const length = random.pick([0, 1, 2, 3, 9, 40, 254, 255]);
	const data = new Uint8Array(length);
	for (let at = 0; at < length; at++) data[at] = random.below(256);
	if (random.once(2) && length >= 2) data.set([1 + random.below(7), length - 2]);
	const from = random.below(input.byteLength + 1);
	const whole = packet(random.once(4) ? random.below(256) : 3, data);
	const shown = random.once(3) ? whole.subarray(0, random.below(whole.length)) : whole;
	return concat([input.subarray(0, from), shown, input.subarray(from)]);
};

fuzz({
	most: 2_000,
	run(input, random) {
		const whole = new Taken();
		const answers = new Taken();
		whole.improv = new Improv({
			send: (bytes) => answers.separator.push(bytes),
			information: () => ({ firmware: "f", version: "1", chip: "c", name: "n" }),
			wifi,
			next: () => "https://example.com",
			log: new Log({ sink: () => {}, ticks: () => 0 }).tag("setup"),
		});
		whole.separator.push(input);
		whole.settle();
		const pieces = new Taken();
		inPieces(input, random, (bytes, start, end) => pieces.separator.push(bytes.subarray(start, end)));
		pieces.settle();
		must(whole.text === pieces.text, "other text in pieces");
		must(whole.events.join("\n") === pieces.events.join("\n") && whole.broken === pieces.broken, "other packets in pieces");
		must(whole.text.length <= input.byteLength, "more text than came in");
		must(answers.broken === 0 && answers.text === "", "an answer that is no packet");
		must(answers.events.length <= whole.events.length * mostAnswers + whole.broken, "too many answers");
		whole.separator.push(packet(3, [2, 0]));
		must(whole.events.at(-1) === "3:\u0002\0", "a good packet is not heard afterwards");
		// Type, and state, error or command.
		const kinds = [...new Set(answers.events.map((event) => `${event.charAt(0)}.${event.charCodeAt(2)}`))].sort();
		return `${Math.min(whole.events.length, 4)} packets, ${Math.min(whole.broken, 3)} broken, answers ${kinds.join(" ")}`;
	},
	changes: [packets],
});
