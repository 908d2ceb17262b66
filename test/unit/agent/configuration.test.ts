import { assert } from "chai";
import { StoredConfiguration } from "fleetling/agent/configuration";
import { settingNames } from "fleetling/agent/settings";
import type { Wanted } from "fleetling/agent/wanted";
import { describe, it } from "test/harness";
import { rejects } from "../fakes/errors";
import { MemoryStore } from "../fakes/store";

const pem = `-----BEGIN CERTIFICATE-----\n${"A".repeat(200)}\n-----END CERTIFICATE-----\n`;

function configurationOf(stored: Record<string, string>, built: Record<string, unknown> = {}, wanted: Wanted = {}) {
	const store = new MemoryStore(stored);
	return {
		store,
		configuration: new StoredConfiguration(
			() => store,
			(key) => built[key],
			() => wanted,
		),
	};
}

describe("the configuration as a person sees it", () => {
	it("says where each value comes from", () => {
		const { configuration } = configurationOf({ url: "https://device" }, { url: "https://build", deviceType: "lamp", ca: "" });
		assert.deepInclude(configuration.show("url"), { name: "url", value: "https://device", origin: "device" });
		assert.deepInclude(configuration.show("deviceType"), { value: "lamp", origin: "build" });
		assert.deepInclude(configuration.show("pollSeconds"), { value: "900", origin: "default" });
		assert.deepInclude(configuration.show("ca"), { value: undefined, origin: "default" });
		for (const name of settingNames) assert.isNotEmpty(configuration.show(name).help, name);
	});

	it("shows no long or secret text", () => {
		const { configuration } = configurationOf({ ca: pem });
		assert.equal(configuration.show("ca").value, `(${pem.length} characters)`);
	});

	it("stores what is good and nothing else", async () => {
		const { store, configuration } = configurationOf({});
		configuration.set("pollSeconds", "60");
		assert.equal(store.read("pollSeconds"), "60");
		const { writes } = store;
		await rejects("config.invalid", () => configuration.set("pollSeconds", "soon"), "pollSeconds", "soon");
		await rejects("config.invalid", () => configuration.set("url", ""), "url");
		await rejects("config.unknown", () => configuration.set("nonsense", "1"), "nonsense", "pollSeconds");
		await rejects("config.unknown", () => configuration.show("toString"));
		assert.equal(store.writes, writes);
	});

	it("says what the server has set, and that it has to be changed there", async () => {
		const { store, configuration } = configurationOf({ pollSeconds: "60" }, {}, { pollSeconds: "30" });
		assert.deepInclude(configuration.show("pollSeconds"), { value: "30", origin: "server" });
		assert.deepInclude(configuration.show("logLevel"), { value: "info", origin: "default" });
		await rejects("config.set-by-server", () => configuration.set("pollSeconds", "5"), '"pollSeconds"', '"30"', "remoteConfig");
		await rejects("config.set-by-server", () => configuration.reset("pollSeconds"), '"pollSeconds"');
		configuration.set("remoteConfig", "off");
		assert.equal(store.read("pollSeconds"), "60");
	});

	it("forgets what is stored", () => {
		const { configuration } = configurationOf({ url: "https://device" }, { url: "https://build" });
		configuration.reset("url");
		configuration.reset("url");
		assert.deepInclude(configuration.show("url"), { value: "https://build", origin: "build" });
	});
});
