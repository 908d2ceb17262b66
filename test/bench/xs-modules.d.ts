/**
 * What the programs for XS import, for Node's type check, which does not know their specifiers. Their own check
 * (programs/tsconfig.json) uses the real declarations.
 */
declare module "test/harness" {
	export const parameters: Readonly<Record<string, unknown>>;
	export function emit(event: object): void;
	export function onMessage(callback: (message: unknown) => void): void;
	export function exit(code?: number): never;
}

declare module "time" {
	const Time: { readonly ticks: number; readonly microseconds?: number };
	export default Time;
}

declare module "base64" {
	export default class Base64 {
		static decode(text: string): ArrayBuffer;
	}
}

declare module "embedded:io/socket/tcp" {
	const TCP: unknown;
	export default TCP;
}

declare module "fleetling/crypto/crypto" {
	export class Key {
		static import(der: ArrayBuffer): Key;
		sign(data: Uint8Array): ArrayBuffer;
	}
}

declare module "fleetling/tls/tls" {
	export type TransportConstructor = unknown;
	export class TrustStore {
		constructor(pem: string);
	}
	export class TLSSocket {
		constructor(options: {
			readonly io: TransportConstructor;
			readonly address: string;
			readonly port: number;
			readonly secure: {
				readonly serverName: string;
				readonly trust: TrustStore;
				readonly session: ArrayBuffer | undefined;
				readonly onSession: (session: ArrayBuffer) => void;
			};
			readonly onWritable: (this: TLSSocket) => void;
			readonly onError: (error: Error) => void;
		});
		readonly resumed: boolean;
		close(): void;
	}
}
