// Does a deck of `make live` run without the internet: slides, equations, pictures?
//
//     node check_live.mjs DECK.slides.html [PICTURE.png]
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "./chromium.mjs";

const browser = await launch();
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 800 });
const lost = [];
const errors = [];
page.on("console", (message) => { if (message.type() === "error") errors.push(message.text()); });
page.on("pageerror", (error) => errors.push(error.message));
await page.setRequestInterception(true);
page.on("request", (request) => {
  if (/^(file|data|blob):/.test(request.url())) return request.continue();
  lost.push(request.url());
  return request.abort();
});
page.on("requestfailed", (request) => lost.push(request.url()));
await page.goto(pathToFileURL(resolve(process.argv[2])).href, { waitUntil: "load" });
await page.waitForFunction(() => document.querySelector(".reveal.ready"), { timeout: 60000 });
await page.waitForFunction(
  () => !document.body.innerText.includes("$$") && window.MathJax?.Hub?.queue?.pending === 0,
  { timeout: 60000 });
const seen = await page.evaluate(() => ({
  slides: document.querySelectorAll(".slides section:not(.stack)").length,
  equations: document.querySelectorAll(".MathJax, .MathJax_CHTML, mjx-container").length,
  pictures: [...document.images].filter((image) => image.naturalWidth > 0).length,
  broken: [...document.images].filter((image) => image.naturalWidth === 0).length,
}));
await page.keyboard.press("ArrowRight");
await new Promise((resolve) => setTimeout(resolve, 500));
seen.moved = await page.evaluate(() => location.hash);
if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
await browser.close();
console.log(JSON.stringify({ ...seen, lost, errors }));
