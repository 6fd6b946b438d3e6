/** Make the playground one file: `node playground/build.mjs NETWORK.onnx OUT`. */
import { readFile, readdir } from "node:fs/promises";
import { bundle, packed, script, writePage } from "../common/pack.mjs";

const here = new URL("./", import.meta.url);
const [network, out] = process.argv.slice(2);

const folder = new URL("../../data/images/content/", here);
const photographs = {};
for (const name of (await readdir(folder)).sort()) {
  const bytes = await readFile(new URL(name, folder));
  photographs[name.replace(".jpg", "")] = `data:image/jpeg;base64,${bytes.toString("base64")}`;
}
const wasm = new URL("../node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm", here);
const data = [
  script("photographs", JSON.stringify(photographs)),
  script("onnx", await packed(network)),
  script("wasm", await packed(wasm)),
  script("painter", await bundle(new URL("painter.js", here))),
];
await writePage(here, "playground", data, out);
