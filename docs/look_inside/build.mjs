/** Make the page one file: `node look_inside/build.mjs DATA.json OUT`. */
import { packed, script, writePage } from "../common/pack.mjs";

const [data, out] = process.argv.slice(2);
await writePage(new URL("./", import.meta.url), "look_inside", [script("data", await packed(data))], out);
