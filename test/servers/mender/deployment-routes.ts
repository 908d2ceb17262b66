/** The device's questions for a deployment, its statuses and its log: facts 1.3 to 1.5. */
import type { Answer, Request, Route } from "../rdfm/http";
import type { Deployments, DeviceDeployment, LogMessage, Question } from "./deployments";
import { bodyOf, emptyAnswer, isObject, jsonAnswer, Refusal } from "./http";
import type { Tokens } from "./tokens";

export interface DeploymentWorld {
	readonly deployments: Deployments;
	readonly tokens: Tokens;
	/** A fresh link and its end. */
	readonly link: (deployment: DeviceDeployment, deviceType: string) => { readonly uri: string; readonly expire: string };
	/** Whether the second version of the question exists: it does not in the open-source server. */
	readonly hosted: () => boolean;
}

export function deploymentRoutes({ deployments, tokens, link, hosted }: DeploymentWorld): readonly Route[] {
	const answer = (request: Request, question: Question): Answer => {
		const device = tokens.verify(request);
		mustName(question);
		const deployment = deployments.next(device, question);
		if (deployment === undefined) return emptyAnswer(204);
		const { id, artifact, configuration } = deployment;
		const { id: artifactId, name } = artifact;
		const deviceType = String(question.device_type);
		const deviceTypes = configuration === undefined ? artifact.deviceTypes : [deviceType];
		const source = link(deployment, deviceType);
		const offered = { id: artifactId, artifact_name: name, source, device_types_compatible: deviceTypes };
		return jsonAnswer({ id, artifact: offered });
	};
	const first = (request: Request): Answer => {
		tokens.verify(request);
		return answer(request, flat(bodyOf(request, "")));
	};
	const second = (request: Request): Answer => {
		if (!hosted()) throw new Refusal(404, "not found");
		const body = bodyOf(request, "");
		const provides = isObject(body) ? body.device_provides : undefined;
		return answer(request, isObject(provides) ? provides : {});
	};
	const asked = (request: Request): Answer => answer(request, flat(Object.fromEntries(request.query)));
	const status = (request: Request, [id = ""]: readonly string[]): Answer => {
		const device = tokens.verify(request);
		const body = bodyOf(request, "");
		if (!isObject(body)) throw new Refusal(400, "json: cannot unmarshal into model.statusReport");
		deployments.say(device, id, body.status, body.substate);
		return emptyAnswer(204);
	};
	const log = (request: Request, [id = ""]: readonly string[]): Answer => {
		const device = tokens.verify(request);
		deployments.keepLog(device, id, messagesOf(bodyOf(request, "")));
		return emptyAnswer(204);
	};
	const base = "^/api/devices/v1/deployments/device/deployments";
	const next = new RegExp(`${base}/next$`);
	return [
		{ name: "check", method: "GET", path: next, handle: asked },
		{ name: "check", method: "POST", path: next, handle: first },
		{ name: "check", method: "POST", path: /^\/api\/devices\/v2\/deployments\/device\/deployments\/next$/, handle: second },
		{ name: "status", method: "PUT", path: new RegExp(`${base}/([^/]+)/status$`), handle: status },
		{ name: "logs", method: "PUT", path: new RegExp(`${base}/([^/]+)/log$`), handle: log },
	];
}

/** Of a question in the first version the server sees three members; whatever else is there, it does not. */
function flat(body: unknown): Question {
	const { artifact_name, device_type, artifact_provides } = isObject(body) ? body : {};
	return {
		artifact_name,
		device_type,
		...(isObject(artifact_provides) && { artifact_provides: JSON.stringify(artifact_provides) }),
	};
}

function mustName(question: Question): void {
	const faults = ["artifact_name", "device_type"].flatMap((name) => {
		const value = question[name];
		if (typeof value !== "string" || value === "") return [`${name}: cannot be blank`];
		return value.length > 4096 ? [`${name}: the length must be between 1 and 4096`] : [];
	});
	if (faults.length > 0) throw new Refusal(400, `${faults.join("; ")}.`);
}

/** RFC 3339 as Go reads it: a zone, and a point or a comma before the fraction. Year 1 is what Go calls no time at all. */
const timestamp = /^(?!0001-01-01)\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** One bad message spoils all of the log. */
function messagesOf(body: unknown): readonly LogMessage[] {
	const messages = isObject(body) ? body.messages : undefined;
	if (!Array.isArray(messages) || messages.length === 0) throw new Refusal(400, "no messages: invalid deployment log");
	return messages.map((entry: unknown) => {
		const { timestamp: at, level, message } = isObject(entry) ? entry : {};
		if (typeof at !== "string" || !timestamp.test(at) || Number.isNaN(Date.parse(at.replace(",", "."))))
			throw new Refusal(400, `parsing time ${JSON.stringify(at)}`);
		if (typeof level !== "string" || level === "") throw new Refusal(400, "level: cannot be blank.");
		if (typeof message !== "string" || message === "") throw new Refusal(400, "message: cannot be blank.");
		return { timestamp: at, level, message };
	});
}
