/** The typings of @peculiar/x509 speak of WebCrypto as a browser has it: these are Node's types under those names. */
import type { webcrypto } from "node:crypto";

declare global {
	type Algorithm = webcrypto.Algorithm;
	type AlgorithmIdentifier = webcrypto.AlgorithmIdentifier;
	type BufferSource = webcrypto.BufferSource;
	type Crypto = webcrypto.Crypto;
	type CryptoKey = webcrypto.CryptoKey;
	type CryptoKeyPair = webcrypto.CryptoKeyPair;
	type EcdsaParams = webcrypto.EcdsaParams;
	type EcKeyGenParams = webcrypto.EcKeyGenParams;
	type EcKeyImportParams = webcrypto.EcKeyImportParams;
	type KeyUsage = webcrypto.KeyUsage;
	type RsaHashedImportParams = webcrypto.RsaHashedImportParams;
}
