/** What http-client.ts is told to do, and what it tells of each step. Shared with the specs. */

export interface Step {
	readonly url: string;
	/** Default "exchange". */
	readonly kind?: "exchange" | "download";
	readonly method?: string;
	readonly headers?: readonly (readonly [string, string])[];
	readonly body?: string;
	/** Instead of `body`: so many bytes of a pattern. */
	readonly bodyBytes?: number;
	readonly wanted?: readonly string[];
	readonly limit?: number;
	readonly redirects?: number;
	readonly timeouts?: Readonly<Record<string, number>>;
	/** Bytes of a download's block. */
	readonly block?: number;
	/** Milliseconds that each block of a download takes. */
	readonly slow?: number;
	/** Stops a download after so many blocks. */
	readonly stopAfter?: number;
	/** Milliseconds to wait before this step. */
	readonly pause?: number;
}

export interface Told {
	readonly step: number;
	readonly status?: number;
	/** Of an exchange. */
	readonly text?: string;
	readonly truncated?: boolean;
	readonly date?: number;
	readonly retryAfter?: number;
	/** Of a download. */
	readonly received?: number;
	readonly complete?: boolean;
	readonly sha256?: string;
	readonly headers?: Readonly<Record<string, string>>;
	readonly path?: string;
	/** Of a failure. */
	readonly code?: string;
	readonly message?: string;
	readonly took: number;
}
