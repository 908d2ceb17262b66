/**
 * The one place in src that names the crypto module: keys and hashes come from here.
 */
export { Key, type KeyType, randomBytes, SHA256 } from "fleetling/crypto/crypto";
