import UDP from "embedded:io/socket/udp";
import { Backoff } from "fleetling/common/backoff";
import { randomBytes } from "fleetling/common/crypto";
import { random } from "fleetling/common/random";
import Timer from "timer";
import NameResolver from "./name-resolver";
import { packetSize, question, timeOf } from "./sntp-packet";

/** A server that has not answered by then has lost the packet. */
const answerDeadline = 4_000;
/** After a failure. A pool asks its clients not to come back faster than this (RFC 4330, section 10). */
const retryBase = 15_000;
const retryCap = 3_600_000;
/** A crystal of 20 ppm is off by 2 s after a day. */
const refresh = 86_400_000;

const port = 123;

/** The SDK's typings leave out `close`. */
interface Socket {
	read(): (ArrayBuffer & { readonly address: string }) | undefined;
	write(packet: ArrayBuffer, address: string, port: number): void;
	close(): void;
}

const Datagrams = UDP as unknown as new (options: { readonly onReadable: (count: number) => void }) => Socket;

export interface TimeSyncOptions {
	/** Name of the server. */
	readonly host: string;
	/** Milliseconds since 1970. */
	readonly onTime: (milliseconds: number) => void;
	/** One line for the log. */
	readonly say: (text: string) => void;
	/** Milliseconds, monotonic. */
	readonly ticks: () => number;
}

/** Asks an SNTP server for the time (RFC 4330), now and once a day. `ask` again when the network is back. */
export class TimeSync {
	readonly #options: TimeSyncOptions;
	readonly #backoff = new Backoff({ base: retryBase, cap: retryCap, floor: answerDeadline, longest: retryCap, random });
	#resolver: NameResolver | undefined;
	#socket: Socket | undefined;
	#timer: Timer | undefined;

	constructor(options: TimeSyncOptions) {
		this.#options = options;
	}

	/** Asks now, whatever is under way. Never throws. */
	ask(): void {
		this.close();
		const { host } = this.#options;
		this.#after(answerDeadline * 3, () => this.#failed("no answer"));
		const resolver = new NameResolver();
		this.#resolver = resolver;
		resolver.resolve({
			host,
			onResolved: (_, address) => this.#send(address),
			onError: () => this.#failed("its name could not be resolved"),
		});
	}

	/** Idempotent. */
	close(): void {
		Timer.clear(this.#timer);
		this.#timer = undefined;
		this.#resolver?.close();
		this.#resolver = undefined;
		this.#socket?.close();
		this.#socket = undefined;
	}

	#after(delay: number, work: () => void): void {
		Timer.clear(this.#timer);
		this.#timer = Timer.set(() => {
			this.#timer = undefined;
			work();
		}, delay);
	}

	#send(address: string): void {
		try {
			const nonce = new Uint8Array(randomBytes(8));
			const { ticks } = this.#options;
			const sent = ticks();
			const socket = new Datagrams({
				onReadable: (count) => {
					for (let left = count; left > 0; left--) {
						const packet = socket.read();
						if (packet === undefined || packet.byteLength < packetSize || packet.address !== address) continue;
						const time = timeOf(new Uint8Array(packet), nonce);
						if (time === undefined) continue;
						this.#arrived(time + (ticks() - sent) / 2);
						return;
					}
				},
			});
			this.#socket = socket;
			this.#after(answerDeadline, () => this.#failed("no answer"));
			const packet = question(nonce);
			socket.write(packet.buffer, address, port);
		} catch (error) {
			this.#failed(String(error));
		}
	}

	#arrived(time: number): void {
		this.close();
		this.#backoff.reset();
		this.#options.onTime(time);
		this.#after(refresh, () => this.ask());
	}

	#failed(why: string): void {
		this.close();
		const delay = this.#backoff.next();
		this.#options.say(`time server ${this.#options.host}: ${why}; again in ${Math.round(delay / 1000)} s`);
		this.#after(delay, () => this.ask());
	}
}
