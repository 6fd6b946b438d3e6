/** Chromium with the network cut, on the built site. CHROMIUM names the browser. */
import { chromium } from "playwright-core";
import { fileURLToPath, pathToFileURL } from "node:url";

export const site = fileURLToPath(new URL("../site/", import.meta.url));

/** @param {string[]} [args] more options of Chromium */
export function launch(args = []) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  return chromium.launch({ executablePath, args: ["--no-sandbox", ...args] });
}

/** Open a page of the site; what goes wrong there is put into `faults`. */
export async function open(browser, path, faults, more = {}) {
  const options = { viewport: { width: 390, height: 844 }, colorScheme: "dark", offline: true };
  const page = await (await browser.newContext({ ...options, ...more })).newPage();
  const note = (what) => faults.push(`${path}: ${what}`);
  page.on("console", (m) => m.type() === "error" && note(m.text()));
  page.on("pageerror", (e) => note(e.message));
  page.on("requestfailed", (r) => note(`failed: ${r.url().slice(0, 200)}`));
  page.on("request", (r) => /^(https?|wss?):/.test(r.url()) && note(`asks for ${r.url()}`));
  await page.goto(pathToFileURL(site + path).href);
  return { page, note };
}
