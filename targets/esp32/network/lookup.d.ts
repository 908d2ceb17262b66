/** One question to lwIP's resolver, which uses the name servers that DHCP gave and keeps answers as long as they say. */
export default class Lookup {
	/**
	 * @param callback gets the IPv4 address, or undefined when there is none. Called once, never from within the constructor
	 * @throws when there is no network or no memory
	 */
	constructor(host: string, callback: (address: string | undefined) => void);
	/** No callback follows. Idempotent. */
	close(): void;
}
