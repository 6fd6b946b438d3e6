"""Writes the cell that gets the workshop on Colab into each notebook.

    .venv/bin/python install/colab.py

Run it after a change of ``code-host`` in ``pyproject.toml``. Colab opens a notebook
without the files around it, so the cell has to hold the address itself; a test compares
all of them with what is written here. The cell is the first with code, is folded in
JupyterLab, and is left out of the decks and the reader's site.
"""

import re
from pathlib import Path

import nbformat

from style_workshop.files import atomic_write

ROOT = Path(__file__).resolve().parent.parent
ID = "colab"
# Without the pinned versions: what Colab has already, and what the kernel has begun to
# use, stays wherever the ranges of pyproject.toml allow it.
SOURCE = """\
# On Colab this gets the workshop (install/README.md). Elsewhere it does nothing.
import sys

if "google.colab" in sys.modules:
    !test -d /content/workshop || git clone -q --depth 1 {address} /content/workshop
    !pip install -q -e "/content/workshop[cpu,video]"
    !cd /content/workshop && python -m style_workshop weights vgg19 vgg16
    %cd -q /content/workshop/notebooks
    sys.path.insert(0, "/content/workshop")
"""


def source() -> str:
    """The cell, with the address of the code host, or ADDRESS while it has none."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    address = re.search(r'^code-host = "(.*)"$', text, re.M)[1]
    return SOURCE.format(address=address or "ADDRESS").strip()


def write_into(notebook) -> None:
    """Put the cell before the first one with code, in place of an older one."""
    cells = [cell for cell in notebook.cells if cell.get("id") != ID]
    first = next(i for i, cell in enumerate(cells) if cell.cell_type == "code")
    metadata = {
        "jupyter": {"source_hidden": True},
        "slideshow": {"slide_type": "skip"},
        "tags": ["remove-cell"],
    }
    cell = nbformat.v4.new_code_cell(source(), id=ID, metadata=metadata)
    notebook.cells = [*cells[:first], cell, *cells[first:]]
    # It does nothing here, so this is how the notebook would have been counted.
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for count, cell in enumerate(code, 1):
        cell.execution_count = count
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = count


def main() -> None:
    for path in sorted((ROOT / "notebooks").rglob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        write_into(notebook)
        with atomic_write(path) as part:
            nbformat.write(notebook, part)


if __name__ == "__main__":
    main()
