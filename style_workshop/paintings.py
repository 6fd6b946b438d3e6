"""Public-domain paintings from Wikimedia Commons.

Every artist here died more than 70 years ago; `fetch` asks Commons for the licence
all the same, and refuses what is neither in the public domain nor CC0. It fetches
as Wikimedia asks (API etiquette, User-Agent policy): one request at a time, a pause
after each, and a rendering in one of the widths that Commons keeps ready, never the
original, which can have 100 megapixels and more.
"""

import html
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from email.utils import parsedate_to_datetime
from os import environ
from pathlib import Path
from typing import NamedTuple

import numpy as np
import requests
from tqdm.auto import tqdm

from style_workshop import DATA, WorkshopError, __version__, images
from style_workshop.files import require_free_disk, write_whole

FOLDER = DATA / "paintings"
API = "https://commons.wikimedia.org/w/api.php"
# Other widths are refused: https://www.mediawiki.org/wiki/Common_thumbnail_sizes
WIDTHS = (250, 330, 500, 960, 1280, 1920, 3840)
LICENCES = ("public domain", "cc0", "cc0 1.0")
LIMIT = 50_000_000  # bytes of one answer
TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of an answer
BUSY = (429, 503)
RETRIES = 3
LONGEST_WAIT = 120  # seconds
_AGAIN = "and run the same command again"
_NEEDED = ("url", "thumburl", "descriptionurl", "sha1")


class PaintingError(WorkshopError):
    """A painting that cannot be fetched, and what to do about it."""


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
    for name in names:
        if name not in PAINTINGS:
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
        _fetch_missing(missing, size, _Commons(api, pause), say)
    return paths


def _is_there(path: Path) -> bool:
    return path.exists() and path.with_suffix(".json").exists()


def _fetch_missing(
    paths: dict[str, Path], size: int, commons: "_Commons", say: Callable
) -> None:
    path = next(iter(paths.values()))
    images.require_savable(path)
    require_free_disk(path.parent, len(paths) * 3 * size**2 / 1e6, "Fetching paintings")
    failed = 0
    with tqdm(paths.items(), unit="painting") as bar:
        for name, path in bar:
            try:
                height, width, _ = _fetch_one(commons, name, path, size).shape
            except WorkshopError as error:
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


def _fetch_one(commons: "_Commons", name: str, path: Path, size: int) -> np.ndarray:
    info = commons.describe(PAINTINGS[name].file, size)
    about = _metadata(name, info)
    image = _decode(commons.get(info["thumburl"], "image/"))
    if max(image.shape[:2]) > size:
        image = images.resize(image, size)
    # The picture goes last: killed between the two, it is fetched again.
    with write_whole(path.with_suffix(".json")) as part:
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
    value = str(info["extmetadata"].get(key, {}).get("value", ""))
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
                f"picture: wait some minutes, {_AGAIN}."
            ) from error


# --------------------------------------------------------------- ask politely


def user_agent() -> str:
    """Name the program, as Wikimedia's User-Agent policy asks, and whom to contact."""
    contact = environ.get("STYLE_WORKSHOP_CONTACT") or "teaching workshop"
    contact = contact.encode("ascii", "ignore").decode()
    library = f"python-requests/{requests.__version__}"
    return f"StyleWorkshop/{__version__} ({contact}) {library}"


