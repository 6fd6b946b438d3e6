/**
 * Use the playground in Chromium with the network cut: `node check_playground.mjs FOLDER`.
 *
 * FOLDER has own networks, `one.onnx` of one style and `two.onnx` of two that have names,
 * and an own photograph, `own.jpg`, that is turned by its EXIF data. What is saved goes
 * there too; what was seen is printed as JSON.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { controlsOf, launch, open, press as pressOn, unreached } from "./browser.mjs";

const folder = process.argv[2], faults = [], seen = {};
const CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"];
const browser = await launch(CAMERA);
const { page } = await open(browser, "playground.html", faults);

// --- what a person does --------------------------------------------------------------

/** Wait for what the page says, and give that. */
async function until(pattern = "painted", id = "status") {
  await page.waitForFunction(([p, i]) => new RegExp(p).test(document.getElementById(i).textContent),
    [pattern, id], { timeout: 120000 });
  return page.textContent(`#${id}`);
}
/** Do something, and wait for what is said to that. */
async function after(act, pattern = "painted", id = "status") {
  await page.evaluate((i) => { document.getElementById(i).textContent = ""; }, id);
  await act();
  return until(pattern, id);
}
const press = (selector, ...keys) => pressOn(page, selector, ...keys);
const give = (id, name, buffer, mimeType = "image/png") =>
  page.setInputFiles(id, { name, mimeType, buffer });
const complaint = (act) => after(act, ".", "problem");

/** Press the button that saves, by the keyboard. */
async function save(name) {
  const download = page.waitForEvent("download");
  await press("#save", "Enter");
  await (await download).saveAs(join(folder, name));
}

/** Drop a file on the page, as from the desktop. */
const drop = (name) => page.evaluate(([name, base64]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))], name));
  document.dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, cancelable: true }));
}, [name, readFileSync(join(folder, name)).toString("base64")]);

// --- one photograph, in all ways ------------------------------------------------------

await until();
await after(() => page.selectOption("#size", "512")); // the photograph as it is
await save("style.png");
seen.label = await page.getAttribute("#canvas", "aria-label");
await press("#keep", "Space");
await press("#strength", "Home", ...Array(6).fill("PageUp"));
seen.strength = await page.inputValue("#strength");
await save("kept.png");
await press("#keep", "Space");
await press("#strength", "End");

await after(() => press("[aria-label=mosaic]", "End"));
await save("blend.png");
seen.shares = (await page.locator("#blend output").allTextContents()).slice(0, 3);
await after(() => press("#blend button >> nth=2", "Enter"));
seen.only = await page.getAttribute("#canvas", "aria-label");

await after(() => press("[value=blend]", "ArrowRight"));
await press("#border", "Home", ...Array(3).fill("PageUp"));
seen.border = await page.inputValue("#border");
await save("wipe.png");

await after(() => press("[value=wipe]", "ArrowRight"));
await after(() => press("#pad", "ArrowRight"));
seen.corners = await page.textContent("#mixture");
await save("corners.png");

// --- fifty pictures ----------------------------------------------------------------------

/** Of the process that has the page and its worker, which holds the network. */
async function megabytes() {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  const resident = processInfo.filter((p) => p.type === "renderer").map(({ id }) =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${id}/status`, "utf8"))[1]) / 1e3);
  return Math.max(...resident);
}

seen.memory = [];
await after(() => page.selectOption("#size", "128"));
const session = await page.context().newCDPSession(page);
for (let n = 0; n < 50; n++) {
  await after(() => press(`#photos button >> nth=${n % 6}`, "Enter"));
  if (n % 10 !== 9) continue;
  await session.send("HeapProfiler.collectGarbage");
  seen.memory.push(await megabytes());
}
await after(() => page.selectOption("#size", "512"));

// --- what is wrong gets a sentence ----------------------------------------------------

const huge = Buffer.alloc(64);
huge.writeUInt32BE(0x89504e47, 0);
huge.writeUInt32BE(10000, 16);
huge.writeUInt32BE(10000, 20);
seen.sentences = [
  await complaint(() => give("#file", "broken.png", Buffer.from("no"))),
  await complaint(() => give("#file", "huge.png", huge)),
  await complaint(() => give("#network", "no.onnx", Buffer.from("no"), "")),
];

// --- one's own -------------------------------------------------------------------------

await after(() => drop("own.jpg"));
await save("own.png");
await after(() => press("[value=corners]", "ArrowRight")); // round to the blend
await after(() => page.setInputFiles("#network", join(folder, "one.onnx")));
seen.one = await page.locator("#blend button").allTextContents();
await save("one.png");
await after(() => drop("two.onnx"));
seen.two = await page.locator("#blend button").allTextContents();
await after(() => press("#blend input >> nth=1", "End"));
await save("two.png");

// --- the webcam, which Chromium plays ---------------------------------------------------

const print = () => page.evaluate(() => document.getElementById("canvas").toDataURL());
const nextFrame = async () => page.waitForFunction(
  (before) => document.getElementById("canvas").toDataURL() !== before, await print());
seen.webcam = await after(() => press("#webcam", "Enter"), "frames a second");
await nextFrame();
const said = await complaint(() => give("#file", "broken.png", Buffer.from("no")));
await nextFrame();
seen.complaintStays = said === (await page.textContent("#problem"));
seen.frozen = await after(() => press("#webcam", "Enter"), "painted in [\\d.]+ s\\.$");
const still = await print();
await page.waitForTimeout(500);
seen.stops = still === (await print());

// --- who cannot see it, a phone, no webcam ----------------------------------------------

Object.assign(seen, await controlsOf(page));
seen.unreached = await unreached(page, ["file", "webcam", "save", "strength", "size", "keep", "network"]);
seen.wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
await browser.close();

const bare = await launch();
const { page: other } = await open(bare, "playground.html", faults);
await other.click("#webcam");
await other.waitForFunction(() => document.getElementById("problem").textContent);
seen.sentences.push(await other.textContent("#problem"));
await bare.close();
console.log(JSON.stringify({ ...seen, faults }, null, 1));
