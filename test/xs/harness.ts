/**
 * Registers and runs tests on XS. Mocha's part (drive, report, fail) is played by mocha itself in Node: this module only
 * says what there is (`--list`), runs it in order, and sends one line per test.
 */
import Channel from "fleetling/host/channel";
import Timer from "timer";

type Body = () => void | Promise<void>;

interface Test {
	readonly name: string;
	readonly body: Body;
	readonly before: readonly Body[];
	readonly after: readonly Body[];
}

interface Driver {
	readonly mode?: "list" | "run" | "program";
	readonly only?: string;
	/** Milliseconds that one test may take. */
	readonly timeout?: number;
	readonly parameters?: Readonly<Record<string, unknown>>;
}

const driver = JSON.parse(Channel.parameters) as Driver;
const tests: Test[] = [];
const defaultTimeout = 10_000;
let path: readonly string[] = [];
let before: readonly Body[] = [];
let after: readonly Body[] = [];
let scheduled = false;

/** What the driver handed in. */
export const parameters: Readonly<Record<string, unknown>> = driver.parameters ?? {};

/** Sends an object to the driver. */
export function emit(event: object): void {
	Channel.emit(JSON.stringify(event));
}

/** Calls back with every object the driver sends. */
export function onMessage(callback: (message: unknown) => void): void {
	Channel.listen((text) => callback(JSON.parse(text)));
}

/** Ends a program. */
export function exit(code = 0): never {
	return Channel.exit(code);
}

export function describe(name: string, define: () => void): void {
	const outer = { path, before, after };
	path = [...path, name];
	define();
	({ path, before, after } = outer);
}

export function beforeEach(body: Body): void {
	before = [...before, body];
}

export function afterEach(body: Body): void {
	after = [body, ...after];
}

export function it(name: string, body: Body): void {
	tests.push({ name: [...path, name].join(" › "), body, before, after });
	if (scheduled) return;
	scheduled = true;
	Timer.set(() => void start());
}

function describeError(error: unknown): { message: string; stack: string } {
	if (error instanceof Error) return { message: `${error.name}: ${error.message}`, stack: error.stack ?? "" };
	return { message: String(error), stack: "" };
}

async function runOne(test: Test): Promise<void> {
	let timer: Timer | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = Timer.set(() => reject(new Error("test timed out")), driver.timeout ?? defaultTimeout);
	});
	try {
		for (const body of test.before) await Promise.race([body(), late]);
		await Promise.race([test.body(), late]);
	} finally {
		for (const body of test.after) await Promise.race([body(), late]);
		Timer.clear(timer);
	}
}

async function start(): Promise<void> {
	if (driver.mode === "list") {
		emit({ event: "tests", names: tests.map((test) => test.name) });
		exit();
	}
	let failed = 0;
	for (const test of tests) {
		if (driver.only !== undefined && !test.name.includes(driver.only)) continue;
		try {
			await runOne(test);
			emit({ event: "test", name: test.name, ok: true });
		} catch (error) {
			failed++;
			emit({ event: "test", name: test.name, ok: false, ...describeError(error) });
		}
	}
	emit({ event: "end", failed });
	exit(failed ? 1 : 0);
}
