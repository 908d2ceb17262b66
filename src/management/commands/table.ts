/** Rows of names and values with the values below each other, one text per line. */
export function aligned(rows: readonly (readonly [name: string, value: string])[]): string {
	let width = 0;
	for (const [name] of rows) width = Math.max(width, name.length);
	return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}

/** 61 -> "1 min 1 s"; whole seconds. */
export function duration(seconds: number): string {
	const whole = Math.floor(seconds);
	const parts: readonly (readonly [number, string])[] = [
		[Math.floor(whole / 86_400), "d"],
		[Math.floor(whole / 3_600) % 24, "h"],
		[Math.floor(whole / 60) % 60, "min"],
		[whole % 60, "s"],
	];
	const from = parts.findIndex(([count]) => count > 0);
	return (from < 0 ? parts.slice(-1) : parts.slice(from, from + 2)).map(([count, unit]) => `${count} ${unit}`).join(" ");
}

/** 1234567 -> "1,234,567". */
export function grouped(value: number): string {
	let text = String(Math.floor(value));
	for (let at = text.length - 3; at > 0; at -= 3) text = `${text.slice(0, at)},${text.slice(at)}`;
	return text;
}
