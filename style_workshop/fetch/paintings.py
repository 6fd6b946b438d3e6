"""Public-domain paintings from Wikimedia Commons.

Every artist here died more than 70 years ago; `fetch` asks Commons for the licence
all the same, and refuses what is neither in the public domain nor CC0.
"""

import html
import json
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm.auto import tqdm

from style_workshop import DATA, WorkshopError, images
from style_workshop.fetch.commons import API, WIDTHS, Commons, PaintingError
from style_workshop.fetch.downloads import AGAIN
from style_workshop.files import atomic_write, require_free_disk

FOLDER = DATA / "paintings"
LICENCES = ("public domain", "cc0", "cc0 1.0")


class Painting(NamedTuple):
    """A file of Wikimedia Commons; ``year`` of the painting, ``died`` its artist."""

    file: str
    artist: str
    year: int
    died: int


PAINTINGS = {
    "starry_night": Painting(
        "Van Gogh - Starry Night - Google Art Project.jpg",
        "Vincent van Gogh",
        1889,
        1890,
    ),
    "great_wave": Painting(
        "Tsunami by hokusai 19th century.jpg", "Katsushika Hokusai", 1831, 1849
    ),
    "scream": Painting(
        "Edvard Munch, 1893, The Scream, oil, tempera and pastel on cardboard, "
        "91 x 73 cm, National Gallery of Norway.jpg",
        "Edvard Munch",
        1893,
        1944,
    ),
    "composition_vii": Painting(
        "Composition VII - Wassily Kandinsky, GAC.jpg", "Wassily Kandinsky", 1913, 1944
    ),
    # As [4] calls it; the museum's name for it is The Wreck of a Transport Ship.
    "shipwreck_of_the_minotaur": Painting(
        "Shipwreck turner.jpg", "J. M. W. Turner", 1810, 1851
    ),
    "grande_jatte": Painting(
        "A Sunday on La Grande Jatte, Georges Seurat, 1884.jpg",
        "Georges Seurat",
        1884,
        1891,
    ),
    "felix_feneon": Painting(
        "Signac - Portrait de Félix Fénéon.jpg", "Paul Signac", 1890, 1935
    ),
    "kiss": Painting(
        "The Kiss - Gustav Klimt - Google Cultural Institute.jpg",
        "Gustav Klimt",
        1908,
        1918,
    ),
    "impression_sunrise": Painting(
        "Monet - Impression, Sunrise.jpg", "Claude Monet", 1872, 1926
    ),
    "water_lilies": Painting(
        "Claude Monet - Water Lilies - 1906, Ryerson.jpg", "Claude Monet", 1906, 1926
    ),
    "mont_sainte_victoire": Painting(
        "Paul Cézanne - Mont Sainte-Victoire - Google Art Project.jpg",
        "Paul Cézanne",
        1904,
        1906,
    ),
    "tableau_i": Painting(
        "Tableau I, by Piet Mondriaan.jpg", "Piet Mondrian", 1921, 1944
    ),
    "temple_gardens": Painting(
        "Temple Gardens, 1920 - Paul Klee, MET DT1372.jpg", "Paul Klee", 1920, 1940
    ),
    "sudden_shower": Painting(
        "Hiroshige, Sudden shower over Shin-Ōhashi bridge and Atake, 1857.jpg",
        "Utagawa Hiroshige",
        1857,
        1858,
    ),
    "tower_of_babel": Painting(
        "Pieter Bruegel the Elder - The Tower of Babel (Vienna) - "
        "Google Art Project - edited.jpg",
        "Pieter Bruegel the Elder",
        1563,
        1569,
    ),
    "vertumnus": Painting(
        "Giuseppe Arcimboldo - Rudolf II of Habsburg as Vertumnus - "
        "Google Art Project.jpg",
        "Giuseppe Arcimboldo",
        1591,
        1593,
    ),
}


# --------------------------------------------------------------- fetch


