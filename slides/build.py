"""Build the decks: ``make slides``, or ``python slides/build.py``.

A deck is a Markdown file beside this one. Before Marp makes a PDF of it, and an HTML
file with the speaker's view (key P), this cuts in what is written there as

    {{code style_workshop/losses.py gram_matrix}}    a function, without its docstring
    {{code notebooks/2.0_Gatys_method.ipynb transfer_loss}}
    {{run 2.0_Gatys_method The run}}                 a notebook and its heading

so that code on a slide is the code of today. The notes of each slide begin with its
minutes, ``<!-- 2 min: ... -->``; the time since the beginning is put before them.
``npm ci`` in this folder gets Marp. ``built.json`` remembers what each PDF was made
of: the tests say when one is old.
"""

import ast
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DECKS = ("StyleTransferWorkshop", "StyleTransferWorkshop_v3")
THEME = HERE / "theme.css"
BUILT = HERE / "built.json"
FIGURE = re.compile(r"!\[[^\]]*\]\(([^)]+)\)")
NOTE = re.compile(r"<!-- (\d+) min: (.*?)-->", re.DOTALL)
LARGEST = 4_000_000  # bytes of a PDF


class SlideError(ValueError):
    """Something in a deck that its author can put right."""


# --- what a deck becomes before Marp --------------------------------------------------


def function(path: str, name: str) -> str:
    """Cut a function out of a module or a notebook, without its docstring."""
    text = (ROOT / path).read_text(encoding="utf-8")
    sources = [text]
    if path.endswith(".ipynb"):
        cells = json.loads(text)["cells"]
        sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
        # In place of IPython's own lines something that is Python.
        sources = [re.sub(r"^( *)[%!]", r"\1...  # ", s, flags=re.M) for s in sources]
    for source in sources:
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef) and node.name == name:
                return _without_docstring(source, node)
    raise SlideError(f"There is no function {name} in {path}.")


def _without_docstring(source: str, node: ast.FunctionDef) -> str:
    lines = source.splitlines()
    first, last = node.lineno - 1, node.end_lineno
    if ast.get_docstring(node) is None:
        return "\n".join(lines[first:last])
    text = node.body[0]
    return "\n".join(lines[first : text.lineno - 1] + lines[text.end_lineno : last])


def heading(notebook: str, words: str) -> str:
    """Say which section of which notebook is run now; it must have that heading."""
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    found = [
        line.lstrip("# ")
        for cell in cells
        if cell["cell_type"] == "markdown"
        for line in "".join(cell["source"]).splitlines()
        if line.startswith("##")
    ]
    if words not in found:
        raise SlideError(f"Notebook {notebook} has no heading {words!r}.")
    return f'<div class="run">▶ <b>{notebook}</b>, section “{words}”</div>'


def slides_of(text: str) -> list[str]:
    """The slides of a deck; what stands before the first is its settings."""
    return re.split(r"^---$", text, flags=re.MULTILINE)[2:]


def minutes_of(slide: str) -> int:
    """The minutes that a slide's notes begin with."""
    found = NOTE.search(slide)
    if not found:
        raise SlideError(f"A slide has no minutes in its notes: {slide.strip()[:60]!r}")
    return int(found[1])


def plan(text: str) -> list[tuple[str, int, int]]:
    """The sections of a deck: title, minute at which it begins, minutes it takes."""
    sections: list[tuple[str, int, int]] = []
    clock = 0
    for slide in slides_of(text):
        if "_class: section" in slide or not sections:
            title = re.search(r"^# (.*)$", slide, re.MULTILINE)[1]
            sections.append((title, clock, 0))
        title, begin, took = sections[-1]
        sections[-1] = (title, begin, took + minutes_of(slide))
        clock += minutes_of(slide)
    return sections


def expand(text: str) -> str:
    """Cut in code and headings, and put the clock before each note."""
    text = re.sub(
        r"\{\{code (\S+) (\w+)\}\}",
        lambda m: f"```python\n{function(m[1], m[2])}\n```",
        text,
    )
    text = re.sub(r"\{\{run (\S+) ([^}]+)\}\}", lambda m: heading(m[1], m[2]), text)
    clock = 0

    def timed(match: re.Match) -> str:
        nonlocal clock
        begin, clock = clock, clock + int(match[1])
        return f"<!-- {begin // 60}:{begin % 60:02} ({match[1]} min) {match[2]}-->"

    for slide in slides_of(text):
        minutes_of(slide)
    return NOTE.sub(timed, text)


def read(deck: str) -> str:
    return (HERE / f"{deck}.md").read_text(encoding="utf-8")


def figures_of(text: str) -> list[Path]:
    """The pictures on the slides; each must be there."""
    paths = [(HERE / name).resolve() for name in FIGURE.findall(text)]
    for path in paths:
        if not path.is_file():
            raise SlideError(f"There is no {path}: python slides/figures.py makes it.")
    return paths


def digest(deck: str) -> str:
    """A check sum of all that a PDF is made of."""
    text = expand(read(deck))
    parts = [text.encode(), THEME.read_bytes()]
    parts += [path.read_bytes() for path in figures_of(text)]
    package = json.loads((HERE / "package.json").read_text(encoding="utf-8"))
    parts.append(package["devDependencies"]["@marp-team/marp-cli"].encode())
    return hashlib.sha256(
        b"".join(hashlib.sha256(p).digest() for p in parts)
    ).hexdigest()


# --- Marp and Chromium ----------------------------------------------------------------


def node(*command: str) -> None:
    """Run something with node in this folder; what it says is shown."""
    try:
        run = subprocess.run(["node", *command], cwd=HERE)
    except FileNotFoundError:
        raise SystemExit(
            "node is missing: the slides need Node.js 20 or later."
        ) from None
    if run.returncode:
        raise SystemExit(f"node {command[0]} failed: see above.")


def marp(source: Path, target: Path, *options: str) -> None:
    cli = "node_modules/@marp-team/marp-cli/marp-cli.js"
    common = ["--html", "--allow-local-files", "--no-stdin", "--theme", str(THEME)]
    node(cli, str(source), "-o", str(target), *common, *options)


def build(deck: str) -> None:
    """Make the PDF and the HTML file of a deck, unless something runs over an edge."""
    source = HERE / f"build-{deck}.md"
    bare = HERE / f"build-{deck}.html"
    source.write_text(expand(read(deck)), encoding="utf-8")
    try:
        marp(source, bare, "--template", "bare")
        node("check.mjs", str(bare))
        marp(source, HERE / f"{deck}.html")
        marp(source, HERE / f"{deck}.pdf", "--pdf", "--pdf-outlines")
    finally:
        source.unlink()
        bare.unlink(missing_ok=True)
    pdf = HERE / f"{deck}.pdf"
    if pdf.stat().st_size > LARGEST:
        raise SystemExit(f"{pdf.name} has {pdf.stat().st_size:,} bytes: too many.")
    built = json.loads(BUILT.read_text()) if BUILT.exists() else {}
    built[deck] = {"sources": digest(deck), "pdf": sha256(pdf)}
    BUILT.write_text(json.dumps(built, indent=2, sort_keys=True) + "\n")


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main(decks: list[str]) -> None:
    for deck in decks or DECKS:
        print(f"{deck}: {sum(took for *_, took in plan(read(deck)))} minutes")
        build(deck)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except SlideError as error:
        raise SystemExit(str(error)) from error
