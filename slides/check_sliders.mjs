// Run a notebook in JupyterLab from the top, drag its second slider, and say what came.
//
//     node check_sliders.mjs ADDRESS [PICTURE.png]
//
// As check_lab.mjs; the picture beside the sliders is the notebook's last widget.
import { launch } from "./chromium.mjs";
import { openAndRun } from "./lab.mjs";

const browser = await launch();
const page = await openAndRun(browser, process.argv[2]);
const PICTURE = "img.widget-image";
await page.waitForSelector(".widget-slider .noUi-handle", { timeout: 30000 });
await page.waitForFunction(
  (picture) => document.querySelector(picture)?.naturalWidth > 0,
  { timeout: 30000 }, PICTURE);
// The first one alone changes nothing where shares are divided by their sum.
const sliders = await page.$$(".widget-slider");
const second = await sliders[1].$(".noUi-handle");
const bar = await sliders[1].$(".noUi-target");
const source = (picture) => document.querySelector(picture).src;
const before = await page.evaluate(source, PICTURE);
await second.evaluate((handle) => handle.scrollIntoView({ block: "center" }));
await new Promise((resolve) => setTimeout(resolve, 1000)); // the page settles
const [from, along] = [await second.boundingBox(), await bar.boundingBox()];
const y = from.y + from.height / 2;
await page.mouse.move(from.x + from.width / 2, y);
await page.mouse.down();
await page.mouse.move(along.x + 0.8 * along.width, y, { steps: 5 });
const begin = Date.now();
await page.mouse.up();
await page.waitForFunction(
  (picture, old) => {
    const image = document.querySelector(picture);
    return image.src !== old && image.complete && image.naturalWidth > 0;
  },
  { timeout: 60000, polling: 20 }, PICTURE, before);
const milliseconds = Date.now() - begin;
const width = await page.$eval(PICTURE, (image) => image.naturalWidth);
if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
await browser.close();
console.log(JSON.stringify({ sliders: sliders.length, width, milliseconds }));
