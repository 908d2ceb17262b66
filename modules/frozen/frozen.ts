/** XS's Object.freeze takes a second argument: everything below is frozen, too. */
interface DeepFreezer {
	freeze<T>(value: T, deep: true): T;
}

/**
 * A table of constants. What is frozen when the SDK's linker preloads a module stays in flash and is no part of the machine's
 * memory; of anything else the linker warns, and each machine keeps a place for its own copy.
 */
export function frozen<T>(table: T): T {
	return (Object as unknown as DeepFreezer).freeze(table, true);
}
