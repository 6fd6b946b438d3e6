"""Lay out what Sphinx reads: README, notebooks and their index, decks, API.

``python docs/stage.py FOLDER``. Pages keep the places that their files have in the
repository, so that links between them hold.
"""

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from docutils import nodes
from sphinx import addnodes

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
#: What is shown as it is, beside README and the notebooks: title and files.
PAGES = {
    "Reference": ["docs/glossary.md", "api/index.md"],
    "About": [
        "README.md",
        "install/README.md",
        "data/README.md",
        "data/networks/README.md",
        "benchmarks/README.md",
        "slides/INSTRUCTOR.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
    ],
}
CHAPTERS = {
    "0": "A network and its food",
    "1": "What VGG sees",
    "2": "A picture that is optimized",
    "3": "Networks that paint in one pass",
    "4": "Any style in one pass",
}
#: Decks, and the figure of each that its card shows.
DECKS = {"StyleTransferWorkshop": "gatys.jpg", "StyleTransferWorkshop_v3": "twelve.jpg"}
#: README's line of the badge, which is a picture on another machine.
BADGE = re.compile(r"^\[!\[site\].*\n", re.M)
INDEX = """\
---
html_theme.sidebar_secondary.remove: true
---
# Style transfer by deep learning

{picture}

A workshop in notebooks: from "what does a layer of VGG see?" to a photograph repainted
in the style of another picture, on a laptop. Every notebook is shown here as it ran,
with its code, its pictures and its numbers; nothing has to be installed to read it.

```{{raw}} html
<p><a class="sd-btn sd-btn-primary" href="playground.html">Paint a photograph of your
own, here in the browser</a>
<a class="sd-btn sd-btn-outline-primary" href="look_inside.html">Look inside VGG</a></p>
```

{chapters}
"""


def code_host() -> str:
    """The address of the code host, which pyproject.toml names; may be empty."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    return tomllib.loads(text)["tool"]["style-workshop"]["code-host"].rstrip("/")


# --- notebooks ----------------------------------------------------------------------


@dataclass(frozen=True)
class Notebook:
    """What the first cell of a notebook says.

    Attributes:
        path: its file, from the root of the repository.
        title: its heading.
        makes: the sentence of what one will have made.
        minutes: to teach and to run.
        picture: of the result, from the root of the repository.
        alt: what is to be seen in it.
    """

    path: Path
    title: str
    makes: str
    minutes: str
    picture: str
    alt: str


def read_notebook(path: Path) -> Notebook:
    """Read the first cell.

    Raises:
        ValueError: it has no heading, no sentence, no minutes or no picture.
    """
    first = "".join(json.loads(path.read_text("utf-8"))["cells"][0]["source"])
    patterns = (
        r"^# (.+)",
        r"^At the end you will have (.+)",
        r"^\*\*(\d+ minutes? to teach, \d+ minutes? to run)",
        r"^!\[(.+)\]\((.+)\)",
    )
    found = [re.search(pattern, first, re.M) for pattern in patterns]
    if None in found:
        missing = patterns[found.index(None)]
        raise ValueError(f"{path.name}: its first cell has nothing like {missing}")
    title, makes, minutes, picture = found
    relative = path.relative_to(ROOT)
    return Notebook(
        relative,
        title[1],
        makes[1][0].upper() + makes[1][1:],
        minutes[1],
        (relative.parent / picture[2]).as_posix(),
        picture[1],
    )


def notebooks() -> list[Notebook]:
    return [read_notebook(path) for path in sorted(ROOT.glob("notebooks/?.*.ipynb"))]


def _card(notebook: Notebook) -> str:
    return f"""\
::::{{grid-item-card}} {notebook.title}
:link: /{notebook.path.with_suffix("").as_posix()}
:link-type: doc
:img-top: /{notebook.picture}
:img-alt: {notebook.alt}
{notebook.makes}
:::{{card-footer}}
{notebook.minutes}
:::
::::
"""


def decks() -> list[Path]:
    return [ROOT / "slides" / f"{name}.pdf" for name in DECKS]


def _deck(path: Path) -> str:
    text = path.with_suffix(".md").read_text("utf-8")
    return f"""\
