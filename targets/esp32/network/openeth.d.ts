/** The OpenCores Ethernet of an emulated chip, with DHCP. One for the whole firmware. */
export default class OpenEth {
	/**
	 * @param options.onChanged an address was given or lost; look at `address`
	 * @throws when there is no such hardware, or no memory
	 */
	constructor(options: { readonly onChanged: () => void });
	/** IPv4; undefined while there is none. */
	readonly address: string | undefined;
	/** Stops watching; the interface stays up. Idempotent. */
	close(): void;
}
