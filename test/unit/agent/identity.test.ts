import { assert } from "chai";
import { Identity } from "fleetling/agent/identity";
import { Key } from "fleetling/common/crypto";
import { describe, it } from "test/harness";
import TextEncoder from "text/encoder";
import { rejects } from "../fakes/errors";
import { Lines } from "../fakes/log";
import { MemoryStore } from "../fakes/store";

describe("identity", () => {
	it("is made once and comes back the same", async () => {
		const store = new MemoryStore();
		const log = new Lines();
		const first = await Identity.load(store, "p-256", log.tag());
		assert.equal(log.with("making the device's p-256 key").length, 1);
		const again = await Identity.load(store, "p-256", log.tag());
		assert.equal(again.publicPEM, first.publicPEM);
		assert.equal(log.lines.length, 1, "an existing key is no news");
		assert.equal(store.writes, 1);
		assert.match(first.publicPEM, /^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+\n-----END PUBLIC KEY-----\n$/);
		first.close();
		again.close();
	});

	it("signs so that its public key verifies", async () => {
		const identity = await Identity.load(new MemoryStore(), "p-256", new Lines().tag());
		const data = new TextEncoder().encode("the body of a request");
		const key = Key.importPublic(identity.publicPEM);
		assert.isTrue(key.verify(data, identity.sign(data)));
		key.close();
		identity.close();
	});

	it("is of the type that the server accepts", async () => {
		const store = new MemoryStore();
		(await Identity.load(store, "rsa-2048", new Lines().tag())).close();
		(await Identity.load(store, "p-256", new Lines().tag())).close();
		assert.sameMembers([...store.values.keys()], ["rsa-2048", "p-256"]);
	});

	it("is stored before anybody sees it", async () => {
		const store = new MemoryStore();
		store.broken = true;
		await rejects("storage.failed", () => Identity.load(store, "p-256", new Lines().tag()), "nvs");
	});

	it("is made anew when it is damaged, and says that it has to be approved again", async () => {
		const store = new MemoryStore({ "p-256": new ArrayBuffer(16) });
		const log = new Lines();
		const identity = await Identity.load(store, "p-256", log.tag());
		assert.equal(log.with("approved on the server again").length, 1);
		const again = await Identity.load(store, "p-256", log.tag());
		assert.equal(again.publicPEM, identity.publicPEM);
		identity.close();
		again.close();
	});

	it("never shows its private key in the log", async () => {
		const log = new Lines();
		(await Identity.load(new MemoryStore(), "p-256", log.tag())).close();
		for (const line of log.lines) assert.notMatch(line, /PRIVATE|MIG|MIIE/);
	});
});
