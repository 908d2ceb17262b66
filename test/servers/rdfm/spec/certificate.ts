/** One authority and one certificate for 127.0.0.1, for the tests of the test servers themselves. */
import { createAuthority } from "../../../pki/pki";

const authority = await createAuthority({ name: "Test servers' root", key: "ec" });
const issued = await authority.issue({ ips: ["127.0.0.1"], key: "ec" });

/** Key and chain for a server, and what its clients trust; PEM. */
export const certificate = { key: issued.keyPEM, cert: issued.chainPEM, ca: authority.certPEM } as const;
