/** The storage host: not the server's, with links that bring their own right and an end (facts 1.0, 1.3). */
import { createHash, randomBytes } from "node:crypto";
import { httpDate } from "../rdfm/dates";
import { type Answer, bytesAnswer, type Request, type Route } from "../rdfm/http";
import { requestedRange } from "../rdfm/preconditions";
import type { Artifact, DeviceDeployment } from "./deployments";
import { textAnswer } from "./http";

/** Seconds that a link is good for. */
const lifetime = 86_400;

interface Link {
	readonly artifact: Artifact;
	readonly ends: number;
}

export class Storage {
	readonly #clock: () => number;
	readonly #links = new Map<string, Link>();
	readonly #modified: number;

	constructor(clock: () => number) {
		this.#clock = clock;
		this.#modified = clock() - 3_600_000;
	}

	/** Path and query of a fresh link, and when it ends. */
	sign({ artifact }: DeviceDeployment): { readonly path: string; readonly expire: string } {
		const signature = randomBytes(16).toString("hex");
		const ends = this.#clock() + lifetime * 1000;
		this.#links.set(signature, { artifact, ends });
		const path = `/artifacts/${artifact.id}?X-Amz-Expires=${lifetime}&X-Amz-Signature=${signature}`;
		return { path, expire: new Date(ends).toISOString() };
	}

	/** No link of before is good any more. */
	expireLinks(): void {
		this.#links.clear();
	}

	routes(): readonly Route[] {
		return [{ name: "download", method: "GET", path: /^\/artifacts\/([^/]+)$/, handle: (request) => this.#serve(request) }];
	}

	#serve(request: Request): Answer {
		// A second kind of authorization is refused.
		if (request.headers.authorization !== undefined) return refused(400, "InvalidArgument", "Only one auth mechanism allowed");
		const link = this.#links.get(request.query.get("X-Amz-Signature") ?? "");
		if (link === undefined || this.#clock() > link.ends) return refused(403, "AccessDenied", "Request has expired");
		const { content } = link.artifact;
		const etag = `"${createHash("md5").update(content).digest("hex")}"`;
		const headers = {
			...{ "Content-Type": "application/vnd.mender-artifact", "Accept-Ranges": "bytes", ETag: etag },
			"Last-Modified": httpDate(this.#modified),
		};
		const range = requestedRange(request.headers, { etag, lastModified: this.#modified }, content.byteLength);
		if (range === "unsatisfiable") return refused(416, "InvalidRange", "The requested range is not satisfiable");
		if (range === undefined) return bytesAnswer(200, content, headers);
		const part = content.subarray(range.start, range.end);
		return bytesAnswer(206, part, { ...headers, "Content-Range": `bytes ${range.start}-${range.end - 1}/${content.byteLength}` });
	}
}

const refused = (status: number, code: string, message: string): Answer =>
	textAnswer(status, "application/xml", `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`);
