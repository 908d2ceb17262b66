/**
 * A firmware whose application has better things to do in its first seconds: it says "not now" to each step of an update
 * once. Test aid; takes the place of main.
 */
import { start } from "fleetling/start";
import device from "fleetling/target";
import type { GateStep } from "fleetling/update/gate";
import config from "mc/config";

const sink = (line: string): void => trace(line, "\n");
const asked = new Set<GateStep>();

const allows = (step: GateStep): boolean | number => {
	sink(`A application: asked about the ${step}`);
	if (asked.has(step)) return true;
	asked.add(step);
	return 1_500;
};

void start({ device, config, sink, policy: { allows } });
