/** What the tests of the ESP32's firmware set of the network that stands in for its own (interface.ts). */
export const wire = {
	/** What bringing it up ends in. */
	failure: undefined as Error | undefined,
};
