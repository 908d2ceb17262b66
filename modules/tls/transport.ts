/** ECMA-419 TCP, as far as a TLS connection needs it. */

export interface TransportOptions {
	readonly address: string;
	readonly port: number;
	readonly nodelay: boolean;
	readonly onReadable: (count: number) => void;
	readonly onWritable: (count: number) => void;
	readonly onError: (error?: unknown) => void;
}

export interface Transport {
	/** Fills `buffer`, which is never larger than what was announced; returns the number of bytes. */
	read(buffer: Uint8Array): number | ArrayBuffer | undefined;
	/** Returns how many more bytes can be written. */
	write(buffer: Uint8Array): number | undefined;
	close(): void;
}

export type TransportConstructor = new (options: TransportOptions) => Transport;
