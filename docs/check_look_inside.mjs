/**
 * Use the page "Look inside VGG" in Chromium with the network cut, by keys, pointer and
 * touch: `node check_look_inside.mjs`. What was seen is printed as JSON.
 */
import { controlsOf, launch, open, press as pressOn, unreached } from "./browser.mjs";

const faults = [], seen = { looks: [] };
const browser = await launch();
const { page } = await open(browser, "look_inside.html", faults, { hasTouch: true });
await page.waitForSelector("main:not([aria-busy])");

const press = (selector, ...keys) => pressOn(page, selector, ...keys);
const times = (key, count) => Array(count).fill(key);

// --- maps ----------------------------------------------------------------------------

/** What is said, and the box on the photograph: top, left, bottom, right in pixels. */
const look = () => page.evaluate(() => {
  const [image, box] = document.getElementById("photograph").children;
  const whole = image.getBoundingClientRect(), part = box.getBoundingClientRect();
  const scale = image.naturalWidth / whole.width;
  const sides = [part.top - whole.top, part.left - whole.left, part.bottom - whole.top, part.right - whole.left];
  return { said: document.getElementById("said").textContent, box: sides.map((side) => side * scale) };
});
/** Where a share of the map's width and height lies on the screen. */
async function spot(across, down) {
  await page.locator("#map").scrollIntoViewIfNeeded();
  const { x, y, width, height } = await page.locator("#map").boundingBox();
  return [x + across * width, y + down * height];
}

const CORNER = [...times("Shift+ArrowLeft", 30), ...times("Shift+ArrowUp", 20)];
for (let k = 0; k < 6; k++) {
  await press(`#layers input >> nth=${k}`, "Space");
  await press("#map", ...CORNER, ...times("ArrowDown", 2), ...times("ArrowRight", 3));
  seen.looks.push(await look());
  await press("#map", "Shift+ArrowRight", ...times("ArrowDown", 4));
  seen.looks.push(await look());
}
await press("#layers input >> nth=2", "Space");
await press("#channels input:checked", "ArrowRight");
await page.mouse.move(...await spot(0.3, 0.6));
seen.hovered = await look();
await page.touchscreen.tap(...await spot(0.7, 0.2));
seen.tapped = await look();
seen.exciting = await page.locator("#exciting figcaption").allTextContents();

// --- the Gram matrix -----------------------------------------------------------------

await page.selectOption("#from", { label: "color circles" });
seen.blends = [];
for (const pages of [0, 3, 5, 10]) {
  await press("#share", "Home", ...times("PageUp", pages));
  const words = await page.getAttribute("#share", "aria-valuetext");
  const losses = await page.locator(".style figcaption").allTextContents();
  await press("#gram", ...times("ArrowLeft", 15), ...times("ArrowUp", 15), "ArrowRight", "ArrowDown", "ArrowDown");
  const pair = await page.textContent("#pair");
  const colors = await page.evaluate(() => {
    const canvas = document.querySelector("#gram canvas");
    return [...canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data];
  });
  const texture = await page.getAttribute("#texture img", "alt");
  const jpeg = (await page.getAttribute("#texture img", "src")).split(",")[1];
  seen.blends.push({ words, losses, pair, colors, texture, jpeg });
}

// --- who cannot see it, a phone, a desktop ---------------------------------------------

Object.assign(seen, await controlsOf(page));
seen.unreached = await unreached(page, ["layers", "channels", "map", "from", "share", "gram", "to"]);
await browser.close();
console.log(JSON.stringify({ ...seen, faults }, null, 1));
