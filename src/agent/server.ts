import type { ErrorCode } from "fleetling/error/error";
import { FleetlingError } from "fleetling/error/error";
import type { Cancellation } from "../common/cancellation";
import type { KeyType } from "../common/crypto";
import type { WallClock } from "../common/device";
import type { TaggedLog } from "../common/log";
import type { LogMemory } from "../common/log-memory";
import type { Sink } from "../common/sink";
import type { Web } from "../common/web";
import type { Management } from "../management/management";
import type { Provides } from "../update/memory";
import type { FinalReport, UpdateView } from "../update/observer";
import type { Offer } from "../update/offer";
import type { UpdateState } from "../update/states";
import type { DeviceFacts } from "./facts";
import type { Identity } from "./identity";
import type { Settings } from "./settings";

/**
 * A management server in the agent's own words. Each folder under src/servers turns one wire protocol into this.
 *
 * Calls reject with a FleetlingError. These codes have a meaning for the agent, whatever the protocol calls them:
 * - `server.not-approved`: the server knows the device and a person has to let it in;
 * - `server.token-refused`: the token is at its end; the agent gets a new one and repeats the call once;
 * - `server.busy`: come back later, `retryAfter` says when if the server did.
 * Everything else is trouble that may pass, tried again with growing pauses.
 *
 * A server that keeps a connection open (WebSocket, MQTT) answers `check` from what it was told and calls
 * `context.wake` when there is something new, instead of having the agent wait for the next poll.
 */
export interface Server {
	/** For the log: kind and address. */
	readonly name: string;
	/** Proves who the device is; the answer is the right to everything else. */
	authenticate(introduction: Introduction, cancellation: Cancellation): Promise<Grant>;
	/** Asks for an update; also the device's sign of life. */
	check(token: string, facts: DeviceFacts, cancellation: Cancellation): Promise<Offer | undefined>;
	/**
	 * Streams the package of `offer` into `sink`, or what the sink is missing of it. The token goes to the server only, never
	 * to a storage host. Two more codes mean something here: `update.gone`, the link is no good (any more) and a fresh check
	 * may bring another, and `update.changed`, the same for a package of which the device has a part that is now useless.
	 */
	download(token: string, offer: Offer, sink: Sink, cancellation: Cancellation): Promise<void>;
	/** Follows an update's states, where the protocol has words for them. Rejecting with `update.cancelled` calls the update off. */
	entered?(token: string, state: UpdateState, update: UpdateView): Promise<void>;
	/**
	 * Takes how an update ended, where the protocol has words for it. Until it resolves it is called again, over restarts;
	 * `server.refused` is the last word too (the server has forgotten the update, or called it off).
	 */
	report?(token: string, report: FinalReport): Promise<void>;
	/** Whole percents of a download; must not block and not throw. */
	progress?(percent: number): void;
	/** Follows how updates end, where that needs no answer; must not throw. */
	ended?(report: FinalReport): void;
	/** Ends all connections, in an orderly way where the protocol has one. Idempotent. */
	close(): Promise<void> | void;
}

/** What the server is shown to let the device in. */
export interface Introduction {
	readonly facts: DeviceFacts;
	readonly identity: Identity;
}

/** The right to talk to the server, for a while. Kept in memory only, and opaque. */
export interface Grant {
	readonly token: string;
	/** Milliseconds that the server says it lasts; a hint. */
	readonly lifetime?: number;
}

/** What a server may set of the configuration, for a kind that has a place for it. */
export interface ServerConfiguration {
	/** Another one after each change. */
	readonly revision: number;
	/** What the device goes by, of all that a server could set; no secrets. */
	inForce(): Readonly<Record<string, string>>;
	/** Puts a set of the server's into force, all of it or nothing. @throws FleetlingError config.*, naming the key that is no good */
	want(values: Readonly<Record<string, unknown>>): void;
	/** With each sign of life; `orderly`: before a restart that is meant. A device that crashes with a new set goes back to the one before. */
	settle(orderly?: boolean): void;
}

export interface ServerContext {
	/** Base address, without a slash at the end. */
	readonly url: string;
	readonly web: Web;
	readonly clock: WallClock;
	readonly log: TaggedLog;
	/** Asks the agent to check for an update at once. */
	readonly wake: () => void;
	/** The server has called off the update with this name; see Updater.cancel. */
	readonly abort: (id: string, reason: string) => void;
	/** What of the configuration is of use to some kinds of server only. */
	readonly settings?: Pick<Settings, "identity" | "tenantToken" | "inventorySecs">;
	/**
	 * What the device provides, in the words of its artifacts, `artifact_name` among them: the new one's from when the server
	 * has accepted how the update to it ended.
	 */
	readonly provides?: () => Provides;
	/** Absent when the server is not to set anything. */
	readonly configuration?: ServerConfiguration;
	/** The last lines of the log, for a kind that wants them. */
	readonly logMemory?: LogMemory;
	/** Milliseconds since the firmware started, as in the log. */
	readonly ticks?: () => number;
	/** For a server whose managers talk to the device through a connection that it keeps; absent when that is switched off. */
	readonly management?: Management;
}

/** A kind of server that the configuration can choose. */
export interface ServerKind {
	/** The key that this kind of server accepts. */
	readonly keyType: KeyType;
	/** Others that it accepts, for the configuration to choose. */
	readonly otherKeyTypes?: readonly KeyType[];
	/** Whether it takes the last lines of the log when an update has failed. */
	readonly wantsLog?: boolean;
	/** Whether people can set the device's configuration on it. */
	readonly configures?: boolean;
	create(context: ServerContext): Server;
}

/** A failure that the server itself has reported. */
export class ServerError extends FleetlingError {
	/** HTTP status, or what comes closest in another protocol. */
	readonly status: number;
	/** Milliseconds that the server asks to wait before the next try. */
	readonly retryAfter: number | undefined;

	constructor(code: ErrorCode, message: string, status: number, retryAfter?: number) {
		super(code, message);
		this.status = status;
		this.retryAfter = retryAfter;
	}
}
