/** Requests to the command that serves the page. Addresses are relative: the page's own holds its secret. */

async function answerOf<Value>(answer: Response): Promise<Value> {
	const value = (await answer.json()) as Value & { readonly error?: string };
	if (!answer.ok) throw new Error(value.error ?? `the demo answered with ${answer.status}`);
	return value;
}

const unreachable = (error: unknown): never => {
	throw error instanceof TypeError ? new Error("The demo does not answer: has it ended?") : error;
};

/** Asks for something to be done. Rejects with a text for the person. */
export const post = <Value>(path: string, body: object): Promise<Value> =>
	fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }).then(
		(answer) => answerOf<Value>(answer),
		unreachable,
	);

export const get = <Value>(path: string): Promise<Value> => fetch(path).then((answer) => answerOf<Value>(answer), unreachable);

export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
