import { assert } from "chai";
import { Key } from "fleetling/common/crypto";
import { FleetlingError } from "fleetling/error/error";
import type { Installed, InstallerKinds } from "fleetling/update/installer";
import { configurationExcuse, configurations, configurationType } from "fleetling/update/installers/configuration";
import { artifact } from "fleetling/update/readers/artifact";
import { describe, it } from "test/harness";
import { Bench } from "../../fakes/bench";
import { rejects } from "../../fakes/errors";
import { type ArtifactParts, artifactBytes, type PayloadParts } from "../readers/writing";

/** A device's configuration, as far as an installer sees it. */
class Target {
	readonly calls: string[] = [];
	/** Set to have the application refuse. */
	refuses = false;

	prepare(values: Readonly<Record<string, unknown>>): Pick<Required<Installed>, "activate" | "revert"> {
		this.calls.push(`prepare ${JSON.stringify(values)}`);
		if ("url" in values) throw new FleetlingError("config.protected", 'the configuration key "url" is not for the server to set');
		return {
			activate: () => {
				this.calls.push("activate");
				if (this.refuses) throw new FleetlingError("config.refused", 'the application refuses "target"');
			},
			revert: () => void this.calls.push("revert"),
		};
	}
}

const name = "configuration-5f0e2a64-7f63-4a5c-b1a4-4c7b3cf2b9a1";
const version = "data-partition.mender-configure.version";
const prefix = "data-partition.mender-configure.*";
const typeInfo = { type: configurationType, artifact_provides: { [version]: name }, clears_artifact_provides: [prefix] };
const info = {
	payloads: [{ type: configurationType }],
	artifact_provides: { artifact_name: name },
	artifact_depends: { device_type: ["lamp"] },
};

/** As Mender's server makes it: no files, no signature. */
const configuration = (values: object | undefined, more: Partial<PayloadParts> = {}, parts: ArtifactParts = {}): Uint8Array =>
	artifactBytes({
		headerInfo: info,
		payloads: [{ typeInfo, files: [], ...(values && { metaData: JSON.stringify(values) }), ...more }],
		...parts,
	});

function bench(target: Target | undefined, keys: readonly string[] = []): Bench {
	const installers: InstallerKinds = { [configurationType]: configurations(target) };
	const conditions = { deviceType: "lamp", provides: { artifact_name: "release-1" }, keys, excuse: configurationExcuse };
	const device = new Bench({ installers, readers: [artifact(() => conditions)] });
	device.updater.boot(1_000);
	return device;
}

describe("a configuration as an artifact", () => {
	it("is checked before anything, in force without a restart, and changes what is provided", async () => {
		const target = new Target();
		const device = bench(target);
		const immediate: unknown[] = [];
		device.observe({ entered: (state, view) => void (state === "reboot" && immediate.push(view.immediate)) });
		assert.deepEqual(await device.install(configuration({ pollSeconds: "60" })), { kind: "done" });
		assert.deepEqual(target.calls, ['prepare {"pollSeconds":"60"}', "activate"]);
		assert.equal(device.restarts, 0);
		assert.equal(device.ended[0]?.outcome, "success");
		assert.deepInclude(device.updater.provides, { artifact_name: name, [version]: name });
		assert.deepEqual(immediate, [true]);
	});

	it("without meta-data takes back all that was set", async () => {
		const target = new Target();
		await bench(target).install(configuration(undefined));
		assert.deepEqual(target.calls, ["prepare {}", "activate"]);
	});

	it("fails as a deployment with the key's name when it is no good, and touches nothing", async () => {
		const target = new Target();
		const device = bench(target);
		const result = await device.install(configuration({ url: "https://elsewhere" }));
		assert.equal(result.kind, "failed");
		assert.deepInclude(device.ended[0], { outcome: "failure", code: "config.protected" });
		assert.match(device.ended[0]?.text ?? "", /"url"/);
		assert.deepEqual(target.calls, ['prepare {"url":"https://elsewhere"}']);
		assert.deepEqual(device.updater.provides, { artifact_name: "1.0.0" });
	});

	it("fails and is taken back when the application refuses it", async () => {
		const target = new Target();
		target.refuses = true;
		const device = bench(target);
		await device.install(configuration({ target: "5" }));
		assert.deepInclude(device.ended[0], { outcome: "failure", code: "config.refused" });
		assert.deepEqual(target.calls.slice(1), ["activate", "revert"]);
		assert.deepEqual(device.updater.provides, { artifact_name: "1.0.0" });
	});

	it("is refused where the device does not allow it, and as anything but an artifact without files", async () => {
		const off = bench(undefined);
		await off.install(configuration({ pollSeconds: "60" }));
		assert.deepInclude(off.ended[0], { code: "config.remote-off" });
		const target = new Target();
		const filled = bench(target);
		await filled.install(configuration({ pollSeconds: "60" }, { files: [["file", "x"]] }));
		assert.deepInclude(filled.ended[0], { code: "artifact.bad-payload" });
		assert.notInclude(target.calls, "activate");
		await rejects("artifact.bad-payload", () => configurations(target)().finish());
	});

	it("may be larger than a device reads, and is refused then", async () => {
		const target = new Target();
		const device = bench(target);
		await device.install(configuration({ pollSeconds: "6".repeat(4_096) }));
		assert.deepInclude(device.ended[0], { code: "artifact.too-large" });
		assert.lengthOf(target.calls, 0);
	});

	it("is not installed a second time when the same deployment is offered again", async () => {
		const target = new Target();
		const bytes = configuration({ pollSeconds: "60" });
		const device = bench(target);
		const offer = { id: "7", url: "https://x/" };
		await device.install(bytes, offer);
		assert.equal(device.updater.refusal(offer)?.code, "update.same-version");
	});
});

