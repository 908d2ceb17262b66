/** The example of src/README.md as a firmware: what an application can add to the client, and what it is told. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Fault } from "../../targets/host/tools/firmware";
import { root } from "../../targets/host/tools/paths";
import { ManagerShell } from "../servers/rdfm/spec/manager";
import { Fleet, mac } from "./fleet";

describe("device: an application of one's own", () => {
	let fleet: Fleet;
	afterEach(async () => {
		await fleet?.stop();
	});

	it("is what the README shows", () => {
		const source = readFileSync(join(root, "test/firmware/application.ts"), "utf8");
		const shown = /```ts\n(.*?)```/s.exec(readFileSync(join(root, "src/README.md"), "utf8"))?.[1];
		assert.equal(shown, source.slice(source.indexOf("*/\n") + 3));
	});

	it("adds actions, commands and metadata, has a say in updates, and is told what happens", async function () {
		this.timeout(120_000);
		fleet = await Fleet.start();
		await fleet.offerFirmware("1.0.1", { fault: "application" as Fault });
		await fleet.confirmed("1.0.1");
		const link = await fleet.server.management.connected(mac, 30_000);
		await link.until("action_list_update", ({ actions }) => actions.some(({ action_id: id }) => id === "off"));
		const boost = await fleet.server.actions.execute(mac, "boost");
		assert.ok(boost.status === 200 && boost.statusCode === 0);
		assert.equal(Buffer.from(boost.output, "base64").toString(), "heating to 25 degrees\n");
		await fleet.server.actions.execute(mac, "identify");
		await fleet.says(/heater: blinking/);
		link.send({ method: "alert", alert: { message: "hello" } });
		await fleet.says(/heater: the server says "hello"/);
		const shell = new ManagerShell(fleet.server, mac);
		await shell.shows("fleetling> ");
		await shell.run("help", "heat ");
		await shell.run("heat 23", "heating to 23 degrees");
		shell.close();
		// The next token brings the metadata.
		fleet.server.expireTokens();
		await fleet.checked();
		assert.equal(fleet.server.devices.find(mac)?.metadata["heater.target"], "23");

		await fleet.offerFirmware("1.1.0");
		await fleet.says(/waits: the application says not now/);
		assert.equal(fleet.running.version, "1.0.1");
		void fleet.server.actions.execute(mac, "off");
		await fleet.confirmed("1.1.0");
		const { output } = fleet.running;
		for (const text of ["the client is checking", "is offered", "0 % are here", "100 % are here", "the client is restarting"])
			assert.ok(output.includes(text), text);
		assert.match(output, /heater: the update to 1\.0\.1 ended with success/);
	});
});
