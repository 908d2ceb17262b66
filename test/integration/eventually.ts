/** How long something that has been set going may take: a machine may have much else to do. */
const patience = 10_000;

/** Waits until `condition` holds, or until there is no hope; the assertion that follows says what is wrong. */
export async function eventually(condition: () => boolean): Promise<void> {
	for (const begun = Date.now(); !condition() && Date.now() - begun < patience; )
		await new Promise((done) => setTimeout(done, 5));
}
