import { FleetlingError } from "fleetling/error/error";
import { Key, type KeyType } from "../common/crypto";
import type { KeyValueStore } from "../common/device";
import type { TaggedLog } from "../common/log";

/**
 * The device's key pair. It is made once, on the first start, and is what a server knows the device by: a server
 * compares the public key as text, so it has to come out the same for ever.
 */
export class Identity {
	readonly #key: Key;
	/** SubjectPublicKeyInfo as PEM. */
	readonly publicPEM: string;

	private constructor(key: Key) {
		this.#key = key;
		this.publicPEM = key.publicPEM;
	}

	/**
	 * The stored key of this type, or a new one. A new key is in storage before anybody sees it: one that a server had
	 * met and a power cut had taken would have to be approved by a person again.
	 *
	 * @param store domain "identity" of the key-value storage, of format "buffer"
	 */
	static async load(store: KeyValueStore, type: KeyType, log: TaggedLog): Promise<Identity> {
		const stored = store.read(type);
		if (stored instanceof ArrayBuffer) {
			try {
				return new Identity(Key.import(stored));
			} catch (error) {
				// It can never be used again, so that a new one is the only way back into the fleet.
				log.failure(error);
				log.error("the stored key is damaged; making a new one, which has to be approved on the server again");
			}
		}
		log.info(`making the device's ${type} key, once; this takes up to a minute on a small chip`);
		const key = await Key.generate(type);
		try {
			store.write(type, key.export());
		} catch (cause) {
			key.close();
			throw new FleetlingError("storage.failed", "the device's new key could not be stored; check the nvs partition", { cause });
		}
		return new Identity(key);
	}

	/** Signature over `data` with SHA-256: PKCS#1 v1.5 with an RSA key, DER with an elliptic one. */
	sign(data: Uint8Array): ArrayBuffer {
		return this.#key.sign(data);
	}

	close(): void {
		this.#key.close();
	}
}
