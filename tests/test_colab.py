"""The cell that gets the workshop on Colab: in every notebook, and idle elsewhere."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("[0-9]*.ipynb"))
GIT = ["git", "-c", "user.name=nobody", "-c", "user.email=nobody@example.org"]

spec = importlib.util.spec_from_file_location("colab", ROOT / "install" / "colab.py")
colab = importlib.util.module_from_spec(spec)
spec.loader.exec_module(colab)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_is_the_first_code_of_every_notebook(path):
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert (first.id, first.source, first.outputs) == (colab.ID, colab.source(), [])


def test_writing_it_again_changes_nothing():
    notebook = nbformat.read(NOTEBOOKS[0], as_version=4)
    before = nbformat.writes(notebook)
    colab.write_into(notebook)
    assert nbformat.writes(notebook) == before


@pytest.fixture
def machine(tmp_path):
    """A clone to be had, a ``/content``, and a pip and a Python that take notes."""
    clone, content, programs = (tmp_path / n for n in ("clone", "content", "programs"))
    for folder in (clone / "notebooks", content, programs):
        folder.mkdir(parents=True)
    (clone / "notebooks" / "here.txt").touch()
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "all"]):
        subprocess.run([*GIT, *command], cwd=clone, check=True)
    for name in ("pip", "python"):
        program = programs / name
        program.write_text(f'#!/bin/sh\necho {name} "$@" >> {tmp_path}/notes\n')
        program.chmod(0o755)
    return tmp_path


def run(machine: Path, *, on_colab: bool) -> list[str]:
    """Run the cell in IPython, on Colab or not; what it printed then, a line each."""
    pretend = "import sys, types; sys.modules['google.colab'] = types.ModuleType('c')\n"
    text = colab.SOURCE.format(address=(machine / "clone").as_uri())
    text = text.replace("/content/", f"{machine / 'content'}/")
    after = "import os, sys; print(os.getcwd()); print(sys.path[0])\n"
    script = machine / "cell.ipy"
    script.write_text(pretend * on_colab + text + after)
    environment = os.environ | {
        "PATH": f"{machine / 'programs'}{os.pathsep}{os.environ['PATH']}",
        "IPYTHONDIR": str(machine / "ipython"),
    }
    command = [sys.executable, "-m", "IPython", "--no-banner", str(script)]
    result = subprocess.run(
        command, cwd=machine, env=environment, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.splitlines()


@pytest.mark.skipif(os.name == "nt", reason="Colab is Linux")
def test_on_colab_it_gets_the_clone_the_packages_and_the_weights(machine):
    workshop = machine / "content" / "workshop"
    assert run(machine, on_colab=True) == [str(workshop / "notebooks"), str(workshop)]
    assert (workshop / "notebooks" / "here.txt").exists()
    pip, weights = (machine / "notes").read_text().splitlines()
    assert pip == f"pip install -q -e {workshop}[cpu,video]"
    assert weights == "python -m style_workshop weights vgg19 vgg16"
    run(machine, on_colab=True)  # Run all, once more: the clone stays


@pytest.mark.skipif(os.name == "nt", reason="Colab is Linux")
def test_elsewhere_it_does_nothing(machine):
    here, _ = run(machine, on_colab=False)
    assert here == str(machine)
    assert not (machine / "notes").exists()
    assert not any((machine / "content").iterdir())
