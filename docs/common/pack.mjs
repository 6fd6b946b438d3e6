/** What makes a page one file: opened by a double click it may not read other files. */
import { build } from "esbuild";
import { readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

/** A module with all that it imports, as a plain script. @param {URL} entry */
export async function bundle(entry) {
  const entryPoints = [entry.pathname];
  const options = { bundle: true, write: false, minify: true, target: "es2022", format: "iife" };
  // A page that is opened as a file may not start a module as a worker.
  const define = { "import.meta.url": "self.location.href" };
  // Node's parts of the runtime are never reached in a browser.
  const external = ["node:*", "fs", "module", "worker_threads"];
  const { outputFiles } = await build({ entryPoints, ...options, external, define });
  return outputFiles[0].text.replaceAll("</script", "<\\/script");
}

/** A file as gzip in base64, which `unpack` of `dom.js` undoes. @param {string | URL} path */
export const packed = async (path) =>
  gzipSync(await readFile(path), { level: 9 }).toString("base64");

/** Data of the page that are no program. @param {string} id @param {string} content */
export const script = (id, content) => `<script type="text/plain" id="${id}">${content}</script>`;

/**
 * Write NAME.html of a folder, with NAME.css and page.js in it, to one file.
 * @param {URL} folder
 * @param {string} name
 * @param {string[]} data from `script`
 * @param {string} out
 */
export async function writePage(folder, name, data, out) {
  const text = (path) => readFile(new URL(path, folder), "utf8");
  const styleSheet = (await text("../common/base.css")) + (await text(`${name}.css`));
  const pageScript = await bundle(new URL("page.js", folder));
  const page = (await text(`${name}.html`))
    .replace("/*STYLE*/", () => "\n" + styleSheet)
    .replace("<!--DATA-->", () => data.join("\n"))
    .replace("/*SCRIPT*/", () => pageScript);
  await writeFile(out, page);
}
