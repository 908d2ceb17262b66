/**
 * An HTTP/1.1 client for devices that update themselves: RFC 9110 and RFC 9112, over any socket of ECMA-419's TCP
 * shape, in constant memory, with a deadline for everything. See README.md.
 */
export type { BodySource } from "./body";
export { HTTPClient, type HTTPClientOptions } from "./client";
export { parseHTTPDate, parseRetryAfter } from "./dates";
export {
	type ClientSource,
	type Downloaded,
	type DownloadOptions,
	download,
	type ExchangeOptions,
	exchange,
	type FetchedHead,
	type FetchOptions,
	type HTTPResponse,
} from "./exchange";
export { defaultLimits, defaultTimeouts, type Limits, type Timeouts } from "./limits";
export { HTTPPool, type HTTPPoolOptions, type SecureSocketOptions } from "./pool";
export type { BlockResult, Cancel, ResponseHead } from "./pump";
export { type ContentRange, parseContentRange, rangeFrom } from "./range";
export { defaultSensitive, type HeaderList } from "./redirect";
export { SessionMemory } from "./sessions";
export type { Resolver, ResolverOptions, Socket, SocketInit, SocketOptions, TargetSocket } from "./socket";
export type { HeaderMap, HTTPRequest, RequestOptions } from "./types";
export { originOf, type ParsedURL, parseURL, resolveURL, type Scheme } from "./url";