describe("a configuration on a device that installs signed artifacts only", () => {
	it("needs no signature, because it says no more than the server may say anyway", async () => {
		const key = await Key.generate("p-256");
		const target = new Target();
		const device = bench(target, [key.publicPEM]);
		assert.deepEqual(await device.install(configuration({ pollSeconds: "60" })), { kind: "done" });
		assert.include(target.calls, "activate");
		const signed = bench(new Target(), [key.publicPEM]);
		assert.deepEqual(await signed.install(configuration({ pollSeconds: "60" }, {}, { key })), { kind: "done" });
		key.close();
	});

	const other = { ...typeInfo, artifact_provides: { [version]: name, "rootfs-image.version": "9" } };
	const disguised: readonly (readonly [string, Partial<PayloadParts>, ArtifactParts])[] = [
		["brings a file", { files: [["file", "x"]] }, {}],
		["provides something else", { typeInfo: other }, {}],
		["clears something else", { typeInfo: { ...typeInfo, clears_artifact_provides: ["*"] } }, {}],
		["clears everything by saying nothing", { typeInfo: { ...typeInfo, clears_artifact_provides: undefined } }, {}],
		["has the name of a release", {}, { headerInfo: { ...info, artifact_provides: { artifact_name: "release-9" } } }],
		["has a group", {}, { headerInfo: { ...info, artifact_provides: { artifact_name: name, artifact_group: "g" } } }],
		[
			"is of another type",
			{ typeInfo: { ...typeInfo, type: "esp32-image" } },
			{ headerInfo: { ...info, payloads: [{ type: "esp32-image" }] } },
		],
		["has an augmented part", {}, { augment: { files: [["added", "x"]] } }],
	];
	for (const [what, more, parts] of disguised)
		it(`needs one when it ${what}`, async () => {
			const key = await Key.generate("p-256");
			const target = new Target();
			const device = bench(target, [key.publicPEM]);
			await device.install(configuration({ pollSeconds: "60" }, more, parts));
			assert.equal(device.ended[0]?.code, "artifact.unsigned");
			assert.lengthOf(target.calls, 0);
			assert.deepEqual(device.updater.provides, { artifact_name: "1.0.0" });
			key.close();
		});

	it("needs one where nobody may set it", async () => {
		const key = await Key.generate("p-256");
		const installers: InstallerKinds = { [configurationType]: configurations(undefined) };
		const conditions = { deviceType: "lamp", provides: {}, keys: [key.publicPEM] };
		const device = new Bench({ installers, readers: [artifact(() => conditions)] });
		device.updater.boot(1_000);
		await device.install(configuration({ pollSeconds: "60" }));
		assert.equal(device.ended[0]?.code, "artifact.unsigned");
		key.close();
	});
});
