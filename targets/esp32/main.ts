/** The firmware of a board. An application of one's own calls `startFirmware`, or only `start`, instead of using this file. */
import { startFirmware } from "fleetling/esp32/firmware";
import device from "fleetling/target";
import config from "mc/config";

void startFirmware({ device, config });
