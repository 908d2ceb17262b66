/** Tables and verdicts as a person reads them. */

export interface Table {
	readonly title: string;
	/** How it was measured, in a sentence or two. */
	readonly method: string;
	readonly head: readonly string[];
	readonly rows: readonly (readonly string[])[];
	readonly notes?: readonly string[];
}

/** A figure that was promised, and what became of it. */
export interface Goal {
	readonly name: string;
	readonly measured: number;
	readonly limit: number;
	/** Whether the figure may not exceed the limit or not fall below it. */
	readonly bound: "at most" | "at least";
	readonly unit: string;
}

export const isMet = ({ measured, limit, bound }: Goal): boolean => (bound === "at most" ? measured <= limit : measured >= limit);

export const whole = (value: number): string => Math.round(value).toLocaleString("en");
export const decimals = (value: number, digits = 2): string => value.toFixed(digits);

const quantity = (value: number, unit: string): string =>
	`${Number.isInteger(value) ? whole(value) : decimals(value)}${unit === "" ? "" : ` ${unit}`}`;

/** Columns of text to the left, columns of figures to the right. */
function lines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
	const all = [head, ...rows];
	const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
	const isText = head.map((_, column) => column === 0 || rows.some((row) => /^[a-zA-Z]/.test(row[column] ?? "")));
	const line = (row: readonly string[]): string =>
		widths
			.map((width, column) => (isText[column] ? (row[column] ?? "").padEnd(width) : (row[column] ?? "").padStart(width)))
			.join("  ")
			.trimEnd();
	return [line(head), widths.map((width) => "-".repeat(width)).join("  "), ...rows.map(line)];
}

export function formatTable({ title, method, head, rows, notes = [] }: Table): string {
	return [
		`${title}`,
		`  ${method}`,
		"",
		...lines(head, rows).map((text) => `  ${text}`),
		...notes.map((note) => `  ${note}`),
		"",
	].join("\n");
}

export function formatGoals(goals: readonly Goal[]): string {
	const rows = goals.map((goal) => [
		goal.name,
		quantity(goal.measured, goal.unit),
		`${goal.bound} ${quantity(goal.limit, goal.unit)}`,
		isMet(goal) ? "PASS" : "FAIL",
	]);
	const missed = goals.filter((goal) => !isMet(goal));
	const verdict =
		missed.length === 0
			? `all ${goals.length} goals met`
			: `*** ${missed.length} of ${goals.length} GOALS MISSED: ${missed.map(({ name }) => name).join("; ")} ***`;
	return ["Goals", "", ...lines(["figure", "measured", "goal", ""], rows).map((text) => `  ${text}`), "", verdict, ""].join("\n");
}
