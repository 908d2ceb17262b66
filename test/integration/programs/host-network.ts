/** Exercises the host's sockets against peers of the driver, as the driver commands. */
import Listener from "embedded:io/socket/listener";
import TCP from "embedded:io/socket/tcp";
import UDP from "embedded:io/socket/udp";
import Resolver from "embedded:network/dns/resolver/udp";
import { emit, exit, parameters } from "test/harness";
import Timer from "timer";

const port = Number(parameters.port);
const buffer = new Uint8Array(1024);

function echoes(): void {
	let received = 0;
	let sent = 0;
	const total = 300_000;
	let sum = 0;
	new TCP({
		address: "127.0.0.1",
		port,
		nodelay: true,
		onReadable(count) {
			while (count > 0) {
				const read = this.read(buffer) ?? 0;
				for (let i = 0; i < read; i++) sum = (sum + (buffer[i] ?? 0)) >>> 0;
				received += read;
				count -= read;
			}
			if (received === total) {
				emit({ received, sum, remote: `${this.remoteAddress}:${this.remotePort}` });
				this.close();
				this.close();
				exit();
			}
		},
		onWritable(count) {
			const size = Math.min(count, total - sent, 4000);
			if (size <= 0) return;
			const block = new Uint8Array(size);
			for (let i = 0; i < size; i++) block[i] = (sent + i) & 255;
			this.write(block);
			sent += size;
		},
		onError() {
			emit({ error: true, received, sent });
			exit(1);
		},
	});
}

/** Reads one announcement, then nothing until told by a timer: the peer must be held back meanwhile. */
function slowReader(): void {
	let announced = 0;
	let received = 0;
	const socket: TCP = new TCP({
		address: "127.0.0.1",
		port,
		onReadable(count) {
			announced = count;
		},
		onError() {
			emit({ received });
			exit();
		},
	});
	Timer.repeat(() => {
		for (let left = announced; left > 0; ) {
			const read = socket.read(buffer) ?? 0;
			if (read === 0) break;
			received += read;
			left -= read;
		}
		announced = 0;
	}, 20);
}

const tests: Readonly<Record<string, () => void>> = {
	echo: echoes,
	slow: slowReader,
	refused: () => {
		new TCP({
			address: "127.0.0.1",
			port,
			onError(error?: unknown) {
				emit({ error: String(error) });
				exit();
			},
		} as ConstructorParameters<typeof TCP>[0]);
	},
	overwrite: () => {
		new TCP({
			address: "127.0.0.1",
			port,
			onWritable(count) {
				try {
					this.write(new Uint8Array(count + 1));
				} catch (error) {
					emit({ error: String(error), count });
				}
				this.close();
				exit();
			},
		});
	},
	options: () => {
		const wrong = [
			{ address: "not an address", port: 1 },
			{ address: "127.0.0.1", port: 0 },
			{ port: 1 },
			{ address: "127.0.0.1", port: 70000 },
		];
		for (const options of wrong) {
			try {
				new TCP(options);
				emit({ accepted: options });
			} catch (error) {
				emit({ refused: options, error: String(error) });
			}
		}
		exit();
	},
	listen: () => {
		const listener = new Listener({
			address: "127.0.0.1",
			port: 0,
			onReadable() {
				new TCP({
					from: this.read(),
					onReadable() {
						const data = this.read() as ArrayBuffer;
						this.write(data);
					},
					onError() {
						listener.close();
						listener.close();
						emit({ closed: true });
						exit();
					},
				});
			},
		});
		emit({ port: listener.port });
	},
	udp: () => {
		const socket = new UDP({
			onReadable() {
				const packet = this.read();
				if (!packet) return;
				emit({ text: String.fromCharCode(...new Uint8Array(packet)), from: `${packet.address}:${packet.port}` });
				socket.close();
				socket.close();
				exit();
			},
		});
		socket.write("127.0.0.1", port, Uint8Array.of(112, 105, 110, 103));
	},
	dns: () => {
		const resolver = new Resolver({});
		const results: unknown[] = [];
		const done = (result: object): void => {
			results.push(result);
			if (results.length === 2) {
				emit({ results });
				resolver.close();
				exit();
			}
		};
		for (const host of ["localhost", "no-such-host.invalid"]) {
			resolver.resolve({
				host,
				onResolved: (name, address) => done({ name, address }),
				onError: (name) => done({ name, error: true }),
			});
		}
	},
	timers: () => {
		const order: string[] = [];
		const cleared = Timer.set(() => order.push("cleared"), 5);
		Timer.clear(cleared);
		Timer.clear(cleared);
		Timer.clear(undefined);
		Timer.set(() => order.push("b"), 20);
		Timer.set(() => order.push("a"), 10);
		let ticks = 0;
		Timer.repeat((timer) => {
			if (++ticks === 3) {
				Timer.clear(timer);
				order.push("repeated");
			}
		}, 10);
		const moved = Timer.set(() => order.push("moved"), 5);
		Timer.schedule(moved, 60);
		Timer.set(() => {
			emit({ order });
			exit();
		}, 100);
	},
	many: () => {
		// 2,000 timers and closures that end leave nothing behind: see the figures the driver compares.
		let left = 2000;
		for (let i = 0; i < 2000; i++)
			Timer.set(() => {
				if (--left === 0) {
					emit({ done: true });
					exit();
				}
			}, i % 50);
	},
};

tests[String(parameters.test)]?.();
