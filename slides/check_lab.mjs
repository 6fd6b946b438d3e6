// Open a notebook in JupyterLab, run it from the top, and say what came of it.
//
//     node check_lab.mjs ADDRESS [PICTURE.png]
//
// ADDRESS is that of the notebook, with its token, of a JupyterLab that was started with
// --LabApp.expose_app_in_browser=True.
import { launch } from "./chromium.mjs";

const browser = await launch();
const page = await browser.newPage();
await page.setViewport({ width: 1280, height: 1600 });
await page.goto(process.argv[2], { waitUntil: "load", timeout: 60000 });
await page.waitForSelector(".jp-NotebookPanel .jp-CodeCell", { timeout: 90000 });
const limit = 600000; // milliseconds; a lesson takes minutes on a busy machine
await page.evaluate(async () => {
  const app = window.jupyterapp;
  const panel = app.shell.currentWidget;
  await panel.sessionContext.ready;
  // What is stored in the notebook shall not pass for what comes now.
  await app.commands.execute("notebook:clear-all-cell-outputs");
  await app.commands.execute("notebook:run-all-cells");
});
await page.waitForFunction(
  () => window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === "idle",
  { timeout: limit });
await new Promise((resolve) => setTimeout(resolve, 1500));
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
