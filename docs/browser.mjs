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

/** Give the focus to an element, and press keys. */
export async function press(page, selector, ...keys) {
  await page.locator(selector).focus();
  for (const key of keys) await page.keyboard.press(key);
}

const CONTROLS = ["button", "slider", "radio", "checkbox", "combobox", "application", "link", "img", "image"];

/** How many controls a screen reader finds, and the roles of those without a name. */
export async function controlsOf(page) {
  const session = await page.context().newCDPSession(page);
  await session.send("Accessibility.enable");
  const { nodes } = await session.send("Accessibility.getFullAXTree");
  const found = nodes.filter((n) => !n.ignored && CONTROLS.includes(n.role?.value));
  const nameless = found.filter((n) => !n.name?.value).map((n) => n.role.value);
  return { controls: found.length, nameless };
}

/** Which of these, by id or name, the key Tab does not reach. */
export async function unreached(page, names) {
  const reached = new Set();
  await page.evaluate(() => document.activeElement?.blur());
  for (let n = 0; n < 60; n++) {
    await page.keyboard.press("Tab");
    reached.add(await page.evaluate(() => document.activeElement?.id || document.activeElement?.name));
  }
  return names.filter((name) => !reached.has(name));
}
