/** `npm start`: the demo. */
import { runDemo } from "../../../test/demo/demo";

process.exitCode = await runDemo();
process.exit();
