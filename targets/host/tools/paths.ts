/** Where things are. Everything that is made goes below build/. */
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
export const buildFolder = join(root, "build");
export const scriptFolder = join(buildFolder, "js");
export const hostFolder = join(root, "targets/host");
/** The XS engine and Moddable's data modules, as the npm package brings them. */
export const moddable = join(root, "node_modules/@agoric/xsnap/moddable");
