/** `npm run image -- --version V --out FILE [--fault none|crash|hang|offline]`: a firmware image of the current sources. */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Fault, faults, makeFirmware } from "./firmware";

const { values } = parseArgs({
	options: { version: { type: "string" }, out: { type: "string" }, fault: { type: "string", default: "none" } },
});
if (!values.version || !values.out)
	throw new Error("usage: npm run image -- --version V --out FILE [--fault none|crash|hang|offline]");
if (Buffer.byteLength(values.version) > 31)
	throw new Error(`--version "${values.version}" has more than 31 bytes: an application description has no room for it`);
if (!faults.includes(values.fault as Fault)) throw new Error(`--fault "${values.fault}" is not one of ${faults.join(", ")}`);
const image = await makeFirmware({ version: values.version, fault: values.fault as Fault });
writeFileSync(values.out, image);
process.stdout.write(`${values.out}: version ${values.version}, ${image.length} bytes\n`);
