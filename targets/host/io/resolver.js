class Query @ "xs_resolver_destructor" {
	constructor(host, callback) @ "xs_resolver_constructor";
	close() @ "xs_resolver_close";
}

/**
 * ECMA-419 DNS resolver. It asks the system, so that /etc/hosts counts; a look-up runs on its own thread and does not
 * block the machine.
 */
export default class Resolver {
	#queries = new Set();

	resolve({ host, onResolved, onError }) {
		const query = new Query(host, (address) => {
			if (!this.#queries.delete(query))
				return;
			query.close();
			if (address)
				onResolved.call(this, host, address);
			else
				onError.call(this, host);
		});
		this.#queries.add(query);
	}
	close() {
		for (const query of this.#queries)
			query.close();
		this.#queries.clear();
	}
}
