/**
 * The one place in src that names the HTTP module's address parser.
 */
export { originOf, type ParsedURL, parseURL } from "fleetling/http/url";
