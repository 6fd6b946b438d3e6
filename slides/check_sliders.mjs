// Run a notebook in JupyterLab from the top, turn its first slider, and say what came.
//
//     node check_sliders.mjs ADDRESS [PICTURE.png]
//
// As check_lab.mjs; the picture beside the sliders is the notebook's last widget.
import { launch } from "./chromium.mjs";
import { openAndRun } from "./lab.mjs";

const browser = await launch();
const page = await openAndRun(browser, process.argv[2]);
const PICTURE = "img.widget-image";
const HANDLE = ".widget-slider .noUi-handle";
await page.waitForSelector(HANDLE, { timeout: 30000 });
await page.waitForFunction(
  (picture) => document.querySelector(picture)?.naturalWidth > 0,
  { timeout: 30000 }, PICTURE);
const source = (picture) => document.querySelector(picture).src;
const times = [];
const first = await page.evaluate(source, PICTURE);
let before = first;
for (const share of [0.3, 0.8, 0.5]) { // of the slider's length
  await page.evaluate((handle) => document.querySelector(handle).scrollIntoView({ block: "center" }), HANDLE);
  await new Promise((resolve) => setTimeout(resolve, 1000)); // the page settles
  const handle = await (await page.$(HANDLE)).boundingBox();
  const bar = await (await page.$(".widget-slider .noUi-target")).boundingBox();
  await page.mouse.move(handle.x + handle.width / 2, handle.y + handle.height / 2);
  await page.mouse.down();
  await page.mouse.move(bar.x + share * bar.width, handle.y + handle.height / 2, { steps: 5 });
  const begin = Date.now();
  await page.mouse.up();
  if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
  await page.waitForFunction(
    (picture, old) => {
      const image = document.querySelector(picture);
      return image.src !== old && image.complete && image.naturalWidth > 0;
    },
    { timeout: 60000, polling: 20 }, PICTURE, before);
  times.push(Date.now() - begin);
  before = await page.evaluate(source, PICTURE);
}
const sliders = await page.$$eval(".widget-slider", (found) => found.length);
const width = await page.$eval(PICTURE, (image) => image.naturalWidth);
if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
await browser.close();
console.log(JSON.stringify({ sliders, width, milliseconds: times, changed: first !== before }));
