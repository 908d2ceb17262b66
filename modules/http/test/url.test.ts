import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { authorityOf, isAddress, originOf, parseURL, resolveURL } from "fleetling/http/url";
import { describe, it } from "test/harness";

const codeOf = (body: () => unknown): string | undefined => {
	try {
		body();
		return undefined;
	} catch (error) {
		return error instanceof FleetlingError ? error.code : String(error);
	}
};

describe("http url", () => {
	for (const [text, scheme, host, port, path] of [
		["http://example.com", "http", "example.com", 80, "/"],
		["https://example.com/", "https", "example.com", 443, "/"],
		["HTTPS://Example.COM:8443/A/b?c=d#e", "https", "example.com", 8443, "/A/b?c=d"],
		["http://192.0.2.7:5000/x", "http", "192.0.2.7", 5000, "/x"],
		["http://[2001:DB8::1]:81/x", "http", "2001:db8::1", 81, "/x"],
		["http://h?q", "http", "h", 80, "/?q"],
		["http://h#f", "http", "h", 80, "/"],
		["http://h:/p", "http", "h", 80, "/p"],
		["http://h/a b/ä?x={1}", "http", "h", 80, "/a%20b/%C3%A4?x=%7B1%7D"],
		["http://h/%7Ex%2f", "http", "h", 80, "/%7Ex%2f"],
		["http://my_host-1.local./x", "http", "my_host-1.local.", 80, "/x"],
	] as const) {
		it(`reads ${text}`, () => assert.deepEqual(parseURL(text), { scheme, host, port, path }));
	}
	for (const text of [
		"",
		"example.com",
		"ftp://example.com/",
		"http:/example.com",
		"http://",
		"http://:80/",
		"http://user:secret@example.com/",
		"http://h:0/",
		"http://h:65536/",
		"http://h:8a/",
		"http://h h/",
		"http://[::1/",
		"http://h/a\r\nX: y",
		"http://h/a\0b",
		"http://h\r\n/",
		"http://h/\ud800",
		`http://h/${"a".repeat(4000)}`,
		`http://${"a".repeat(300)}/`,
	]) {
		it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () =>
			assert.equal(
				codeOf(() => parseURL(text)),
				"http.bad-url",
			));
	}
	it("shows neither queries nor users nor control characters in errors", () => {
		for (const text of ["http://h:99999/x?token=secret", "http://me:secret@h/", "http://h/\x1b[2J?secret"]) {
			try {
				parseURL(text);
				assert.fail("accepted");
			} catch (error) {
				assert.notInclude(String(error), "secret");
				assert.match(String(error), /^[\x20-\x7e]+$/);
			}
		}
	});

	// The examples of RFC 3986 section 5.4, with an http base instead of its own.
	const base = parseURL("http://a/b/c/d;p?q");
	for (const [reference, expected] of [
		["g", "http://a:80/b/c/g"],
		["./g", "http://a:80/b/c/g"],
		["g/", "http://a:80/b/c/g/"],
		["/g", "http://a:80/g"],
		["//g", "http://g:80/"],
		["?y", "http://a:80/b/c/d;p?y"],
		["g?y", "http://a:80/b/c/g?y"],
		["#s", "http://a:80/b/c/d;p?q"],
		["g#s", "http://a:80/b/c/g"],
		[";x", "http://a:80/b/c/;x"],
		["", "http://a:80/b/c/d;p?q"],
		[".", "http://a:80/b/c/"],
		["./", "http://a:80/b/c/"],
		["..", "http://a:80/b/"],
		["../g", "http://a:80/b/g"],
		["../..", "http://a:80/"],
		["../../g", "http://a:80/g"],
		["../../../g", "http://a:80/g"],
		["/./g", "http://a:80/g"],
		["/../g", "http://a:80/g"],
		["g.", "http://a:80/b/c/g."],
		["..g", "http://a:80/b/c/..g"],
		["./../g", "http://a:80/b/g"],
		["./g/.", "http://a:80/b/c/g/"],
		["g;x=1/../y", "http://a:80/b/c/y"],
		["g?y/../x", "http://a:80/b/c/g?y/../x"],
		["https://other:1/x", "https://other:1/x"],
	] as const) {
		it(`resolves "${reference}"`, () => {
			const url = resolveURL(base, reference);
			assert.equal(originOf(url) + url.path, expected);
		});
	}
	for (const reference of ["mailto:a@b", "javascript:alert(1)", "//", "/x\r\ny", "file:///etc/passwd"]) {
		it(`refuses the reference ${JSON.stringify(reference)}`, () =>
			assert.equal(
				codeOf(() => resolveURL(base, reference)),
				"http.bad-url",
			));
	}
	it("names origins and hosts", () => {
		assert.equal(originOf(parseURL("https://[::1]/")), "https://[::1]:443");
		assert.equal(authorityOf(parseURL("https://h:443/")), "h");
		assert.equal(authorityOf(parseURL("http://h:443/")), "h:443");
		assert.equal(authorityOf(parseURL("http://[::1]:8080/")), "[::1]:8080");
	});
	it("knows addresses from names", () => {
		for (const address of ["127.0.0.1", "::1", "2001:db8::7"]) assert.isTrue(isAddress(address), address);
		for (const name of ["localhost", "1.example", "1.2.3", "127.0.0.1.example"]) assert.isFalse(isAddress(name), name);
	});
});
