/** A network of answering servers: each request gets the response that is written for its method and address. */
import { HTTPPool, type HTTPPoolOptions } from "fleetling/http/pool";
import Timer from "timer";
import { Wire, type WireSocket } from "./wire";

export interface Answering {
	readonly pool: HTTPPool;
	readonly wire: Wire;
	/** "METHOD scheme://address:port/path", in the order in which they came. */
	readonly log: string[];
	/** Header section and body of each request. */
	readonly requests: string[];
}

/**
 * @param answers response by "METHOD path" or "METHOD scheme://address:port/path"; null closes the connection
 * @param pieces size of the pieces in which responses arrive
 */
export function answering(
	answers: Readonly<Record<string, string | null>>,
	options: Partial<HTTPPoolOptions> = {},
	pieces = 100,
): Answering {
	const wire = new Wire();
	const log: string[] = [];
	const requests: string[] = [];
	const answer = (socket: WireSocket, scheme: string): void => {
		let seen = 0;
		const tick = (): void => {
			if (socket.closed) return;
			const text = socket.sent.slice(seen);
			const match = /^(\S+) (\S+) HTTP\/1.1\r\n(?:.+\r\n)*?\r\n/.exec(text);
			const length = Number(/^Content-Length: (\d+)\r$/m.exec(match?.[0] ?? "")?.[1] ?? 0);
			if (match === null || text.length < match[0].length + length) {
				Timer.set(tick, 1);
				return;
			}
			seen += match[0].length + length;
			const origin = `${scheme}://${socket.options.address}:${socket.options.port}`;
			log.push(`${match[1]} ${origin}${match[2]}`);
			requests.push(text.slice(0, match[0].length + length));
			const response = answers[`${match[1]} ${origin}${match[2]}`] ?? answers[`${match[1]} ${match[2]}`];
			if (response === null) {
				socket.end();
				return;
			}
			send(response ?? "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0);
		};
		const send = (response: string, from: number): void => {
			socket.arrive(response.slice(from, from + pieces));
			Timer.set(from + pieces < response.length ? () => send(response, from + pieces) : tick, 0);
		};
		Timer.set(() => {
			socket.takes(65_536);
			tick();
		});
	};
	const { sockets } = wire;
	let known = 0;
	/** Sockets are found by looking, since they are made by the client. */
	const watch = (): void => {
		for (; known < sockets.length; known++) {
			const socket = sockets[known];
			if (socket !== undefined) answer(socket, socket.options.secure === undefined ? "http" : "https");
		}
	};
	Timer.repeat(watch, 1);
	const pool = new HTTPPool({ http: wire.socket(), https: { ...wire.socket(), secure: {} }, dns: wire.dns(), ...options });
	return { pool, wire, log, requests };
}
