// Open a notebook in JupyterLab and run it from the top.
//
// ADDRESS is that of the notebook, with its token, of a JupyterLab that was started with
// --LabApp.expose_app_in_browser=True.
export async function openAndRun(browser, address) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 1600 });
  await page.goto(address, { waitUntil: "load", timeout: 60000 });
  await page.waitForSelector(".jp-NotebookPanel .jp-CodeCell", { timeout: 90000 });
  await page.evaluate(async () => {
    const app = window.jupyterapp;
    const panel = app.shell.currentWidget;
    await panel.sessionContext.ready;
    // What is stored in the notebook shall not pass for what comes now.
    await app.commands.execute("notebook:clear-all-cell-outputs");
    await app.commands.execute("notebook:run-all-cells");
  });
  const idle = () =>
    window.jupyterapp.shell.currentWidget.sessionContext.session?.kernel?.status === "idle";
  await page.waitForFunction(idle, { timeout: 600000 });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  return page;
}
