import { FleetlingError } from "fleetling/error/error";
import { limits } from "../../common/deadlines";

/**
 * The names in a path of the tree that managers see: `/files/log.txt` has two, `/` none. A slash at the end is allowed.
 *
 * Nothing is decoded and nothing is resolved: a path either is what it says or is refused. So "..", ".", an empty name, a
 * backslash (a separator elsewhere) and control characters (NUL ends a path in C) never reach a file system.
 *
 * @throws FleetlingError management.bad-path
 */
export function namesOf(path: string): readonly string[] {
	if (path.length > limits.path) throw bad(path, `it has ${path.length} characters instead of up to ${limits.path}`);
	if (!path.startsWith("/")) throw bad(path, "it does not begin with a slash");
	const inner = path.endsWith("/") ? path.slice(1, -1) : path.slice(1);
	if (inner === "") {
		if (path.length > 1) throw bad(path, "a name in it is empty");
		return [];
	}
	const names = inner.split("/");
	for (const name of names) {
		if (name === "") throw bad(path, "a name in it is empty");
		if (name === "." || name === "..") throw bad(path, `"${name}" is no name`);
		for (let at = 0; at < name.length; at++) {
			const code = name.charCodeAt(at);
			if (code < 0x20 || code === 0x7f || code === 0x5c) throw bad(path, "it has characters that no name has");
		}
	}
	return names;
}

function bad(path: string, reason: string): FleetlingError {
	return new FleetlingError("management.bad-path", `"${path.slice(0, limits.fact)}" is no path on this device: ${reason}`);
}
