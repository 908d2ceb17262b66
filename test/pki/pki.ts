/** Certificates for tests and for the demo: see README.md. */
export {
	Authority,
	type AuthorityOptions,
	type CertificateOptions,
	createAuthority,
	days,
	type Issued,
	type KeyUsage,
	selfSign,
	type Usage,
} from "./authority";
export { generateKey, type Hash, type KeyKind, type KeyPair, toPEM } from "./keys";
