/**
 * Keys, signatures, SHA-256, certificate requests and random bytes on the PSA API. Every failure is a FleetlingError with a code
 * of the group crypto.
 */
export type { Bytes } from "./bytes";
export { csr, type Subject } from "./csr";
export { type ImportedKeyType, Key, type KeyType, type SignatureForm } from "./key";
export { randomBytes } from "./random";
export { SHA256, sha256 } from "./sha256";
