/** What is to be installed where, and what devices say about it: the rules of facts 1.3 to 1.5, without the wire. */
import type { Device } from "./devices";
import { Refusal } from "./http";
import { newId } from "./tokens";

export interface Artifact {
	readonly id: string;
	readonly name: string;
	readonly deviceTypes: readonly string[];
	readonly content: Uint8Array;
}

/** What a device may say. */
export const sayable = [
	"downloading",
	"installing",
	"rebooting",
	"success",
	"failure",
	"already-installed",
	"pause_before_installing",
	"pause_before_rebooting",
	"pause_before_committing",
] as const;

/** What only the server may. */
const own = ["pending", "aborted", "noartifact", "decommissioned"] as const;

export type Status = (typeof sayable)[number] | (typeof own)[number];

/** With these a deployment is over. */
export const final: readonly Status[] = ["success", "failure", "already-installed", "aborted", "noartifact", "decommissioned"];

export interface LogMessage {
	readonly timestamp: string;
	readonly level: string;
	readonly message: string;
}

/** What a device says of itself when it asks. */
export type Question = Readonly<Record<string, unknown>>;

/** One deployment on one device. */
export interface DeviceDeployment {
	readonly id: string;
	readonly artifact: Artifact;
	readonly device: string;
	readonly force: boolean;
	status: Status;
	substate: string;
	/** All statuses that it has had, in order, repetitions left out. */
	readonly history: Status[];
	/** Of a configuration that is deployed: its artifact is made when the device fetches it. */
	readonly configuration?: Readonly<Record<string, unknown>>;
	/** The first question for which it was handed out: later ones have to be the same. */
	question?: string;
	log?: readonly LogMessage[];
}

export class Deployments {
	readonly #all: DeviceDeployment[] = [];

	create(device: Device, artifact: Artifact, force = false): DeviceDeployment {
		const deployment: DeviceDeployment = {
			...{ id: newId(), artifact, device: device.id, force },
			...{ status: "pending", substate: "", history: ["pending"] },
		};
		this.#all.push(deployment);
		return deployment;
	}

	/** One of what people have set for that device. */
	configure(device: Device, configuration: Readonly<Record<string, unknown>>): DeviceDeployment {
		const id = newId();
		const artifact = { id: id + device.id, name: `configuration-${id}`, deviceTypes: [], content: new Uint8Array(0) };
		const deployment: DeviceDeployment = {
			...{ id, artifact, device: device.id, force: false, configuration },
			...{ status: "pending", substate: "", history: ["pending"] },
		};
		this.#all.push(deployment);
		return deployment;
	}

	all(): readonly DeviceDeployment[] {
		return this.#all;
	}

	/** An administrator calls it off on all devices. */
	abort(deployment: DeviceDeployment): void {
		if (!final.includes(deployment.status)) move(deployment, "aborted");
	}

	/** The oldest active one, again and again until it has ended. */
	next({ id }: Device, question: Question): DeviceDeployment | undefined {
		const deployment = this.#all.find(({ device, status }) => device === id && !final.includes(status));
		if (deployment === undefined) return undefined;
		const asked = JSON.stringify(Object.entries(question).sort(([one], [other]) => (one < other ? -1 : 1)));
		if (deployment.question !== undefined && deployment.question !== asked) {
			move(deployment, "failure");
			throw new Refusal(409, "Device provided conflicting request data");
		}
		// Neither is there an artifact yet that could be installed already, nor one for another type of device.
		if (deployment.configuration !== undefined) {
			deployment.question = asked;
			return deployment;
		}
		if (question.artifact_name === deployment.artifact.name && deployment.status === "pending" && !deployment.force) {
			move(deployment, "already-installed");
			return undefined;
		}
		if (!deployment.artifact.deviceTypes.includes(String(question.device_type))) {
			move(deployment, "noartifact");
			return undefined;
		}
		deployment.question = asked;
		return deployment;
	}

	/** A device says how far it is. No order is enforced; only what the server has ended stays. */
	say(device: Device, id: string, status: unknown, substate: unknown): void {
		if (own.some((word) => word === status)) throw new Refusal(400, "status: must be a valid value.");
		const word = sayable.find((one) => one === status);
		if (word === undefined) throw new Refusal(400, `invalid status for device '${String(status)}'`);
		if (substate !== undefined && (typeof substate !== "string" || Buffer.byteLength(substate) > 200))
			throw new Refusal(400, "substate: the length must be no more than 200.");
		const deployment = this.#of(device, id);
		if (deployment === undefined) throw new Refusal(404, "Resource not found");
		if (deployment.status === "aborted") throw new Refusal(409, "Deployment aborted");
		if (deployment.status === "decommissioned") throw new Refusal(409, "Device decommissioned");
		if (deployment.status === word) return;
		move(deployment, word);
		deployment.substate = substate ?? "";
	}

	keepLog(device: Device, id: string, messages: readonly LogMessage[]): void {
		const deployment = this.#of(device, id);
		if (deployment === undefined) throw new Refusal(404, "Deployment not found");
		deployment.log = messages;
	}

	#of(device: Device, id: string): DeviceDeployment | undefined {
		return this.#all.find((deployment) => deployment.id === id && deployment.device === device.id);
	}
}

function move(deployment: DeviceDeployment, status: Status): void {
	deployment.status = status;
	deployment.history.push(status);
}
