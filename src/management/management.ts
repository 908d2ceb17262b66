import type { Actions } from "./actions/actions";
import type { Intake } from "./files/intake";
import type { FileTree } from "./files/tree";
import type { Forwarder } from "./forward/forwarder";
import type { LogSender, LogShipper } from "./logs/shipper";
import type { Line, ShellSession } from "./shell/session";

/** What a server side needs to keep a management link. */
export interface Management {
	/** Does work with a token that is good now; repeats it once with another when it rejects with `server.token-refused`. */
	readonly authorized: (work: (token: string) => Promise<void>) => Promise<void>;
	/** A text from the server's side that a person or the application should see. */
	readonly alert: (text: string) => void;
	/** What managers can have the device do by name; absent where they cannot. */
	readonly actions?: Actions;
	/** What managers can read; absent where they cannot. */
	readonly files?: FileTree;
	/** Takes files from managers; absent where there is no place for them. */
	readonly intake?: Intake;
	/** Opens connections for managers; absent where none may be forwarded. */
	readonly forwarder?: Forwarder;
	/** Makes what takes the log to the server through `send`; absent where nobody wants that. */
	readonly logs?: (send: LogSender) => LogShipper;
	/** Begins a shell session on a line; `onExit` is called when the person leaves. Absent where no shells are allowed. */
	readonly shell?: (line: Line, onExit: () => void) => ShellSession;
}
