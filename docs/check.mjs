/**
 * Open the built site in Chromium with the network cut: `node check.mjs pages|playground`.
 *
 * Prints what it found as JSON: for `pages` a list of faults, for `playground` what was
 * seen there. CHROMIUM names the browser.
 */
import { chromium } from "playwright-core";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { fileURLToPath, pathToFileURL } from "node:url";

const site = fileURLToPath(new URL("../site/", import.meta.url));
const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const faults = [];

async function open(path, width) {
  const options = { viewport: { width, height: 900 }, offline: true };
  const page = await (await browser.newContext(options)).newPage();
  const note = (what) => faults.push(`${path} at ${width}: ${what}`);
  page.on("console", (m) => m.type() === "error" && note(m.text()));
  page.on("pageerror", (e) => note(e.message));
  page.on("requestfailed", (r) => note(`failed: ${r.url().slice(0, 200)}`));
  page.on("request", (r) => /^https?:/.test(r.url()) && note(`asks for ${r.url()}`));
  await page.goto(pathToFileURL(site + path).href);
  return { page, note };
}

/** Runs in the page. */
async function look() {
  for (const picture of document.images) picture.loading = "eager";
  await Promise.all([...document.images].map((p) => p.decode().catch(() => 0)));
  const wide = document.documentElement.scrollWidth - innerWidth;
  const missing = [...document.images].filter((p) => !p.naturalWidth).map((p) => p.src.slice(0, 200));
  const links = [...document.links].map((a) => a.href.split("#")[0].split("?")[0]);
  const anchors = [...document.links].filter((a) => a.hash.length > 1
    && a.pathname === location.pathname && !document.getElementById(decodeURIComponent(a.hash.slice(1))));
  const formulas = document.querySelectorAll(".math:not(:has(mjx-container))").length;
  return { wide, missing, links: [...new Set(links)], anchors: anchors.map((a) => a.hash), formulas };
}

async function pages() {
  const every = readdirSync(site, { recursive: true }).filter((p) => p.endsWith(".html"));
  const chosen = every.filter((p) => !p.startsWith("_") && p !== "playground.html");
  for (const path of chosen) for (const width of [390, 1280]) {
    const { page, note } = await open(path, width);
    await page.waitForFunction(() => !document.querySelector(".math:not(:has(mjx-container))"),
      null, { timeout: 20000 }).catch(() => 0);
    const seen = await page.evaluate(look);
    if (seen.wide > 0) note(`${seen.wide} pixels too wide`);
    if (seen.formulas) note(`${seen.formulas} formulas are not set`);
    for (const url of seen.missing) note(`no picture ${url}`);
    for (const hash of seen.anchors) note(`no anchor ${hash}`);
    for (const url of seen.links)
      if (url.startsWith("file:") && !existsSync(fileURLToPath(url))) note(`no page ${url}`);
    await page.context().close();
  }
  return { pages: chosen.length, faults };
}

/** Of the process that has the page and its worker, which holds the network. */
async function megabytes() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const resident = processInfo.filter((p) => p.type === "renderer").map(({ id }) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]) / 1e3);
  return Math.max(...resident);
}

async function playground(out) {
  const { page } = await open("playground.html", 390);
  const done = async (pattern) => {
    await page.waitForFunction((p) => new RegExp(p).test(document.getElementById("status").textContent),
      pattern, { timeout: 90000 });
    return page.textContent("#status");
  };
  const clear = () => page.evaluate(() => { document.getElementById("status").textContent = ""; });
  const give = async (pattern, id, file) => {
    await clear();
    await page.setInputFiles(id, file);
    return done(pattern);
  };
  await done("painted");
  await clear();
  await page.selectOption("#size", "512"); // the photograph as it is
  const painted = await done("painted");
  const picture = await page.evaluate(() => document.getElementById("canvas").toDataURL());
  writeFileSync(out, Buffer.from(picture.split(",")[1], "base64"));

  const sentences = [];
  const file = (name, buffer, mimeType = "image/png") => ({ name, mimeType, buffer });
  sentences.push(await give("no picture", "#file", file("broken.png", Buffer.from("no"))));
  const huge = Buffer.alloc(64);
  huge.writeUInt32BE(0x89504e47, 0);
  huge.writeUInt32BE(10000, 16);
  huge.writeUInt32BE(10000, 20);
  sentences.push(await give("megapixels", "#file", file("huge.png", huge)));
  sentences.push(await give("no network", "#network", file("no.onnx", Buffer.from("no"), "")));

  await clear();
  await page.selectOption("#size", "128");
  await done("painted");
  const memory = [];
  const session = await page.context().newCDPSession(page);
  for (let n = 0; n < 50; n++) {
    await clear();
    await page.locator("#strength").focus();
    await page.locator("#photos button").nth(n % 6).press("Enter");
    await done("painted");
    if (n % 10 === 9) {
      await session.send("HeapProfiler.collectGarbage");
      memory.push(await megabytes());
    }
  }
  await page.check("[value=corners]");
  await page.locator("#pad").press("ArrowRight");
  const left = await page.evaluate(() => document.getElementById("point").style.left);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  return { painted, sentences, memory, left, wide, faults };
}

const found = process.argv[2] === "pages" ? await pages() : await playground(process.argv[3]);
console.log(JSON.stringify(found, null, 1));
await browser.close();
