import type { FleetlingError } from "fleetling/error/error";
import type { Transaction } from "./transaction";

/** The client, as its requests see it. */
export interface TransactionOwner {
	/** The value of the Host field, which also names the server in errors. */
	readonly authority: string;
	/** The request has ended, well or badly; `reusable` says whether its connection can take another. */
	finished(transaction: Transaction, reusable: boolean): void;
	/** The request wants to go out again on a new connection. */
	repeat(transaction: Transaction): void;
	/** A callback of the caller threw where no request can take the blame. */
	report(error: FleetlingError): void;
}
