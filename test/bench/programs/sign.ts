/** Signs as an authentication does: RSA, SHA-256, a message of 1 KiB. */
import Base64 from "base64";
import { Key } from "fleetling/crypto/crypto";
import { parameters } from "test/harness";
import { measureRounds } from "./rounds";

const key = Key.import(Base64.decode(String(parameters.key)));
const message = new Uint8Array(1024);

void measureRounds(Number(parameters.count), () => {
	message[0] = ((message[0] ?? 0) + 1) & 255;
	key.sign(message);
});