class _Commons:
    """One request at a time, a pause after each, more patience when it is busy."""

    def __init__(self, api: str, pause: float) -> None:
        self.api = api
        self.pause = pause
        self.ready = 0.0  # when the next request may go, by time.monotonic
        self.session = requests.Session()
        self.session.headers["User-Agent"] = user_agent()
        self.session.max_redirects = 5
        if api.startswith("https:"):
            del self.session.adapters["http://"]  # nor does a redirect leave https

    def describe(self, file: str, size: int) -> dict:
        """Ask for a file's ``imageinfo``, with a rendering of at least ``size``."""
        query = {
            "action": "query",
            "titles": f"File:{file}",
            "redirects": 1,  # a file that was renamed
            "prop": "imageinfo",
            "iiprop": "url|size|sha1|extmetadata",
            "iiextmetadatafilter": "ObjectName|LicenseShortName",
            "iiurlwidth": next(width for width in WIDTHS if width >= size),
            "format": "json",
            "formatversion": 2,
        }
        return _imageinfo(file, self.get(self.api, "application/json", query))

    def get(self, url: str, kind: str, params: dict | None = None) -> bytes:
        """Fetch one whole answer whose type begins with ``kind``."""
        for attempt in range(1 + RETRIES):
            time.sleep(max(0.0, self.ready - time.monotonic()))
            try:
                with self.session.get(
                    url, params=params, stream=True, timeout=TIMEOUT
                ) as response:
                    if response.status_code not in BUSY:
                        return _body(response, kind)
            except WorkshopError:
                raise
            except (requests.RequestException, ValueError) as error:
                raise PaintingError(
                    "Wikimedia Commons could not be reached, or broke off "
                    f"({type(error).__name__}): check the network, {_AGAIN}."
                ) from error
            finally:
                self.ready = time.monotonic() + self.pause
            wait = _seconds_to_wait(response, self.pause * 2 ** (attempt + 1))
            if wait > LONGEST_WAIT:
                break
            self.ready = time.monotonic() + wait
        raise PaintingError(
            f"Wikimedia Commons is busy ({response.status_code}): "
            f"wait {max(wait, 60):.0f} seconds, {_AGAIN}."
        )


def _imageinfo(file: str, answer: bytes) -> dict:
    try:
        page = json.loads(answer)["query"]["pages"][0]
        info = page.get("imageinfo", [None])[0]
        if info is not None:
            info = {"extmetadata": {}} | {k: v for k, v in info.items() if v}
            info |= {key: str(info[key]) for key in _NEEDED}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise PaintingError(
            f"Wikimedia Commons' answer on {file!r} is not understood "
            f"({answer[:80]!r}): wait some minutes, {_AGAIN}."
        ) from error
    if info is None:
        raise PaintingError(
            f"Wikimedia Commons has no file {file!r} any more: use another painting."
        )
    return info


def _body(response: requests.Response, kind: str) -> bytes:
    if response.status_code == 403:
        raise PaintingError(
            "Wikimedia Commons refuses this program (403): set STYLE_WORKSHOP_CONTACT "
            f"to your e-mail address or web page, as its policy asks, {_AGAIN}."
        )
    if response.status_code != 200:
        raise PaintingError(
            f"Wikimedia Commons answered {response.status_code} {response.reason} for "
            f"{response.url}: wait some minutes, {_AGAIN}."
        )
    sent = response.headers.get("Content-Type", "no type")
    if not sent.startswith(kind):
        raise PaintingError(
            f"Something sent {sent} in place of {kind}*: if this network has a log-in "
            f"page, log in with a browser, {_AGAIN}."
        )
    length = int(response.headers.get("Content-Length", 0))
    body = bytearray()
    for piece in response.iter_content(2**16):
        body += piece
        if max(length, len(body)) > LIMIT:
            raise PaintingError(
                f"The answer for {response.url} has more than {LIMIT / 1e6:g} MB: "
                "use a smaller size, or another painting."
            )
    if length > len(body) and "Content-Encoding" not in response.headers:
        raise requests.ConnectionError("the answer is cut off")
    return bytes(body)


def _seconds_to_wait(response: requests.Response, least: float) -> float:
    """Read Retry-After, which is a number of seconds or a date."""
    asked = response.headers.get("Retry-After", "")
    with suppress(TypeError, ValueError):
        if asked.isdecimal():
            return max(least, int(asked))
        return max(least, parsedate_to_datetime(asked).timestamp() - time.time())
    return least
