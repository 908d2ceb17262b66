/** The page's elements by their names; one that is missing is a mistake in index.html. */

export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
	const found = document.getElementById(id);
	if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} "${id}"`);
	return found;
}

/** Sets a text only where it changes: what does not change is not read out again. */
export function show(target: HTMLElement, text: string): void {
	if (target.textContent !== text) target.textContent = text;
}

export function make<Name extends keyof HTMLElementTagNameMap>(name: Name, text = ""): HTMLElementTagNameMap[Name] {
	const made = document.createElement(name);
	made.textContent = text;
	return made;
}
