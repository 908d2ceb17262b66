import { assert } from "chai";
import type { Storage } from "fleetling/common/device";
import { checkNetwork, knownNetworks } from "fleetling/esp32/network/networks";
import { StoredNetworks } from "fleetling/esp32/network/stored-networks";
import { wifiCommand } from "fleetling/esp32/network/wifi-command";
import { beforeEach, describe, it } from "test/harness";
import { rejects } from "../fakes/errors";
import { FakePowers } from "../fakes/powers";

let complaints: string[];
const complain = (text: string): void => {
	complaints.push(text);
};

describe("known Wi-Fi networks", () => {
	beforeEach(() => {
		complaints = [];
	});
	it("stored ones come first, then the one of the build; each name once", () => {
		const stored = '[{"ssid":"home","password":"secret-word"},{"ssid":"guests"},{"ssid":"home","password":"other-word"}]';
		const known = knownNetworks(stored, [{ ssid: "lab", password: "laboratory" }, { ssid: "guests" }], complain);
		assert.deepEqual(known, [
			{ ssid: "home", password: "secret-word" },
			{ ssid: "guests", password: undefined },
			{ ssid: "lab", password: "laboratory" },
		]);
		assert.deepEqual(complaints, []);
	});
	const broken: readonly string[] = ["{", '"home"', '{"ssid":"home"}', "null", '[{"ssid":"home","password":"top-secret-1"'];
	for (const stored of broken) {
		it(`a list that cannot be read does not cost the others: ${stored}`, () => {
			assert.equal(knownNetworks(stored, [{ ssid: "lab" }], complain).length, 1);
			assert.equal(complaints.length, 1);
			assert.notInclude(complaints[0] ?? "", "top-secret-1");
		});
	}
	it("an entry that cannot be used does not cost the others, and its password is not shown", () => {
		const stored = '[null,7,{},{"ssid":""},{"ssid":"short","password":"pa55"},{"ssid":"good"}]';
		assert.deepEqual(knownNetworks(stored, [], complain), [{ ssid: "good", password: undefined }]);
		assert.equal(complaints.length, 5);
		assert.notInclude(complaints.join(), "pa55");
	});
	it("no more than eight", () => {
		const stored = JSON.stringify(Array.from({ length: 12 }, (_, at) => ({ ssid: `net-${at}` })));
		assert.equal(knownNetworks(stored, [], complain).length, 8);
		assert.equal(complaints.length, 1);
	});
	it("names have 1 to 32 bytes, passwords 8 to 64", () => {
		assert.equal(checkNetwork("x".repeat(32), "p".repeat(64)).ssid.length, 32);
		for (const [ssid, password] of [
			["x".repeat(33), undefined],
			["ü".repeat(17), undefined],
			["", undefined],
			["home", "p".repeat(65)],
			["home", "p".repeat(7)],
			["home", 12345678],
		] as const)
			assert.throws(() => checkNetwork(ssid, password), /Wi-Fi network/);
	});
});

class FakeStorage implements Storage {
	readonly values = new Map<string, string>();

	open(): ReturnType<Storage["open"]> {
		const { values } = this;
		return {
			read: (key) => values.get(key),
			write: (key, value) => {
				values.set(key, String(value));
			},
			delete: (key) => {
				values.delete(key);
			},
			close() {},
		};
	}
}

describe("the wifi command", () => {
	let storage: FakeStorage;
	let shown: string;
	const wifi = (...args: string[]): Promise<void> => {
		const terminal = {
			async print(text: string): Promise<void> {
				shown += text;
			},
			ask: async (): Promise<undefined> => undefined,
		};
		const command = wifiCommand(new StoredNetworks(storage, { ssid: "built-in", password: "from-the-build" }));
		return command.run({ terminal, powers: new FakePowers(), cancellation: undefined as never }, args);
	};

	beforeEach(() => {
		storage = new FakeStorage();
		shown = "";
	});
	it("lists names, never passwords", async () => {
		await wifi("add", "home", "secret-word");
		await wifi("add", "open-air");
		shown = "";
		await wifi("list");
		assert.equal(shown, "open-air  (open)\nhome\nbuilt-in\n");
	});
	it("a network that is stored again takes the place of the old one, at the top", async () => {
		await wifi("add", "home", "secret-word");
		await wifi("add", "work", "other-secret");
		await wifi("add", "home", "newer-secret");
		const names = new StoredNetworks(storage, {}).all(complain);
		assert.deepEqual(names, [
			{ ssid: "home", password: "newer-secret" },
			{ ssid: "work", password: "other-secret" },
		]);
	});
	it("removes", async () => {
		await wifi("add", "home", "secret-word");
		await wifi("remove", "home");
		assert.include(shown, "forgotten");
		await wifi("remove", "home");
		assert.include(shown, "not stored");
		assert.deepEqual(new StoredNetworks(storage, {}).all(complain), []);
	});
	it("refuses what cannot be a network, without repeating the password", async () => {
		const error = await rejects("config.invalid", () => wifi("add", "home", "short"));
		assert.notInclude(String(error), '"short"');
		assert.equal(storage.values.size, 0);
	});
	it("refuses other words", async () => {
		await rejects("management.usage", () => wifi("scan"));
		await rejects("management.usage", () => wifi("add"));
		await rejects("management.usage", () => wifi("add", "a", "b", "c"));
	});
});
