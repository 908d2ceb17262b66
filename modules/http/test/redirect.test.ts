import { assert } from "chai";
import type { FleetlingError } from "fleetling/error/error";
import { isRedirect, isSensitive, redirect } from "fleetling/http/redirect";
import { originOf, parseURL } from "fleetling/http/url";
import { describe, it } from "test/harness";

const from = parseURL("https://server.test/api/x");
const headers = [
	["Authorization", "Bearer token=abc"],
	["X-RDFM-Device-Signature", "c2ln"],
	["Content-Type", "application/json"],
	["Accept", "*/*"],
	["cookie", "a=b"],
] as const;

describe("http redirects", () => {
	it("are 301, 302, 303, 307 and 308", () => {
		const found: number[] = [];
		for (let status = 100; status < 600; status++) if (isRedirect(status)) found.push(status);
		assert.deepEqual(found, [301, 302, 303, 307, 308]);
	});
	for (const [status, method, expected, body] of [
		[301, "POST", "GET", false],
		[302, "POST", "GET", false],
		[303, "POST", "GET", false],
		[303, "PUT", "GET", false],
		[303, "HEAD", "HEAD", true],
		[301, "PUT", "PUT", true],
		[302, "GET", "GET", true],
		[307, "POST", "POST", true],
		[308, "POST", "POST", true],
		[308, "PUT", "PUT", true],
	] as const) {
		it(`${status} after ${method} becomes ${expected}`, () => {
			const next = redirect(from, { method, headers }, status, "/y");
			assert.equal(next.method, expected);
			assert.equal(next.body, body);
			assert.equal(
				next.headers.some(([name]) => name === "Content-Type"),
				body,
			);
		});
	}
	it("keep the credentials within the origin", () => {
		const next = redirect(from, { method: "GET", headers }, 302, "https://SERVER.test:443/y");
		assert.deepEqual(next.headers, headers);
		assert.equal(next.url.path, "/y");
	});
	for (const location of [
		"https://other.test/y",
		"https://server.test:8443/y",
		"//evil.test/y",
		"https://server.test.evil.test/",
	]) {
		it(`do not carry credentials to ${location}`, () => {
			const next = redirect(from, { method: "GET", headers }, 307, location);
			assert.deepEqual(
				next.headers.map(([name]) => name),
				["Content-Type", "Accept"],
			);
		});
	}
	it("from http to https is another origin, but allowed", () => {
		const next = redirect(parseURL("http://server.test/x"), { method: "GET", headers }, 301, "https://server.test/x");
		assert.equal(originOf(next.url), "https://server.test:443");
		assert.lengthOf(next.headers, 2);
	});
	it("from https to http are refused", () => {
		try {
			redirect(from, { method: "GET", headers }, 302, "http://server.test/y");
			assert.fail("followed");
		} catch (error) {
			assert.equal((error as FleetlingError).code, "http.redirect-refused");
		}
	});
	it("take a list of sensitive fields of the caller's own", () => {
		const next = redirect(from, { method: "GET", headers }, 302, "https://other.test/", ["accept"]);
		assert.deepEqual(
			next.headers.map(([name]) => name),
			["Authorization", "X-RDFM-Device-Signature", "Content-Type", "cookie"],
		);
	});
	it("match names with a star", () => {
		assert.isTrue(isSensitive("X-MEN-Signature", ["x-*-signature"]));
		assert.isFalse(isSensitive("X-Signature", ["x-*-signature"]));
		assert.isFalse(isSensitive("X-a-Signature2", ["x-*-signature"]));
		assert.isTrue(isSensitive("anything", ["*"]));
	});
});
