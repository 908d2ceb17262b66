/**
 * A firmware that starts and then blocks for ever before it can check in: only the watchdog ends it. Test aid; the image
 * tool puts it in place of main for `--fault hang`.
 */
import { start } from "fleetling/start";
import device from "fleetling/target";
import config from "mc/config";
import Timer from "timer";

void start({ device, config, sink: (line) => trace(line, "\n") });

Timer.set(() => {
	trace("this firmware hangs on purpose\n");
	for (;;) Timer.delay(1000);
});
