/** Keys, signatures, PEM and certificate requests made on XS, judged by Node's crypto and by the openssl command, and the other way round. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
	constants,
	createHash,
	createPrivateKey,
	createPublicKey,
	createSign,
	generateKeyPairSync,
	type KeyObject,
	publicDecrypt,
	randomBytes,
	verify,
} from "node:crypto";
import { after, before, describe, it } from "mocha";
import { runXS, type XSProgram } from "../xs/driver";
import type { Request } from "./programs/crypto-requests";

const main = "test/integration/programs/crypto.ts";
const types = ["p-256", "rsa-2048", "rsa-3072"] as const;
const forms = [
	{ form: "der", dsaEncoding: "der" },
	{ form: "raw", dsaEncoding: "ieee-p1363" },
] as const;
const body = Buffer.from('{"metadata":{"rdfm.hardware.macaddr":"24:6f:28:00:00:01"},"timestamp":1700000000}');

const pemOf = (key: KeyObject): string => key.export({ type: "spki", format: "pem" }) as string;

/** A key pair made by Node. */
function nodePair(type: (typeof types)[number]): { readonly publicKey: KeyObject; readonly privateKey: KeyObject } {
	return type === "p-256"
		? generateKeyPairSync("ec", { namedCurve: "P-256" })
		: generateKeyPairSync("rsa", { modulusLength: type === "rsa-2048" ? 2048 : 3072 });
}

function openssl(args: readonly string[], input: string): string {
	const result = spawnSync("openssl", args, { input, encoding: "utf8" });
	assert.equal(result.status, 0, `openssl ${args.join(" ")}: ${result.stderr}`);
	return result.stdout + result.stderr;
}

