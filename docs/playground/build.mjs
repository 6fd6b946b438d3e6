/**
 * Make the playground one file: `node playground/build.mjs NETWORK.onnx OUT`.
 *
 * Opened by a double click it may not read other files, so all it needs is inside.
 */
import { build } from "esbuild";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const here = new URL("./", import.meta.url);
const [network, out] = process.argv.slice(2);

const bundle = async (name) => {
  const entryPoints = [new URL(name, here).pathname];
  const options = { bundle: true, write: false, minify: true, target: "es2022", format: "iife" };
  // A page that is opened as a file may not start a module as a worker.
  const define = { "import.meta.url": "self.location.href" };
  // Node's parts of the runtime are never reached in a browser.
  const external = ["node:*", "fs", "module", "worker_threads"];
  const { outputFiles } = await build({ entryPoints, ...options, external, define });
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
};
const text = (name) => readFile(new URL(name, here), "utf8");
const packed = async (path) => gzipSync(await readFile(path), { level: 9 }).toString("base64");
const script = (id, content) => `<script type="text/plain" id="${id}">${content}</script>`;

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
  script("painter", await bundle("painter.js")),
].join("\n");
const styleSheet = await text("playground.css");
const pageScript = await bundle("page.js");
const page = (await text("playground.html"))
  .replace("/*STYLE*/", () => "\n" + styleSheet)
  .replace("<!--DATA-->", () => data)
  .replace("/*SCRIPT*/", () => pageScript);
await writeFile(out, page);
