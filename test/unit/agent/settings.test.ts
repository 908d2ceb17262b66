import { assert } from "chai";
import { readSettings, type SettingSource, settingNames } from "fleetling/agent/settings";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";

const pem = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";
const least = { server: "rdfm", url: "https://updates.example.com:5000", ca: pem, deviceType: "thermostat" };

function from(values: Readonly<Record<string, unknown>>): SettingSource {
	return (key) => values[key];
}

describe("configuration", () => {
	it("needs four keys and knows the rest", () => {
		const { logLevel, actions, identity, ...settings } = readSettings(from(least));
		assert.equal(actions.length, 0);
		assert.equal(Object.keys(identity).length, 0);
		assert.deepEqual(settings, {
			...least,
			mac: undefined,
			keyType: undefined,
			tenantToken: undefined,
			inventorySecs: 28_800,
			pollSeconds: 900,
			checkInSeconds: 90,
			artifactKeys: undefined,
			imageType: undefined,
			secureVersion: 0,
			updateWindow: undefined,
			retryFailHours: 168,
			management: true,
			remoteConfig: true,
			connections: 2,
			portForward: "off",
			jsPrompt: false,
			logUpload: "none",
			blockBytes: 4096,
		});
		assert.equal(logLevel.level, "info");
	});

	it("takes numbers from a build and texts from storage", () => {
		assert.equal(readSettings(from({ ...least, pollSeconds: 5 })).pollSeconds, 5);
		assert.equal(readSettings(from({ ...least, pollSeconds: " 5 " })).pollSeconds, 5);
	});

	it("prefers the first source, and goes on to the next for what is missing or empty", () => {
		const settings = readSettings(from({ url: "http://a", ca: "", pollSeconds: null }), from({ ...least, pollSeconds: "7" }));
		assert.equal(settings.url, "http://a");
		assert.equal(settings.ca, pem);
		assert.equal(settings.pollSeconds, 7);
	});

	it("does not fall back to another source when a value is wrong", async () => {
		await rejects("config.invalid", () => readSettings(from({ url: "nonsense" }), from(least)), '"url"', "nonsense");
	});

	it("knows what is on and what is off", async () => {
		for (const value of ["on", "true", true]) assert.isTrue(readSettings(from({ ...least, management: value })).management);
		for (const value of ["off", "false", false]) assert.isFalse(readSettings(from({ ...least, management: value })).management);
		await rejects("config.invalid", () => readSettings(from({ ...least, management: "maybe" })), '"management"', "on or off");
	});

	it("knows actions by their command lines", async () => {
		const text = '[{"id":"net","command":["net"]}]';
		assert.equal(readSettings(from({ ...least, actions: text })).actions[0]?.id, "net");
		await rejects("config.invalid", () => readSettings(from({ ...least, actions: "[{}]" })), '"actions"');
	});

	it("knows where connections may be forwarded to", async () => {
		assert.equal(readSettings(from({ ...least, portForward: "local" })).portForward, "local");
		const { portForward } = readSettings(from({ ...least, portForward: "plc.lan:502" }));
		assert.deepEqual(portForward, [{ host: "plc.lan", port: 502 }]);
		await rejects("config.invalid", () => readSettings(from({ ...least, portForward: "on" })), '"portForward"', "off, local, or");
	});

	it("has keys that NVS can hold", () => {
		for (const name of settingNames) assert.isAtMost(name.length, 15);
	});

	it("needs no authority for plain http", () => {
		assert.isUndefined(readSettings(from({ ...least, url: "http://10.0.0.1:5000", ca: undefined })).ca);
	});

	for (const name of ["server", "url", "deviceType", "ca"] as const)
		it(`names the missing key ${name}`, async () => {
			const error = await rejects(
				"config.missing",
				() => readSettings(from({ ...least, [name]: undefined })),
				`"${name}"`,
				"is not set",
			);
			assert.notInclude(error.message, "\n");
		});

	const wrong: readonly (readonly [string, unknown])[] = [
		["server", "x".repeat(33)],
		["url", "example.com"],
		["url", "ftp://example.com"],
		["url", "https://"],
		["url", "https://user:pass@example.com"],
		["url", "https://example.com/?a=b"],
		["url", "https://example.com/#x"],
		["url", "https://example.com:99999"],
		["ca", "not a certificate"],
		["ca", "-----BEGIN CERTIFICATE-----"],
		["deviceType", "x".repeat(65)],
		["mac", "24:6f:28:aa:bb"],
		["mac", "24-6f-28-aa-bb-cc"],
		["mac", "24:6f:28:aa:bb:gg"],
		["pollSeconds", "soon"],
		["pollSeconds", 0],
		["pollSeconds", 1.5],
		["pollSeconds", -1],
		["pollSeconds", 604_801],
		["pollSeconds", "Infinity"],
		["pollSeconds", true],
		["pollSeconds", {}],
		["checkInSeconds", 4],
		["checkInSeconds", 3601],
		["blockBytes", 4095],
		["blockBytes", 6000],
		["blockBytes", 32768],
		["artifactKeys", "-----BEGIN PRIVATE KEY-----"],
		["imageType", "x".repeat(65)],
		["secureVersion", -1],
		["updateWindow", "always"],
		["updateWindow", "01:00-01:00"],
		["updateWindow", "25:00-05:00"],
		["retryFailHours", "-1"],
		["retryFailHours", 8761],
		["logLevel", "loud"],
		["logLevel", "update=loud"],
	];
	for (const [name, value] of wrong)
		it(`names the key ${name} that cannot be ${JSON.stringify(value).slice(0, 40)}`, async () => {
			const error = await rejects(
				"config.invalid",
				() => readSettings(from({ ...least, [name]: value })),
				`"${name}"`,
				"expected",
			);
			assert.notInclude(error.message, "\n");
			assert.isBelow(error.message.length, 300);
		});

	it("does not show what is long or secret", async () => {
		const error = await rejects("config.invalid", () => readSettings(from({ ...least, ca: "-----BEGIN PRIVATE KEY-----abc" })));
		assert.notInclude(error.message, "PRIVATE");
	});

	it("puts paths behind addresses", () => {
		for (const url of ["https://h:5000/", "https://h:5000//", "https://h:5000"])
			assert.equal(readSettings(from({ ...least, url })).url, "https://h:5000");
		assert.equal(readSettings(from({ ...least, url: "https://h/rdfm/" })).url, "https://h/rdfm");
	});

	it("keeps the address of the device as it is written", () => {
		assert.equal(readSettings(from({ ...least, mac: "24:6F:28:aa:BB:cc" })).mac, "24:6F:28:aa:BB:cc");
	});
});
