/** The server process that all programs of a comparison talk to, and the certificates that it shows. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../targets/host/tools/paths";
import { createAuthority, type Issued } from "../pki/pki";
import type { FileServerSetup } from "./fileserver";
import { pin } from "./processes";
import type { Workspace } from "./workspace";

/** A chain of an EC authority with a leaf of either kind; the authority's file is what clients trust. */
export interface Certificates {
	readonly ca: string;
	readonly ec: Issued;
	readonly rsa: Issued;
}

export async function makeCertificates(workspace: Workspace): Promise<Certificates> {
	const names = { names: ["localhost"], ips: ["127.0.0.1"] };
	const ecAuthority = await createAuthority({ name: "Fleetling bench EC authority", key: "ec" });
	const rsaAuthority = await createAuthority({ name: "Fleetling bench RSA authority", key: "rsa" });
	const ca = workspace.path("ca.pem");
	writeFileSync(ca, ecAuthority.certPEM + rsaAuthority.certPEM);
	return { ca, ec: await ecAuthority.issue({ ...names, key: "ec" }), rsa: await rsaAuthority.issue({ ...names, key: "rsa" }) };
}

/** The one suite that everybody has, so that everybody does the same work. */
export const suites = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256";
const version = { minVersion: "TLSv1.2", maxVersion: "TLSv1.2" } as const;

const secure = ({ keyPEM, chainPEM }: Issued): FileServerSetup["listeners"][string] => ({
	...version,
	key: keyPEM,
	cert: chainPEM,
	ciphers: suites,
});

export class Peers {
	readonly http: number;
	readonly https: number;
	/** HTTPS with an RSA certificate. */
	readonly rsa: number;
	readonly #child: ChildProcess;

	private constructor(child: ChildProcess, ports: Readonly<Record<string, number>>) {
		this.#child = child;
		this.http = ports.http ?? 0;
		this.https = ports.ec ?? 0;
		this.rsa = ports.rsa ?? 0;
	}

	/** @param rate bytes per second of each transfer; as fast as it goes when absent */
	static async start(file: string, { ec, rsa }: Certificates, rate?: number): Promise<Peers> {
		const child = fork(join(root, "test/bench/fileserver.ts"), [], { execArgv: ["--import", "tsx"] });
		pin(child.pid ?? 0, "serving");
		const setup: FileServerSetup = {
			file,
			listeners: { http: null, ec: secure(ec), rsa: secure(rsa) },
			...(rate !== undefined && { rate }),
		};
		child.send(setup);
		const [ports] = (await once(child, "message")) as [Readonly<Record<string, number>>];
		return new Peers(child, ports);
	}

	stop(): void {
		this.#child.kill();
	}
}