::::{{grid-item-card}} {re.search("^description: (.+)", text, re.M)[1]}
:link: {path.name}
:img-top: /slides/figures/{DECKS[path.stem]}
:img-alt: a picture of the deck
:::{{card-footer}}
PDF, {path.stat().st_size / 1e6:.1f} MB
:::
::::
"""


def _toctree(caption: str, pages: list[str]) -> str:
    lines = "\n".join(f"/{Path(page).with_suffix('').as_posix()}" for page in pages)
    return f"```{{toctree}}\n:hidden:\n:caption: {caption}\n{lines}\n```\n"


def index() -> str:
    """Write the first page: a card for each notebook, by chapter."""
    parts = []
    every = notebooks()
    for number, title in CHAPTERS.items():
        chapter = [n for n in every if n.path.name.startswith(number)]
        if chapter:
            cards = "\n".join(map(_card, chapter))
            heading = f"{number}. {title}"
            pages = [n.path.as_posix() for n in chapter]
            parts += [
                f"## {heading}\n\n:::::{{grid}} 1 2 2 3\n:gutter: 3\n{cards}\n:::::\n",
                _toctree(heading, pages),
            ]
    cards = "\n".join(map(_deck, decks()))
    parts.append(f"## Decks\n\n:::::{{grid}} 1 2 2 3\n:gutter: 3\n{cards}\n:::::\n")
    solutions = sorted(ROOT.glob("notebooks/solutions/*.ipynb"))
    parts.append(_toctree("Solutions", [str(p.relative_to(ROOT)) for p in solutions]))
    for caption, pages in PAGES.items():
        there = [p for p in pages if p == "api/index.md" or (ROOT / p).exists()]
        parts.append(_toctree(caption, there))
    picture = re.search(r"^!\[.*\]\(.*\)$", (ROOT / "README.md").read_text(), re.M)[0]
    return INDEX.format(picture=picture, chapters="\n".join(parts))


# --- the API ------------------------------------------------------------------------


def modules() -> list[tuple[str, str]]:
    """Module names and what is in them, in the reading order of the package."""
    face = (ROOT / "style_workshop" / "__init__.py").read_text("utf-8")
    rows = re.findall(r"^``(\w+)(/?)``\s+(.+)", face, re.M)
    found = []
    for name, wing, text in rows:
        found.append((name, text))
        inside = sorted((ROOT / "style_workshop" / name).glob("[a-z]*.py"))
        found += [(f"{name}.{path.stem}", "") for path in inside if wing]
    return [(n, t) for n, t in found if not n.startswith(("__", "commands."))]


def api() -> dict[str, str]:
    """Write a page for each module, and the first page of all, by file name."""
    pages, lines = {}, []
    for name, text in modules():
        full = f"style_workshop.{name}"
        # A wing's face names what its modules have: it is shown there.
        wing = (ROOT / "style_workshop" / name).is_dir()
        members = "" if wing else "   :members:\n"
        heading = f"{name}\n{'=' * len(name)}"
        pages[f"{name}.rst"] = f"{heading}\n\n.. automodule:: {full}\n{members}"
        indent = "  " * name.count(".")
        lines.append(
            f"{indent}- [`{name}`]({name}.rst)" + (f": {text}" if text else "")
        )
    names = "\n".join(name for name, _ in modules())
    pages["index.md"] = (
        "# API reference\n\nThe package `style_workshop` in reading order: each module "
        "uses only those above it.\n\n" + "\n".join(lines).replace("``", "`") + "\n\n"
        f"```{{toctree}}\n:hidden:\n{names}\n```\n"
    )
    return pages


def link_to_code(app, doctree) -> None:
    """Turn links to files that have no page into links to their source, or into none.

    For Sphinx's event ``doctree-read``. Modules of the package have a page.
    """
    here = app.env.docname
    for node in list(doctree.findall(addnodes.pending_xref)):
        if node.get("reftype") != "myst" or node.get("refdomain") == "doc":
            continue
        path = (ROOT / here).parent / node["reftarget"].split("#")[0]
        if path.exists() and path.resolve().is_relative_to(ROOT):
            uri = _uri(app, path.resolve().relative_to(ROOT))
            words = node.children
            link = nodes.reference("", "", *words, refuri=uri) if uri else words
            node.replace_self(link)


def hide_long_values(app, doctree) -> None:
    """Leave out the value of a constant that takes a line of its own, or is a path.

    For Sphinx's event ``doctree-read``.
    """
    for node in list(doctree.findall(addnodes.desc_annotation)):
        value = node.astext()
        if value.startswith(" = ") and (len(value) > 72 or "Path(" in value):
            node.parent.remove(node)


def _uri(app, path: Path) -> str:
    """Where a file or folder of the repository can be read; may be nowhere."""
    if ROOT / path in decks():
        return "../" * app.env.docname.count("/") + path.name
    page = "api/" + ".".join(path.with_suffix("").parts[1:])
    if page == "api/__init__":
        page = "api/index"
    if path.suffix == ".py" and page in app.env.found_docs:
        return app.builder.get_relative_uri(app.env.docname, page)
    kind = "tree" if (ROOT / path).is_dir() else "blob"
    return f"{code_host()}/{kind}/main/{path.as_posix()}" if code_host() else ""


# --- all of it ----------------------------------------------------------------------


def stage(folder: Path) -> None:
    """Make the folder anew; what did not change keeps its time, so Sphinx is quick."""
    shutil.rmtree(folder, ignore_errors=True)
    listed = [page for pages in PAGES.values() for page in pages]
    found = [ROOT / page for page in listed if (ROOT / page).exists()]
    for pattern in ("notebooks/*.ipynb", "notebooks/solutions/*.ipynb"):
        found += ROOT.glob(pattern)
    for suffix in ("jpg", "png", "svg"):
        found += ROOT.glob(f"notebooks/figures/*.{suffix}")
    found += ROOT.glob("data/images/*/*.jpg")
    found += [ROOT / "slides" / "figures" / name for name in DECKS.values()]
    for path in found:
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    readme = folder / "README.md"
    without = BADGE.sub("", readme.read_text("utf-8"))
    readme.write_text(without, "utf-8")
    (folder / "index.md").write_text(index(), "utf-8")
    (folder / "api").mkdir()
    for name, text in api().items():
        (folder / "api" / name).write_text(text, "utf-8")


if __name__ == "__main__":
    stage(Path(sys.argv[1]))
