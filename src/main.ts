/**
 * The firmware: this device, its configuration, its console, and the client. An application of one's own calls `start`
 * itself instead of using this file.
 */
import { startAtConsole } from "fleetling/console";
import device from "fleetling/target";
import config from "mc/config";

void startAtConsole({ device, config, sink: (line) => trace(line, "\n") });
