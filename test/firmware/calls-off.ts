/**
 * A firmware whose application calls an update off in the middle of its download. Test aid; takes the place of main.
 */
import { start } from "fleetling/start";
import device from "fleetling/target";
import config from "mc/config";

const client = start({
	device,
	config,
	sink: (line) => trace(line, "\n"),
	events: {
		progress(percent) {
			if (percent < 30) return;
			void client.then((fleetling) => {
				if (fleetling?.agent.cancelUpdate("the machine is running")) trace("A application: called it off\n");
			});
		},
	},
});
