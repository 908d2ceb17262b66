/** The recorded requests of the real clients, played to the test server: it understands all of them, signatures included. */
import assert from "node:assert/strict";
import { exchange } from "../../rdfm/spec/client";
import { recording, recordingNames } from "../recorded/recordings";
import { MenderServer } from "../server";

describe("Mender test server: recordings of the real clients", () => {
	for (const name of recordingNames)
		it(`understands every request of ${name}`, async () => {
			const server = new MenderServer();
			await server.start({ autoAccept: true });
			let token = "";
			let id: string | undefined;
			let link = "";
			try {
				for (const { method, target, headers, body, answer } of recording(name)) {
					if (answer === "download") {
						assert.equal((await exchange(link)).status, 200);
						assert.equal(headers.authorization, undefined);
						continue;
					}
					// "rebooting" and all that follows goes to the deployment that this server has made.
					const path = id === undefined ? target : target.replace(/deployments\/[0-9a-f-]{36}\//, `deployments/${id}/`);
					const { "content-length": _, "transfer-encoding": chunked, ...rest } = headers;
					const authorization = token === "" ? {} : { authorization: `Bearer ${token}` };
					const response = await exchange(server.url + path, {
						method,
						headers: { ...rest, ...authorization },
						...(body !== "" && { body, chunked: chunked !== undefined }),
					});
					if (target.endsWith("auth_requests")) {
						assert.match(String(response.status), /^(200|401)$/);
						if (response.status === 401) assert.equal(JSON.parse(response.text).error, "dev auth: unauthorized");
						else token = response.text;
						if (token === "") {
							// The first one waits, whatever it did when it was recorded.
							const again = await exchange(server.url + path, { method, headers: rest, body });
							assert.equal(again.status, 200, again.text);
							token = again.text;
						}
						if (id === undefined && answer === 200) {
							const mac = "02:42:ac:11:00:02";
							const artifact = { name: "release-v2", deviceTypes: ["esp32-mod", "demo-linux"], content: Buffer.from("x") };
							id = server.deploy(mac, artifact).id;
						}
						continue;
					}
					const known = [200, 204, 404, 409];
					assert.ok(known.includes(response.status), `${method} ${target}: ${response.status} ${response.text}`);
					if (target.includes("/v2/")) assert.equal(response.status, 404);
					if (response.status === 200 && target.includes("/next")) link = JSON.parse(response.text).artifact.source.uri;
				}
			} finally {
				await server.stop();
			}
		});
});
