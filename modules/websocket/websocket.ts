/**
 * A WebSocket client for devices: RFC 6455 over any socket of ECMA-419's TCP shape, in constant memory, with a deadline
 * for everything. See README.md.
 */
export { WebSocketClient, type WebSocketOptions } from "./client";
export { type CloseCode, closeCodes, isCloseCode } from "./closing";
export { RefusedError, WebSocketError } from "./failure";
export { defaultLimits, defaultTimeouts, type WebSocketLimits, type WebSocketTimeouts } from "./limits";
export { MessageSocket, type MessageSocketOptions } from "./messages";
export type { Closed, ConnectOptions, ReadableInfo, WebSocketCallbacks, WriteOptions } from "./options";
