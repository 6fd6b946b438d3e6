// Open a notebook in JupyterLab, run it from the top, and say what came of it.
//
//     node check_lab.mjs ADDRESS [PICTURE.png]
import { launch } from "./chromium.mjs";
import { openAndRun } from "./lab.mjs";

const browser = await launch();
const page = await openAndRun(browser, process.argv[2]);
const seen = await page.evaluate(() => {
  const cells = window.jupyterapp.shell.currentWidget.content.widgets
    .filter((cell) => cell.model.type === "code")
    .map((cell) => ({ count: cell.model.executionCount, outputs: cell.model.outputs.toJSON() }));
  const outputs = cells.flatMap((cell) => cell.outputs);
  return {
    cells: cells.length,
    ran: cells.filter((cell) => cell.count > 0).length,
    errors: outputs.filter((output) => output.output_type === "error").map((o) => o.evalue),
    pictures: outputs.filter((o) => Object.keys(o.data ?? {}).some((k) => k.startsWith("image/"))).length,
    widgets: document.querySelectorAll(".jupyter-widgets").length,
  };
});
if (process.argv[3]) await page.screenshot({ path: process.argv[3] });
await browser.close();
console.log(JSON.stringify(seen));
