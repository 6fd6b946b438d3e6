// Does every slide keep what it shows within its edges, and does every picture load?
//
//     node check.mjs DECK.html       as Marp makes it with --template bare
//
// Prints what it finds, one line each, and ends with status 1 if there is anything.
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { launch } from "./chromium.mjs";

const browser = await launch();
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 720 });
await page.goto(pathToFileURL(resolve(process.argv[2])).href, { waitUntil: "load" });

const found = await page.evaluate(() => {
  const problems = [];
  const margin = 12; // pixels of the slide
  const foot = 42; // where footer and page number stand
  document.querySelectorAll("section").forEach((section, index) => {
    const name = `slide ${index + 1} (${section.querySelector("h1")?.innerText ?? ""})`;
    const edge = section.getBoundingClientRect();
    const scale = edge.width / section.offsetWidth;
    for (const image of section.querySelectorAll("img"))
      if (!image.naturalWidth) problems.push(`${name}: no picture ${image.src}`);
    for (const child of section.querySelectorAll("h1,h2,p,li,pre,td,th,img,div,mjx-container")) {
      const box = child.getBoundingClientRect();
      if (!box.width || !box.height || child.closest("header,footer")) continue;
      const beyond = Math.max(
        (edge.left - box.left) / scale + margin, (box.right - edge.right) / scale + margin,
        (edge.top - box.top) / scale + margin, (box.bottom - edge.bottom) / scale + foot,
      );
      if (beyond > 0.5)
        problems.push(`${name}: <${child.localName}> is ${Math.round(beyond)} pixels too far out: ` +
          (child.innerText || child.src || "").slice(0, 60).replaceAll("\n", " "));
      if (child.localName === "pre" && child.scrollWidth > child.clientWidth + 1)
        problems.push(`${name}: code is ${child.scrollWidth - child.clientWidth} pixels too wide`);
    }
  });
  return problems;
});
await browser.close();
for (const line of found) console.log(line);
process.exit(found.length ? 1 : 0);
