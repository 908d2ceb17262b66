/** Makes TLS connections, one after the other, and closes each as soon as it is open. */
import TCP from "embedded:io/socket/tcp";
import { TLSSocket, type TransportConstructor, TrustStore } from "fleetling/tls/tls";
import { parameters } from "test/harness";
import { measureRounds } from "./rounds";

const trust = new TrustStore(String(parameters.authorities));
const port = Number(parameters.port);
const resume = parameters.resume === true;
let session: ArrayBuffer | undefined;

function connect(wanted: ArrayBuffer | undefined): Promise<void> {
	return new Promise((resolve, reject) => {
		new TLSSocket({
			io: TCP as unknown as TransportConstructor,
			address: "127.0.0.1",
			port,
			secure: {
				serverName: "127.0.0.1",
				trust,
				session: wanted,
				onSession: (made) => {
					session ??= made;
				},
			},
			onWritable() {
				const asWanted = this.resumed === (wanted !== undefined);
				this.close();
				if (asWanted) resolve();
				else reject(new Error("the server did not resume the session"));
			},
			onError: reject,
		});
	});
}

void measureRounds(Number(parameters.count), (warming) => connect(warming || !resume ? undefined : session));
