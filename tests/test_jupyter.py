"""JupyterLab as the workshop starts it: where it begins, and what it writes."""

import json
from pathlib import Path

import nbformat
from traitlets.config.loader import PyFileConfigLoader

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
