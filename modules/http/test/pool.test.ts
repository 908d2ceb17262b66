import { assert } from "chai";
import { exchange } from "fleetling/http/exchange";
import { describe, it } from "test/harness";
import { answering } from "./answering";
import { failure, response } from "./outcome";
import { turn, Wire } from "./wire";

describe("http pool", () => {
	it("opens as many connections as it may, and gives up the one unused for longest", async () => {
		const { pool, wire } = answering({ "GET /": response("200 OK", "x") });
		for (const host of ["192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.3"]) await exchange(pool, { url: `http://${host}/` });
		assert.deepEqual(
			wire.sockets.map(({ options, closed }) => [options.address, closed]),
			[
				["192.0.2.1", false],
				["192.0.2.2", true],
				["192.0.2.3", false],
			],
		);
		pool.release();
		assert.isTrue(wire.sockets.every(({ closed }) => closed));
	});
	it("refuses another when all are in use", async () => {
		const { pool } = answering({ "GET /": response("200 OK", "x") }, { connections: 1 });
		const first = exchange(pool, { url: "http://192.0.2.1/" });
		assert.equal((await failure(exchange(pool, { url: "http://192.0.2.2/" }))).code, "http.busy");
		await first;
		assert.equal((await exchange(pool, { url: "http://192.0.2.2/" })).status, 200);
	});
	it("gives each TLS socket the name and the session of its origin", async () => {
		const trust = {};
		const wire = new Wire();
		const { pool } = { pool: answering({}, { https: { ...wire.socket(), over: Wire, secure: { trust } } }).pool };
		interface Secure {
			readonly serverName: string;
			readonly session: ArrayBuffer | undefined;
			readonly trust: object;
			onSession(session: ArrayBuffer): void;
		}
		const connect = async (error?: Error): Promise<Secure> => {
			const waiting = exchange(pool, { url: "https://192.0.2.1/", timeouts: { keepAlive: 0 } }).catch(() => undefined);
			await turn();
			const socket = wire.last;
			const secure = socket.options.secure as Secure;
			const seen = { ...secure };
			if (error === undefined) {
				secure.onSession(new ArrayBuffer(7));
				socket.takes();
				socket.arrive("HTTP/1.1 204 No Content\r\n\r\n");
			} else socket.end(error);
			await waiting;
			return seen;
		};
		const first = await connect();
		assert.equal(first.serverName, "192.0.2.1");
		assert.equal(first.trust, trust);
		assert.isUndefined(first.session);
		assert.equal((await connect()).session?.byteLength, 7);
		assert.equal((await connect(new Error("handshake"))).session?.byteLength, 7);
		assert.isUndefined((await connect()).session, "a session that may be the fault is tried again");
	});
	for (const [missing, url] of [
		["http", "http://192.0.2.1/"],
		["https", "https://192.0.2.1/"],
	] as const) {
		it(`without ${missing} sockets refuses such links`, async () => {
			const wire = new Wire();
			const { pool } = answering({}, missing === "http" ? { http: undefined as never } : { https: undefined as never });
			assert.equal((await failure(exchange(pool, { url }))).code, "http.unsupported");
			assert.lengthOf(wire.sockets, 0);
		});
	}
});
