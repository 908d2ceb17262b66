import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { type SecureOptions, type TLSOptions, TLSSocket, type TransportOptions, TrustStore } from "fleetling/tls/tls";
import { afterEach, beforeEach, describe, it } from "test/harness";
import Timer from "timer";
import { FakeTransport } from "./fake";
import { clientCertificate, clientKey, otherKey, rootEC } from "./fixtures";
import { parseHello } from "./hello";

const text = (value: string): Uint8Array => Uint8Array.from(value, (character) => character.charCodeAt(0));
const wait = (milliseconds: number): Promise<void> => new Promise((done) => Timer.set(() => done(), milliseconds));

/** A record of TLS 1.2. */
const record = (type: number, ...body: readonly number[]): Uint8Array =>
	Uint8Array.of(type, 3, 3, body.length >> 8, body.length & 255, ...body);
const warning = record(21, 1, 90);

describe("tls/socket", () => {
	let trust: TrustStore;
	let sockets: TLSSocket[] = [];
	beforeEach(() => {
		trust = new TrustStore(rootEC);
	});
	afterEach(() => {
		for (const socket of sockets) socket.close();
		sockets = [];
		trust.close();
	});

	interface Made {
		readonly socket: TLSSocket;
		readonly transport: FakeTransport;
		readonly errors: FleetlingError[];
	}

	function make(secure: Partial<SecureOptions> = {}, options: Partial<TLSOptions<TLSSocket>> = {}): Made {
		const errors: FleetlingError[] = [];
		const socket = new TLSSocket({
			io: FakeTransport,
			address: "192.0.2.1",
			port: 443,
			secure: { serverName: "server.test", trust, ...secure },
			onError: (error) => errors.push(error),
			...options,
		});
		sockets.push(socket);
		return { socket, transport: FakeTransport.last, errors };
	}

	function thrown(make: () => unknown): FleetlingError {
		try {
			make();
		} catch (error) {
			assert.instanceOf(error, FleetlingError);
			return error;
		}
		throw new Error("nothing was thrown");
	}

	describe("what it is given", () => {
		it("must be a name or an address", () => {
			for (const serverName of ["", "a b", "*.test", "[::1"])
				assert.equal(thrown(() => make({ serverName })).code, "tls.bad-name");
		});
		it("must be open", () => {
			trust.close();
			assert.equal(thrown(() => make()).code, "tls.bad-authority");
		});
		it("must be certificate and key, or neither", () => {
			assert.equal(thrown(() => make({ certificate: clientCertificate })).code, "tls.bad-identity");
			assert.equal(thrown(() => make({ key: clientKey })).code, "tls.bad-identity");
		});
		it("must belong together", () => {
			const error = thrown(() => make({ certificate: clientCertificate, key: otherKey }));
			assert.equal(error.code, "tls.bad-identity");
			assert.match(error.message, /does not belong/);
			assert.notInclude(error.message, otherKey.slice(40, 60));
		});
		it("must be readable", () => {
			assert.match(thrown(() => make({ certificate: "nonsense", key: clientKey })).message, /client certificate cannot be read/);
			assert.match(
				thrown(() => make({ certificate: clientCertificate, key: "nonsense" })).message,
				/private key.*cannot be read/,
			);
		});
		it("may export its key, which is wiped", () => {
			const pem = text(`${clientKey}\0`);
			make({ certificate: clientCertificate, key: { export: () => pem.buffer as ArrayBuffer } });
			assert.isTrue(pem.every((byte) => byte === 0));
		});
		it("goes to the transport, whose exceptions come through", () => {
			const { transport } = make();
			assert.equal(transport.options.address, "192.0.2.1");
			assert.equal(transport.options.port, 443);
			assert.isTrue(transport.options.nodelay);
			class Broken {
				constructor() {
					throw new RangeError("invalid address");
				}
			}
			assert.throws(() => make({}, { io: Broken as unknown as typeof FakeTransport }), RangeError, "invalid address");
		});
	});

	describe("the ClientHello", () => {
		it("names the server, and offers X25519 first and nothing weak", () => {
			const { transport } = make();
			transport.connect();
			const hello = parseHello(transport.sent);
			assert.equal(hello.version, 0x0303);
			assert.equal(hello.serverName, "server.test");
			assert.deepEqual(hello.groups, [29, 23, 24, 25]);
			const allowed = [0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8];
			const signals = [0x00ff, 0x5600]; // renegotiation info, fallback: no suites
			assert.deepEqual(
				hello.cipherSuites.filter((suite) => !allowed.includes(suite) && !signals.includes(suite)),
				[],
			);
			assert.isTrue(
				hello.signatures.length > 0 && hello.signatures.every((scheme) => scheme >> 8 !== 2 && scheme >> 8 !== 1),
				"no SHA-1, no MD5",
			);
			assert.isTrue(hello.extensions.has(35), "asks for tickets");
			assert.isFalse(hello.extensions.has(1), "asks for no smaller records");
		});
		it("names no server by its address", () => {
			for (const serverName of ["192.0.2.1", "2001:db8::1", "[2001:db8::1]"]) {
				const { transport } = make({ serverName });
				transport.connect();
				assert.isUndefined(parseHello(transport.sent).serverName);
			}
		});
		it("asks for smaller records when told to", () => {
			const { transport } = make({ maxFragmentLength: 1024 });
			transport.connect();
			assert.deepEqual(parseHello(transport.sent).extensions.get(1), [2]);
		});
		it("is sent through a transport that takes a byte at a time", () => {
			const { transport } = make();
			transport.room = 1;
			transport.connect();
			for (let count = 0; count < 600; count++) transport.connect();
			assert.equal(parseHello(transport.sent).serverName, "server.test");
		});
		it("does not offer a session that is none", () => {
			const nothing = make({ session: new ArrayBuffer(0) });
			const noise = make({ session: Uint8Array.from({ length: 300 }, (_, index) => (index === 0 ? 2 : index & 255)) });
			for (const { transport } of [nothing, noise]) {
				transport.connect();
				const { extensions } = parseHello(transport.sent);
				assert.deepEqual(extensions.get(35) ?? [], [], "no ticket");
				assert.isFalse(extensions.has(41), "no pre-shared key");
			}
		});
	});

	describe("what goes wrong before a connection is open", () => {
		it("nobody listens", () => {
			const { transport, errors } = make();
			transport.end(new Error("ECONNREFUSED"));
			assert.equal(errors[0]?.code, "net.refused");
			assert.match(errors[0]?.message ?? "", /server\.test \(192\.0\.2\.1 port 443\)/);
			assert.match(String(errors[0]?.cause), /ECONNREFUSED/);
			assert.equal(transport.closed, 1);
		});
		it("the transport knows better why", () => {
			const { transport, errors } = make();
			const reason = new FleetlingError("net.timeout", "too slow");
			transport.end(reason);
			assert.equal(errors[0], reason);
		});
		it("the transport fails while it is being made", () => {
			class Hasty extends FakeTransport {
				constructor(options: TransportOptions) {
					super(options);
					options.onError(new Error("no network"));
				}
			}
			const { socket, transport, errors } = make({}, { io: Hasty });
			assert.equal(errors[0]?.code, "net.refused");
			assert.equal(transport.closed, 1);
			socket.close();
			assert.equal(errors.length, 1);
		});
		it("no connection in time", async () => {
			const { errors } = make({ handshakeTimeout: 20 });
			await wait(60);
			assert.equal(errors[0]?.code, "net.timeout");
		});
		it("silence", async () => {
			const { transport, errors } = make({ handshakeTimeout: 20 });
			transport.connect();
			await wait(60);
			assert.equal(errors[0]?.code, "tls.timeout");
			assert.equal(transport.closed, 1);
		});
		it("the end of the connection", () => {
			const { transport, errors } = make();
			transport.connect();
			transport.end();
			assert.equal(errors[0]?.code, "tls.closed");
		});
		it("a plain HTTP server", () => {
			const { transport, errors } = make();
			transport.connect();
			transport.receive(text("HTTP/1.1 400 Bad Request\r\n\r\n"));
			assert.equal(errors[0]?.code, "tls.garbage");
			assert.match(errors[0]?.message ?? "", /«HTTP\/1\.1 400 Bad Request»/);
		});
		it("garbage that cannot be printed", () => {
			const { transport, errors } = make();
			transport.connect();
			transport.receive(Uint8Array.of(0, 1, 2, 255));
			assert.equal(errors[0]?.code, "tls.garbage");
			assert.notInclude(errors[0]?.message ?? "", "«");
		});
		it("garbage, a byte at a time", () => {
			const { transport, errors } = make();
			transport.connect();
			for (const byte of text("SSH-2.0")) if (errors.length === 0) transport.receive(Uint8Array.of(byte));
			assert.equal(errors[0]?.code, "tls.garbage");
		});
		it("something that begins like TLS", () => {
			const { transport, errors } = make();
			transport.connect();
			transport.receive(Uint8Array.of(22, 3, 3, 0xff, 0xff, 1, 2, 3));
			assert.equal(errors[0]?.code, "tls.protocol");
		});
		it("data before its time", () => {
			const { transport, errors } = make();
			transport.connect();
			transport.receive(record(23, 1, 2, 3));
			assert.include(["tls.protocol", "tls.handshake"], errors[0]?.code);
		});
		it("an alert, a byte at a time", () => {
			const { transport, errors } = make();
			transport.connect();
			for (const byte of record(21, 2, 112)) transport.receive(Uint8Array.of(byte));
			assert.equal(errors[0]?.code, "tls.handshake");
			assert.match(errors[0]?.message ?? "", /unrecognised name.*check the configured address/);
		});
		it("a goodbye", () => {
			const { transport, errors } = make();
			transport.connect();
			transport.receive(record(21, 1, 0));
			assert.equal(errors[0]?.code, "tls.closed");
		});
		it("an alert about our certificate", () => {
			const { transport, errors } = make();
			transport.connect();
			transport.receive(record(21, 2, 48));
			assert.equal(errors[0]?.code, "tls.refused");
		});
		it("a peer that never comes to the point", () => {
			const { transport, errors } = make();
			transport.connect();
			const many = new Uint8Array(warning.length * 1000);
			for (let index = 0; index < 1000; index++) many.set(warning, index * warning.length);
			for (let count = 0; count < 12 && errors.length === 0; count++) transport.receive(many);
			assert.equal(errors[0]?.code, "tls.protocol");
		});
		it("a transport that throws", () => {
			const { transport, errors } = make();
			transport.fault = new Error("broken pipe");
			transport.connect();
			assert.equal(errors[0]?.code, "tls.closed");
			assert.match(String(errors[0]?.cause), /broken pipe/);
		});
	});

	describe("its end", () => {
		it("comes once, and no callback after it", async () => {
			const { socket, transport, errors } = make({ handshakeTimeout: 30 });
			transport.connect();
			transport.receive(text("no"));
			socket.close();
			socket.close();
			transport.end();
			transport.connect();
			await wait(60);
			assert.equal(errors.length, 1);
			assert.equal(transport.closed, 1);
		});
		it("is silent when asked for", async () => {
			const { socket, transport, errors } = make({ handshakeTimeout: 30 });
			transport.connect();
			socket.close();
			transport.receive(warning);
			transport.end();
			await wait(60);
			assert.deepEqual(errors, []);
			assert.equal(socket.read(new ArrayBuffer(10)), 0);
			assert.isUndefined(socket.read());
			assert.throws(() => socket.write(new ArrayBuffer(1)), RangeError, "not connected");
			assert.isFalse(socket.resumed);
			assert.isUndefined(socket.protocol);
		});
		it("may be asked for in the callback that announces it", () => {
			const { transport } = make(
				{},
				{
					onError(this: TLSSocket) {
						this.close();
					},
				},
			);
			transport.connect();
			transport.end();
			assert.equal(transport.closed, 1);
		});
		it("survives a callback that throws", () => {
			const { transport } = make(
				{},
				{
					onError() {
						throw new Error("on purpose");
					},
				},
			);
			transport.connect();
			transport.end();
			assert.equal(transport.closed, 1);
		});
	});

	it("nothing can be written before the handshake", () => {
		const { socket, transport } = make();
		transport.connect();
		assert.throws(() => socket.write(new ArrayBuffer(1)), RangeError);
		assert.equal(socket.read(new ArrayBuffer(1)), 0);
	});
});
