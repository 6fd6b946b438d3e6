"""JupyterLab as the workshop starts it: where it begins, and what it writes."""

import json
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from traitlets.config.loader import PyFileConfigLoader

from conftest import TABLE, quick_source, tomllib
from style_workshop import weights

ROOT = Path(__file__).resolve().parent.parent
CONFIG = ROOT / "install" / "jupyter" / "config.py"
LESSON = ROOT / "notebooks" / "2.0_Gatys_method.ipynb"


def config():
    return PyFileConfigLoader(str(CONFIG)).load_config()


def test_the_project_can_be_opened_and_the_notebooks_are_seen_first():
    assert Path(config().ServerApp.root_dir) == ROOT
    assert config().FileContentsManager.preferred_dir == LESSON.parent.name


def test_the_settings_are_where_jupyterlab_looks_for_them():
    folder = Path(config().LabApp.app_settings_dir)
    overrides = json.loads((folder / "overrides.json").read_text())
    news = overrides["@jupyterlab/apputils-extension:notification"]
    assert news == {"checkForUpdates": False, "fetchNews": "false"}


def test_a_notebook_that_was_only_opened_is_written_as_it_was(tmp_path):
    """JupyterLab adds the kernel's version, and saves what it takes for a change."""
    from jupyter_server.services.contents.filemanager import FileContentsManager

    (tmp_path / "notebooks").mkdir()
    manager = FileContentsManager(root_dir=str(tmp_path), config=config())
    before = LESSON.read_bytes()
    notebook = nbformat.reads(before.decode(), as_version=4)
    notebook.metadata["language_info"] = {"name": "python", "version": "3.99.1"}
    model = {"type": "notebook", "format": "json", "content": notebook}
    manager.save(model, "x.ipynb")
    assert (tmp_path / "x.ipynb").read_bytes() == before
    manager.save({"type": "file", "format": "text", "content": "words"}, "x.txt")
    assert (tmp_path / "x.txt").read_text() == "words"


def test_every_way_to_start_jupyterlab_uses_it():
    for name in ("Makefile", "README.md", "install/README.md", "Dockerfile.cpu"):
        text = (ROOT / name).read_text(encoding="utf-8").replace("\\", "/")
        assert "--config=install/jupyter/config.py" in text, name


SLIDES = ROOT / "slides"
in_chromium = pytest.mark.skipif(
    not (shutil.which("chromium") and shutil.which("node"))
    or not (SLIDES / "node_modules").is_dir(),
    reason="needs node, Chromium and `npm ci` in slides/",
)


def run_in_a_browser(
    root: Path, notebook: str, script: str = "check_lab.mjs", *more: str
) -> dict:
    """Open a notebook in JupyterLab, run all of its cells, say what came of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyterlab", f"--config={CONFIG}"]
    command += ["--ip=127.0.0.1", f"--port={port}", "--allow-root", "--no-browser"]
    command += ["--LabApp.expose_app_in_browser=True", "--IdentityProvider.token=toy"]
    command += [f"--ServerApp.root_dir={root}"]
    command += ["--FileContentsManager.preferred_dir="]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        while "is running at" not in server.stderr.readline():
            assert server.poll() is None
        threading.Thread(target=server.stderr.read, daemon=True).start()
        address = f"http://127.0.0.1:{port}/lab/tree/{notebook}?token=toy"
        run = subprocess.run(
            ["node", script, address, *more],
            cwd=SLIDES, capture_output=True, text=True,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait()
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def write(cells: list[str], path: Path) -> None:
    """Write a notebook of these cells."""
    new = nbformat.v4
    notebook = new.new_notebook(cells=[new.new_code_cell(cell) for cell in cells])
    # Without it JupyterLab asks for a kernel, and waits.
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    nbformat.write(notebook, path)


@pytest.mark.slow
@in_chromium
def test_a_notebook_runs_from_the_top_in_a_browser(tmp_path):
    """JupyterLab opens, the cells run, a figure and a progress bar are there."""
    cells = [
        "from tqdm.auto import tqdm\nfor _ in tqdm(range(3)):\n    pass",
        "import matplotlib.pyplot as plt\nplt.plot([1, 4, 9]);",
    ]
    write(cells, tmp_path / "toy.ipynb")
    seen = run_in_a_browser(tmp_path, "toy.ipynb")
    assert (seen["cells"], seen["ran"], seen["errors"]) == (2, 2, [])
    assert seen["pictures"] == 1 and seen["widgets"] > 0


@pytest.mark.slow
@in_chromium
def test_a_lesson_runs_from_the_top_in_a_browser(tmp_path):
    """On a copy, since JupyterLab saves what it has run."""
    name = "0.2_VGG_inference.ipynb"
    shutil.copy(LESSON.with_name(name), tmp_path)
    stored = nbformat.read(tmp_path / name, as_version=4)
    code = [c for c in stored.cells if c.cell_type == "code" and c.source.strip()]
    figures = [
        output
        for cell in code
        for output in cell.outputs
        if "image/jpeg" in output.get("data", {})
    ]
    seen = run_in_a_browser(tmp_path, name)
    assert (seen["cells"], seen["ran"], seen["errors"]) == (len(code), len(code), [])
    assert seen["pictures"] == len(figures) > 5


@pytest.mark.slow
@in_chromium
@pytest.mark.skipif(not weights.path_of("vgg19").exists(), reason="needs VGG19")
@pytest.mark.parametrize(
    ("lesson", "sliders"),
    [("3.1_conditional_instance_norm", 12), ("4.0_arbitrary_style_transfer", 5)],
)
def test_a_slider_paints_another_picture(lesson, sliders, tmp_path):
    """The real lesson up to its playground, with the small values of the tests."""
    name, cells = f"{lesson}.ipynb", []
    values = tomllib.loads(TABLE.read_text())[name]
    for cell in nbformat.read(LESSON.with_name(name), as_version=4).cells:
        if cell.cell_type == "code":
            small = "parameters" in cell.metadata.get("tags", [])
            cells.append(
                quick_source(cell.source, values, name) if small else cell.source
            )
            if "ipywidgets.HBox" in cell.source:
                break
    write(cells, tmp_path / "toy.ipynb")
    seen = run_in_a_browser(tmp_path, "toy.ipynb", "check_sliders.mjs")
    assert seen["sliders"] == sliders and seen["width"] > 0
