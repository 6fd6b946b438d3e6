"""``python -m style_workshop data``: data sets to train with."""

import sys
from pathlib import Path

from style_workshop import DATA
from style_workshop.commands.shared import file

TEXT = "Fetch a data set, or tell how (see data/README.md)."
EXAMPLE = "coco-val2017"


def add_options(parser) -> None:
    add = parser.add_argument
    add("name", nargs="?", metavar="NAME", help="which one")
    add("--list", action="store_true", help="only name those there are")
    add("-o", "--output", default=DATA, help="folder to keep them in, each in its own")
    add(
        "--archive",
        metavar="FILE",
        type=file,
        help="of COCO or WikiArt: a ZIP file that you have downloaded yourself",
    )
    add("--keep", action="store_true", help="keep the ZIP file of COCO too")


def run(options) -> int:
    if options.list or options.name is None:
        return _list()
    try:
        _fetch(options, Path(options.output))
    except KeyboardInterrupt:
        print("Interrupted: the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _fetch(options, folder: Path) -> None:
    if options.name == "weights":
        from style_workshop import weights

        for name in ("vgg19", "vgg16"):
            weights.fetch(name, folder=folder / "weights")
    elif options.name == "paintings":
        from style_workshop.fetch import paintings

        paintings.fetch(folder=folder / "paintings")
    else:
        from style_workshop.fetch import datasets

        datasets.fetch(options.name, folder, archive=options.archive, keep=options.keep)


def _list() -> int:
    from style_workshop.fetch import datasets

    for name, dataset in datasets.DATASETS.items():
        size = f"{dataset.size / 1e9:.1f} GB" if dataset.url else "by hand"
        print(f"{name:14}{size:9}{dataset.terms}")
    print(
        "weights       0.1 GB   VGG16 and VGG19 of Simonyan and Zisserman, CC BY 4.0."
    )
    print("paintings     small    Wikimedia Commons, public domain or CC0.")
    return 0
