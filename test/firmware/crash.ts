/**
 * A firmware that starts and then crashes before it can check in: what a trial boot has to survive. Test aid; the image
 * tool puts it in place of main for `--fault crash`.
 */
import { start } from "fleetling/start";
import device from "fleetling/target";
import config from "mc/config";
import Timer from "timer";

void start({ device, config, sink: (line) => trace(line, "\n") });

// The timer lets the client start first, so that what dies is a firmware that runs, not a module that does not load.
// A check-in takes several round trips of the network, which this does not wait for.
Timer.set(() => {
	throw new Error("this firmware crashes on purpose");
});