describe("crypto against Node and OpenSSL", function () {
	this.timeout(60_000);
	let program: XSProgram;

	before(async function () {
		this.timeout(300_000);
		program = await runXS({ main, timeout: 240_000 });
		await program.waitFor((event) => event.event === "ready");
	});

	after(() => program.kill());

	async function ask(request: Request): Promise<string | boolean> {
		const seen = program.events.length;
		program.send(request);
		const event = await program.waitFor((each) => each.event === "answer" && program.events.indexOf(each) >= seen);
		if (event.error !== undefined) throw new Error(String(event.error));
		return event.answer as string | boolean;
	}

	async function askBytes(request: Request): Promise<Buffer> {
		return Buffer.from(String(await ask(request)), "base64");
	}

	for (const type of types) {
		describe(type, () => {
			const key = type;
			let publicKey: KeyObject;

			before(async () => {
				assert.equal(await ask({ action: "generate", key, type }), type);
				publicKey = createPublicKey(String(await ask({ action: "public", key })));
			});

			it("has a public key that Node writes the same way, byte for byte", async () => {
				assert.equal(await ask({ action: "public", key }), pemOf(publicKey));
				const details = publicKey.asymmetricKeyDetails;
				if (type === "p-256") assert.equal(details?.namedCurve, "prime256v1");
				else assert.equal(details?.modulusLength, Number(type.slice(4)));
			});

			it("has an exported private key that Node and OpenSSL take", async () => {
				const der = await askBytes({ action: "export", key });
				const privateKey = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
				assert.equal(pemOf(createPublicKey(privateKey)), pemOf(publicKey));
				const pem = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
				assert.match(openssl(["pkey", "-check", "-noout"], pem), /Key is valid/);
			});

			it("makes signatures that Node verifies", async () => {
				for (const { form, dsaEncoding } of forms) {
					const signature = await askBytes({ action: "sign", key, data: body.toString("base64"), form });
					assert.ok(verify("sha256", body, { key: publicKey, dsaEncoding }, signature), form);
					assert.ok(!verify("sha256", body.subarray(1), { key: publicKey, dsaEncoding }, signature), form);
				}
			});

			it("makes a certificate request that OpenSSL verifies", async () => {
				const subject = {
					commonName: "device 0001",
					organization: "Größe & Söhne",
					country: "DE",
					serialNumber: "24:6F:28:00:00:01",
					emailAddress: "fleet@example.com",
				};
				const pem = String(await ask({ action: "csr", key, subject }));
				assert.match(pem, /^-----BEGIN CERTIFICATE REQUEST-----\n([A-Za-z0-9+/=]{1,64}\n)+-----END CERTIFICATE REQUEST-----\n$/);
				const text = openssl(["req", "-verify", "-noout", "-subject", "-nameopt", "RFC2253,-esc_msb,utf8"], pem);
				assert.match(text, /verify OK/);
				assert.match(
					text,
					/subject=emailAddress=fleet@example\.com,serialNumber=24:6F:28:00:00:01,CN=device 0001,O=Größe & Söhne,C=DE/,
				);
				assert.equal(openssl(["req", "-noout", "-pubkey"], pem), pemOf(publicKey));
			});

			it("is read from every form that Node writes, and signs for it", async () => {
				const pair = nodePair(type);
				const forms = ["pkcs8", type === "p-256" ? "sec1" : "pkcs1"] as const;
				for (const form of forms) {
					const der = pair.privateKey.export({ type: form, format: "der" } as { type: "pkcs8"; format: "der" });
					assert.equal(await ask({ action: "import", key: "imported", der: der.toString("base64") }), type);
					assert.equal(await ask({ action: "public", key: "imported" }), pemOf(pair.publicKey));
					const signature = await askBytes({ action: "sign", key: "imported", data: body.toString("base64"), form: "der" });
					assert.ok(verify("sha256", body, pair.publicKey, signature));
				}
			});

			it("verifies what Node has signed", async () => {
				const pair = nodePair(type);
				assert.equal(await ask({ action: "importPublic", key: "other", pem: pemOf(pair.publicKey) }), type);
				for (const { form, dsaEncoding } of forms) {
					// Ten of them, so that numbers of an ECDSA signature with a leading zero or a set top bit occur.
					for (let count = 0; count < 10; count++) {
						const data = randomBytes(64);
						const signature = createSign("sha256").update(data).sign({ key: pair.privateKey, dsaEncoding });
						const request = { action: "verify", key: "other", form, data: data.toString("base64") } as const;
						assert.equal(await ask({ ...request, signature: signature.toString("base64") }), true, form);
						const index = count % signature.length;
						signature[index] = (signature[index] ?? 0) ^ 1;
						assert.equal(await ask({ ...request, signature: signature.toString("base64") }), false, form);
					}
				}
			});

			if (type !== "p-256") {
				it("signs bytes as they are, which Node recovers with the public key", async () => {
					for (const data of [Buffer.from("x"), randomBytes(40), randomBytes(245)]) {
						const signature = await askBytes({ action: "signRaw", key, data: data.toString("base64") });
						assert.deepEqual(publicDecrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, signature), data);
					}
				});

				it("is read from PKCS#1 PEM", async () => {
					const pair = nodePair(type);
					const pem = pair.publicKey.export({ type: "pkcs1", format: "pem" }) as string;
					assert.equal(await ask({ action: "importPublic", key: "other", pem }), type);
					assert.equal(await ask({ action: "public", key: "other" }), pemOf(pair.publicKey));
				});
			}
		});
	}

	it("hashes like Node, whatever the pieces", async () => {
		const data = randomBytes(100_000);
		const expected = createHash("sha256").update(data).digest();
		for (const pieces of [[], [1, 63, 64, 65], [4096, 4096, 1, 4095], Array.from({ length: 97 }, (_, index) => index * 10)])
			assert.deepEqual(await askBytes({ action: "hash", data: data.toString("base64"), pieces }), expected);
	});

	it("survives that the machine ends while a key is being made", async () => {
		for (const type of ["rsa-3072", "p-256"] as const) {
			const ending = await runXS({ main });
			await ending.waitFor((event) => event.event === "ready");
			ending.send({ action: "generateAndExit", type } satisfies Request);
			const end = await ending.done;
			assert.deepEqual(
				{ code: end.code, signal: end.signal, timedOut: end.timedOut },
				{ code: 0, signal: null, timedOut: false },
				end.output,
			);
		}
	});
});
