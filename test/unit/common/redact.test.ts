import { assert } from "chai";
import { redact } from "fleetling/common/redact";
import { describe, it } from "test/harness";

const jwt = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkZXZpY2VfaWQiOiIwMDoxMSJ9.c2lnbmF0dXJl";

describe("redaction", () => {
	const cases: readonly (readonly [what: string, from: string, to: string])[] = [
		["nothing", "downloading update 7", "downloading update 7"],
		["RDFM's token", `Authorization: Bearer token=${jwt}`, "Authorization: Bearer (hidden)"],
		["a token of RFC 6750", "Bearer abc.def-123\r\nHost: x", "Bearer (hidden)\r\nHost: x"],
		["a token by its name", `{"x":"token=abc","y":1}`, `{"x":"token=(hidden)","y":1}`],
		["a web token on its own", `got ${jwt}, fine`, "got (hidden), fine"],
		["two secrets", `token=a token=b`, "token=(hidden) token=(hidden)"],
		["a link's query", "GET https://s3.example/b/f?X-Amz-Signature=12&x=1 failed", "GET https://s3.example/b/f?(hidden) failed"],
		["a link's password", "https://user:pass@host:5000/a", "https://(hidden)@host:5000/a"],
		["a link without secrets", "https://host:5000/a/b", "https://host:5000/a/b"],
		["an empty query", "https://host/a? ok", "https://host/a? ok"],
		["a private key", "key -----BEGIN PRIVATE KEY-----\nMIIE\n-----END", "key (hidden)"],
		["a short word that begins like a token", "eyJolly good", "eyJolly good"],
		["a name at the end", "what is a token=", "what is a token="],
	];
	for (const [what, from, to] of cases) it(`deals with ${what}`, () => assert.equal(redact(from), to));
});
