import { originOf, parseURL } from "../../common/address";

/**
 * Where a link of the server's really leads. A server that does TLS itself still makes links of http:// to its own port, where plain
 * HTTP is not understood: the same host and port as the server's means the server, and that is spoken to with TLS.
 *
 * @throws FleetlingError http.bad-url
 */
export function packageAddress(server: string, link: string): string {
	const own = parseURL(server);
	const target = parseURL(link);
	const same = target.host === own.host && target.port === own.port;
	if (!same || target.scheme === own.scheme) return link;
	return `${originOf({ ...target, scheme: own.scheme })}${target.path}`;
}
