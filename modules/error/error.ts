import { codes, type ErrorCode } from "./codes";

export { codes, type ErrorCode };

/**
 * The one error type of Fleetling.
 *
 * `code` is stable and meant for programs; `message` is meant for the person reading the serial console: what
 * happened, to what, and what to do about it. Neither ever holds a secret.
 */
export class FleetlingError extends Error {
	// A field, not an assignment: on a device the built-in prototypes are frozen and `this.name = …` would throw.
	override readonly name: string = "FleetlingError";
	readonly code: ErrorCode;

	constructor(code: ErrorCode, message: string, options?: { readonly cause?: unknown }) {
		super(message);
		this.code = code;
		if (options?.cause !== undefined) this.cause = options.cause;
	}

	/** One log line: `code: message`, followed by the chain of causes. */
	override toString(): string {
		let line = `${this.code}: ${this.message}`;
		for (let cause = this.cause, depth = 0; cause !== undefined && depth < 4; depth++) {
			line += ` (because ${cause instanceof FleetlingError ? `${cause.code}: ${cause.message}` : String(cause)})`;
			cause = cause instanceof Error ? cause.cause : undefined;
		}
		return line;
	}

	/** The error itself when it is one of ours, otherwise a wrapper that keeps the original as its cause. */
	static from(error: unknown, code: ErrorCode, message: string): FleetlingError {
		return error instanceof FleetlingError ? error : new FleetlingError(code, message, { cause: error });
	}
}
