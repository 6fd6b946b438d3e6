"""Execute the notebooks in place, in order, with their full settings.

``python tests/execute_notebooks.py`` takes all of them; names (or parts of names) on
the command line take those. A notebook is replaced only when all of it has run.
"""

import base64
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from style_workshop.files import atomic_write

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
CELL_SECONDS = 1800
#: How TensorFlow's messages begin that come before it reads its log level.
STARTS = "All log messages before absl::InitializeLog()"


def main(wanted: list[str]) -> int:
    """Execute what is wanted; the number of notebooks that failed."""
    paths = sorted(NOTEBOOKS.glob("[0-9]*.ipynb"))
    paths += sorted((NOTEBOOKS / "solutions").glob("*.ipynb"))
    if wanted:
        paths = [p for p in paths if any(name in p.name for name in wanted)]
    failed = 0
    for path in paths:
        begin = time.perf_counter()
        print(f"{path.name} ...", end=" ", flush=True)
        try:
            execute(path)
        except Exception as error:  # the other notebooks are executed all the same
            failed += 1
            print(f"failed:\n{error}")
            continue
        seconds = time.perf_counter() - begin
        print(f"{seconds:.0f} s, {path.stat().st_size / 1e6:.2f} MB")
    return failed


def execute(path: Path) -> None:
    """Run a notebook from top to bottom and write it back, with its figure."""
    notebook = nbformat.read(path, as_version=4)
    resources = {"metadata": {"path": str(path.parent)}}
    NotebookClient(
        notebook,
        timeout=CELL_SECONDS,
        kernel_name="python3",
        resources=resources,
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    clean(notebook)
    save_figure(notebook, path)
    with atomic_write(path) as part:
        nbformat.write(notebook, part)


def clean(notebook) -> None:
    """Drop what a reader of the finished notebook has no use for.

    Progress bars that have run their course, lines that TensorFlow writes as it starts,
    whatever its log level, and metadata that differs from machine to machine and would
    make every execution a change in history.
    """
    notebook.metadata.pop("widgets", None)
    notebook.metadata.pop("language_info", None)
    widget = "application/vnd.jupyter.widget-view+json"
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [
                o
                for o in cell.outputs
                if widget not in o.get("data", {}) and STARTS not in o.get("text", "")
            ]


def save_figure(notebook, path: Path) -> None:
    """Write the picture of the cell tagged ``result``; the notebook's head shows it."""
    for cell in notebook.cells:
        if "result" in cell.metadata.get("tags", []):
            pictures = [
                o.data["image/jpeg"]
                for o in cell.outputs
                if "data" in o and "image/jpeg" in o.data
            ]
            with atomic_write(NOTEBOOKS / "figures" / f"{path.stem}.jpg") as part:
                part.write_bytes(base64.b64decode(pictures[0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
