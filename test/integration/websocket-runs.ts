/** For the WebSocket specs: runs steps on XS, one after the other in one program, and returns what was told of each. */
import assert from "node:assert/strict";
import { runXS, type XSProgram } from "../xs/driver";
import type { Step, Told } from "./programs/websocket-steps";

export type OpenStep = Omit<Step, "id">;

export class Client {
	readonly #program: XSProgram;
	#steps = 0;

	constructor(program: XSProgram) {
		this.#program = program;
	}

	/** Starts a step; resolves when its WebSocket has ended. */
	async run(step: OpenStep): Promise<Told> {
		const id = this.#steps++;
		this.#program.send({ ...step, id });
		return (await this.#program.waitFor((event) => event.id === id)) as unknown as Told;
	}

	/** Ends the program, which must not have failed meanwhile. */
	async close(): Promise<void> {
		this.#program.send({ exit: true });
		const end = await this.#program.done;
		assert.equal(end.code, 0, end.output);
	}
}

export async function startClient(parameters: { readonly ca?: string } = {}, timeout = 120_000): Promise<Client> {
	const program = await runXS({ main: "test/integration/programs/websocket-client.ts", parameters, timeout });
	await program.waitFor((event) => event.ready === true);
	return new Client(program);
}
