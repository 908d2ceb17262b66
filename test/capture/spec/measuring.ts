/** The pcap reader and the meter, on packets made here and on real ones. */
import { strict as assert } from "node:assert";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import { startMeter, type WireReport } from "../meter";
import { measurePort, segments } from "../pcap";
import { Tcpdump } from "../tcpdump";

const port = 4433;

/** A TCP segment in IPv4 with an Ethernet header, as much of it as a capture would keep. */
function packet(from: number, to: number, flags: number, payload: number, options = 12): Buffer {
	const bytes = Buffer.alloc(14 + 20 + 20 + options);
	bytes.writeUInt16BE(0x0800, 12);
	bytes[14] = 0x45;
	bytes.writeUInt16BE(40 + options + payload, 16);
	bytes[23] = 6;
	bytes.writeUInt16BE(from, 34);
	bytes.writeUInt16BE(to, 36);
	bytes.writeUInt32BE(from, 38);
	bytes[46] = ((20 + options) / 4) << 4;
	bytes[47] = flags;
	return bytes;
}

/** A capture file around packets. */
function capture(packets: readonly Buffer[], { bigEndian = false, link = 1 } = {}): Buffer {
	const word = (value: number): Buffer => {
		const bytes = Buffer.alloc(4);
		if (bigEndian) bytes.writeUInt32BE(value);
		else bytes.writeUInt32LE(value);
		return bytes;
	};
	const header = [word(0xa1b2c3d4), word(0), word(0), word(0), word(65_535), word(link)];
	return Buffer.concat([
		...header,
		...packets.flatMap((bytes) => [word(1), word(2), word(bytes.length), word(bytes.length), bytes]),
	]);
}

const [syn, ack] = [0x02, 0x10];
const exchange = [
	packet(50_000, port, syn, 0, 20),
	packet(port, 50_000, syn | ack, 0, 20),
	packet(50_000, port, ack, 100),
	packet(port, 50_000, ack, 4_000),
	packet(50_001, 80, syn, 0, 20),
];
const expected = {
	connections: 1,
	toServer: { packets: 2, bytes: 60 + 152, payload: 100 },
	toClient: { packets: 2, bytes: 60 + 4_052, payload: 4_000 },
	bytesAt1500: 60 + 152 + 60 + 4_000 + 3 * 52,
};

describe("pcap reader", () => {
	it("sums IP lengths by port, whatever was captured of them", () =>
		assert.deepEqual(measurePort(capture(exchange), port), expected));
	it("reads big-endian files", () => assert.deepEqual(measurePort(capture(exchange, { bigEndian: true }), port), expected));
	it("reads raw IP", () => {
		const raw = exchange.map((bytes) => bytes.subarray(14));
		assert.deepEqual(measurePort(capture(raw, { link: 101 }), port), expected);
	});
	it("reads IPv6", () => {
		const bytes = Buffer.alloc(40 + 20);
		bytes[0] = 0x60;
		bytes.writeUInt16BE(20 + 11, 4);
		bytes[6] = 6;
		bytes.writeUInt16BE(port, 40);
		bytes[52] = 5 << 4;
		assert.deepEqual(measurePort(capture([bytes], { link: 101 }), port).toClient, { packets: 1, bytes: 71, payload: 11 });
	});
	it("counts a repeated SYN once and each connection", () => {
		const again = [packet(50_000, port, syn, 0, 20), packet(50_002, port, syn, 0, 20)];
		assert.equal(measurePort(capture([...exchange, ...again]), port).connections, 2);
	});
	it("passes other protocols and a torn end over", () => {
		const udp = packet(50_000, port, 0, 8);
		udp[23] = 17;
		const whole = capture([udp, ...exchange]);
		assert.deepEqual(measurePort(whole, port), expected);
		assert.equal([...segments(whole.subarray(0, whole.length - 5))].length, exchange.length - 1);
	});
	it("refuses what is no capture", () => {
		assert.throws(() => measurePort(Buffer.alloc(10), port), /shorter than its header/);
		assert.throws(() => measurePort(Buffer.alloc(24), port), /unknown magic number/);
		assert.throws(() => measurePort(capture([], { link: 147 }), port), /link type 147/);
	});
});

describe("wire meter", () => {
	let server: Server;
	let serverPort: number;
	/** Why captures cannot be made here, if so. */
	let reason: string | undefined;
	/** Connections that the server closes by itself. */
	let closing = true;

	before(async () => {
		server = createServer({ allowHalfOpen: true }, (socket) => {
			socket.on("error", () => socket.destroy());
			socket.on("data", () => (closing ? socket.end(Buffer.alloc(500)) : socket.write(Buffer.alloc(500))));
			socket.on("end", () => socket.end());
		});
		server.listen(0, "127.0.0.1");
		await once(server, "listening");
		serverPort = (server.address() as AddressInfo).port;
		try {
			await (await Tcpdump.start(serverPort)).stop();
		} catch (error) {
			reason = (error as Error).message;
		}
	});
	after((done) => void server.close(done));

	/** One poll: connect, 200 bytes there, 500 back, close. */
	async function poll(to: number): Promise<void> {
		const socket = connect(to, "127.0.0.1");
		socket.write(Buffer.alloc(200));
		await once(socket, "data");
		socket.end();
		await once(socket, "close");
	}
	async function measure(method: "tcpdump" | "proxy"): Promise<WireReport> {
		const meter = await startMeter(serverPort, method);
		for (let round = 0; round < 3; round += 1) await poll(meter.port);
		return meter.stop();
	}

	for (const side of ["server", "client"] as const) {
		it(`captures connections that the ${side} closes`, async function () {
			if (reason !== undefined) {
				console.log(`      skipped: ${reason}`);
				this.skip();
			}
			closing = side === "server";
			const report = await measure("tcpdump");
			assert.deepEqual([report.method, report.exact, report.connections, report.payload], ["tcpdump", true, 3, 3 * 700]);
			// At least SYN, SYN-ACK, ACK, two with data, two FIN and their ACK; at most every one acknowledged apart.
			assert.ok(report.packets >= 3 * 8 && report.packets <= 3 * 12, `${report.packets} packets`);
			const least = report.payload + report.packets * 40;
			assert.ok(report.bytes > least && report.bytes <= report.payload + report.packets * 60, `${report.bytes} bytes`);
			assert.equal(report.bytesAt1500, report.bytes);
		});
		it(`counts nearly the same without a capture when the ${side} closes`, async () => {
			closing = side === "server";
			const counted = await measure("proxy");
			assert.deepEqual([counted.exact, counted.connections, counted.payload], [false, 3, 3 * 700]);
			assert.match(counted.explanation, /counted in a proxy/);
			if (reason !== undefined) {
				console.log(`      not compared with a capture: ${reason}`);
				return;
			}
			const captured = await measure("tcpdump");
			const off = Math.abs(counted.bytes / captured.bytes - 1);
			assert.ok(off < 0.08, `${counted.method}: ${counted.bytes}, tcpdump: ${captured.bytes}`);
		});
	}
	it("says which method it took", async () => {
		const meter = await startMeter(serverPort);
		await poll(meter.port);
		const report = await meter.stop();
		assert.equal(report.method === "tcpdump", reason === undefined);
		assert.ok(report.explanation.length > 20);
	});
});