def fetch(
    names: Iterable[str] = (),
    folder: str | Path = FOLDER,
    *,
    size: int = 1024,
    api: str = API,
    pause: float = 1.0,
    say: Callable[[str], None] = tqdm.write,
) -> dict[str, Path]:
    """Make sure that paintings are on disk, each as ``NAME.jpg`` beside ``NAME.json``.

    What is already there is not fetched again. A painting that cannot be fetched does
    not stop the others; interrupted, what is there stays.

    Args:
        names: of `PAINTINGS`; none for all of them.
        folder: where they are kept.
        size: the longest side, in pixels; a smaller original keeps its size.
        api: address of the API of a MediaWiki; with https, only https is followed.
        pause: seconds between two requests.
        say: called with a sentence on what happens.

    Returns:
        The path of each picture.

    Raises:
        PaintingError: an unknown name or size; or, at the end, some have failed.
        WorkshopError: the disk is full, or the folder cannot be written.
    """
    names = list(dict.fromkeys(names)) or list(PAINTINGS)
    for name in set(names) - set(PAINTINGS):
        raise PaintingError(
            f"There is no painting {name!r}: choose from {', '.join(PAINTINGS)}."
        )
    if not 16 <= size <= WIDTHS[-1]:
        raise PaintingError(f"A size of {size} does not work: use 16 to {WIDTHS[-1]}.")
    paths = {name: Path(folder) / f"{name}.jpg" for name in names}
    missing = {name: path for name, path in paths.items() if not _is_there(path)}
    if len(missing) < len(paths):
        say(
            f"{len(paths) - len(missing)} of {len(paths)} are already in {folder}; "
            "delete a picture to fetch it in another size."
        )
    if missing:
        _fetch_missing(missing, size, Commons(api, pause), say)
    return paths


def _is_there(path: Path) -> bool:
    return path.exists() and path.with_suffix(".json").exists()


def _fetch_missing(
    paths: dict[str, Path], size: int, commons: Commons, say: Callable
) -> None:
    path = next(iter(paths.values()))
    images.require_savable(path)
    require_free_disk(path.parent, len(paths) * 3 * size**2 / 1e6, "Fetching paintings")
    failed = 0
    with tqdm(paths.items(), unit="painting") as bar:
        for name, path in bar:
            try:
                height, width, _ = _fetch_one(commons, name, path, size).shape
            except (WorkshopError, OSError) as error:
                say(f"{name}: {error}")
                failed += 1
            else:
                megabytes = path.stat().st_size / 1e6
                bar.set_postfix_str(f"{name} {width} x {height}, {megabytes:.1f} MB")
    if failed:
        raise PaintingError(
            f"{failed} of {len(paths)} paintings could not be fetched; "
            "the same command tries them again."
        )


def _fetch_one(commons: Commons, name: str, path: Path, size: int) -> np.ndarray:
    info = commons.describe(PAINTINGS[name].file, size)
    about = _metadata(name, info)
    image = _decode(commons.get(info["thumburl"], "image/"))
    if max(image.shape[:2]) > size:
        image = images.resize(image, size)
    # The picture goes last: killed between the two, it is fetched again.
    with atomic_write(path.with_suffix(".json")) as part:
        text = json.dumps(about, indent=2, ensure_ascii=False)
        part.write_text(text + "\n", encoding="utf-8")
    images.save(image, path, about)
    return image


def _metadata(name: str, info: dict) -> dict:
    """Say what a painting is and where it comes from; refuse what is not free."""
    painting = PAINTINGS[name]
    licence = _text(info, "LicenseShortName")
    if licence.lower() not in LICENCES:
        raise PaintingError(
            f"Commons gives {painting.file!r} the licence {licence or 'none'!r}, not "
            "public domain or CC0: it is not fetched, use another painting."
        )
    return {
        "title": _text(info, "ObjectName") or name.replace("_", " ").capitalize(),
        "artist": painting.artist,
        "date": str(painting.year),
        "licence": licence,
        "page": info["descriptionurl"],
        "file": painting.file,
        "sha1": info["sha1"],  # of the original
        "url": info["url"].split("?")[0],  # without the parameters that count visits
    }


def _text(info: dict, key: str) -> str:
    """Read one of Commons' values, which are HTML, as plain text."""
    value = info["extmetadata"].get(key, "")
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", value)).split())


def _decode(body: bytes) -> np.ndarray:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rendering"
        path.write_bytes(body)
        try:
            return images.read(path)
        except images.PictureError as error:
            raise PaintingError(
                f"What Wikimedia Commons sent ({len(body):,} bytes) is not a whole "
                f"picture: wait some minutes, {AGAIN}."
            ) from error
