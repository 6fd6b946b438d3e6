/**
 * Open every page of the built site in Chromium with the network cut, as on a phone at
 * night and on a desktop by day: `node check_pages.mjs [PAGE...]`. Prints the faults as
 * JSON, and what it has seen on the way to the other stream.
 */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { launch, open, site } from "./browser.mjs";

const SCREENS = [
  { width: 390, height: 844, scheme: "dark" },
  { width: 1280, height: 900, scheme: "light" },
];

/** Runs in the page. */
async function look() {
  for (const picture of document.images) picture.loading = "eager";
  await Promise.all([...document.images].map((p) => p.decode().catch(() => 0)));
  const missing = [...document.images].filter((p) => !p.naturalWidth).map((p) => p.src.slice(0, 200));
  const links = [...document.links].map((a) => a.href.split("#")[0].split("?")[0]);
  const anchors = [...document.links].filter((a) => a.hash.length > 1
    && a.pathname === location.pathname && !document.getElementById(decodeURIComponent(a.hash.slice(1))));
  const formulas = document.querySelectorAll(".math:not(:has(mjx-container))").length;
  return { missing, links: [...new Set(links)], anchors: anchors.map((a) => a.hash), formulas };
}

/** Runs in the page: how far it is too wide, and texts that are hard to read. */
function measure() {
  const numbers = (color) => color.match(/[\d.]+/g).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((x) => x / 255)
    .map((x) => (x <= 0.04 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4))
    .reduce((sum, x, i) => sum + x * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (element) => {
    for (let e = element; e; e = e.parentElement) {
      const [r, g, b, a = 1] = numbers(getComputedStyle(e).backgroundColor);
      if (a > 0.5) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const faint = new Set();
  for (const e of document.querySelectorAll("article *")) {
    const text = [...e.childNodes].filter((n) => n.nodeType === 3).map((n) => n.data.trim()).join("");
    if (!text || !e.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
    const [one, two] = [light(numbers(getComputedStyle(e).color)), light(ground(e))].sort((a, b) => b - a);
    if ((one + 0.05) / (two + 0.05) < 3) faint.add(`${e.localName}.${e.className} ${text.slice(0, 30)}`);
  }
  return { wide: document.documentElement.scrollWidth - innerWidth, faint: [...faint].slice(0, 5) };
}

const browser = await launch(), faults = [];
const named = process.argv.slice(2);
const pages = named.length ? named : readdirSync(site, { recursive: true }).filter((path) =>
  path.endsWith(".html") && !path.startsWith("_static") && path !== "playground.html");
for (const path of pages) {
  const { page, note } = await open(browser, path, faults);
  await page.waitForFunction(() => !document.querySelector(".math:not(:has(mjx-container))"),
    null, { timeout: 20000 }).catch(() => 0);
  await page.waitForFunction(() => !document.querySelector("[aria-busy]"),
    null, { timeout: 20000 }).catch(() => note("stays busy"));
  const seen = await page.evaluate(look);
  if (seen.formulas) note(`${seen.formulas} formulas are not set`);
  for (const url of seen.missing) note(`no picture ${url}`);
  for (const hash of seen.anchors) note(`no anchor ${hash}`);
  for (const url of seen.links)
    if (url.startsWith("file:") && !existsSync(fileURLToPath(url))) note(`no page ${url}`);
  for (const { width, height, scheme } of SCREENS) {
    await page.setViewportSize({ width, height });
    await page.emulateMedia({ colorScheme: scheme });
    const { wide, faint } = await page.evaluate(measure);
    if (wide > 0) note(`${wide} pixels wider than ${width}`);
    for (const text of faint) note(`hard to read, ${scheme}: ${text}`);
  }
  await page.context().close();
  console.error(path);
}
console.log(JSON.stringify({ pages: pages.length, faults }, null, 1));
await browser.close();
