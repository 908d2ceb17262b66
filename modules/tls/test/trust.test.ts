import { assert } from "chai";
import { FleetlingError } from "fleetling/error/error";
import { TrustStore } from "fleetling/tls/tls";
import { describe, it } from "test/harness";
import { rootEC, rootRSA } from "./fixtures";

function codeOf(pem: string): readonly [string, string] {
	try {
		new TrustStore(pem).close();
	} catch (error) {
		assert.instanceOf(error, FleetlingError);
		return [error.code, error.message];
	}
	return ["", ""];
}

describe("tls/trust", () => {
	it("reads one certificate", () => {
		const trust = new TrustStore(rootEC);
		assert.equal(trust.count, 1);
		assert.equal(trust.skipped, 0);
		trust.close();
	});
	it("reads several, with text around them", () => {
		const trust = new TrustStore(`# roots\n${rootEC}\nand\n${rootRSA}`);
		assert.equal(trust.count, 2);
		assert.equal(trust.skipped, 0);
		trust.close();
	});
	it("counts those that cannot be used", () => {
		const damaged = rootRSA.replace(/M/g, "A");
		const trust = new TrustStore(rootEC + damaged);
		assert.equal(trust.count, 1);
		assert.equal(trust.skipped, 1);
		trust.close();
	});
	it("says what is wrong with a text that holds none", () => {
		assert.deepEqual([codeOf("")[0], codeOf("  \n")[0], codeOf("hello")[0]], Array(3).fill("tls.bad-authority"));
		assert.match(codeOf("")[1], /is empty.*-----BEGIN CERTIFICATE-----/);
		assert.match(codeOf("hello")[1], /is not PEM/);
		assert.match(codeOf(rootEC.slice(0, 200))[1], /cannot be read/);
		assert.match(codeOf("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")[1], /cannot be read/);
	});
	it("can be closed again and again", () => {
		const trust = new TrustStore(rootEC);
		trust.close();
		trust.close();
		assert.equal(trust.count, 0);
	});
});
