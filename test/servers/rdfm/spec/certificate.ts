/** A self-signed certificate for 127.0.0.1, made by openssl for the tests of the test server itself. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Key and certificate, PEM. */
export interface Certificate {
	readonly key: string;
	readonly cert: string;
}

/** Makes one with a P-256 key, good for a day. */
export function makeCertificate(): Certificate {
	const folder = mkdtempSync(join(tmpdir(), "rdfm-certificate-"));
	const file = (name: string): string => join(folder, name);
	const subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
	const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file("key.pem")];
	try {
		execFileSync("openssl", ["req", "-x509", ...key, "-out", file("cert.pem"), "-days", "1", ...subject], { stdio: "ignore" });
		return { key: readFileSync(file("key.pem"), "utf8"), cert: readFileSync(file("cert.pem"), "utf8") };
	} finally {
		rmSync(folder, { recursive: true });
	}
}
