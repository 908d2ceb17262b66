/** Does on XS what the peer in crypto.spec.ts asks for: one message a request, one event an answer. Bytes travel as base64. */
import Base64 from "base64";
import { csr, Key, SHA256 } from "fleetling/crypto/crypto";
import { FleetlingError } from "fleetling/error/error";
import { emit, exit, onMessage } from "test/harness";
import type { Request } from "./crypto-requests";

const keys = new Map<string, Key>();

function keyOf(name: string): Key {
	const key = keys.get(name);
	if (key === undefined) throw new Error(`no key ${name}`);
	return key;
}

function keep(name: string, key: Key): string {
	keys.get(name)?.close();
	keys.set(name, key);
	return key.type;
}

async function answer(request: Request): Promise<string | boolean> {
	switch (request.action) {
		case "generate":
			return keep(request.key, await Key.generate(request.type));
		case "import":
			return keep(request.key, Key.import(Base64.decode(request.der)));
		case "importPublic":
			return keep(request.key, Key.importPublic(request.pem));
		case "public":
			return keyOf(request.key).publicPEM;
		case "export":
			return Base64.encode(keyOf(request.key).export());
		case "sign":
			return Base64.encode(keyOf(request.key).sign(Base64.decode(request.data), request.form));
		case "signRaw":
			return Base64.encode(keyOf(request.key).signRaw(Base64.decode(request.data)));
		case "verify":
			return keyOf(request.key).verify(Base64.decode(request.data), Base64.decode(request.signature), request.form);
		case "csr":
			return csr(keyOf(request.key), request.subject);
		case "hash": {
			const data = Base64.decode(request.data);
			const hash = new SHA256();
			let position = 0;
			for (const length of request.pieces) {
				hash.update(data, position, length);
				position += length;
			}
			return Base64.encode(hash.update(data, position).digest());
		}
		case "generateAndExit":
			void Key.generate(request.type);
			return exit();
	}
}

onMessage(async (message) => {
	try {
		emit({ event: "answer", answer: await answer(message as Request) });
	} catch (error) {
		emit({ event: "answer", error: error instanceof FleetlingError ? error.code : String(error) });
	}
});
emit({ event: "ready" });
