"""Ask Wikimedia Commons, as it wishes to be asked.

By its API etiquette and User-Agent policy: one request at a time, a pause after each,
more patience when the server is busy, and a rendering in one of the widths that it
keeps ready, never the original, which can have 100 megapixels and more.
"""

import json
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime

import requests

from style_workshop import WorkshopError
from style_workshop.fetch.downloads import AGAIN, user_agent

API = "https://commons.wikimedia.org/w/api.php"
# Other widths are refused: https://www.mediawiki.org/wiki/Common_thumbnail_sizes
WIDTHS = (250, 330, 500, 960, 1280, 1920, 3840)
LIMIT = 50_000_000  # bytes of one answer
LONGEST = 10_000  # characters of one value, which is HTML
TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of an answer
BUSY = (429, 503)
RETRIES = 3
LONGEST_WAIT = 120  # seconds
_NEEDED = ("url", "thumburl", "descriptionurl", "sha1")


class PaintingError(WorkshopError):
    """A painting that cannot be fetched, and what to do about it."""


class Commons:
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
                return _get(self.session, url, kind, params)
            except _Busy as busy:
                wait = max(busy.seconds, self.pause * 2 ** (attempt + 1))
            finally:
                self.ready = time.monotonic() + self.pause
            if wait > LONGEST_WAIT:
                break
            self.ready = time.monotonic() + wait
        raise PaintingError(
            f"Wikimedia Commons is busy: wait {max(wait, 60):.0f} seconds, {AGAIN}."
        )


class _Busy(Exception):
    """The server asks for patience: Retry-After, in seconds, or 0."""

    def __init__(self, response: requests.Response) -> None:
        self.seconds = 0.0
        asked = response.headers.get("Retry-After", "")
        with suppress(TypeError, ValueError):  # a number of seconds, or a date
            if asked.isdecimal():
                self.seconds = float(asked)
            else:
                self.seconds = parsedate_to_datetime(asked).timestamp() - time.time()


def _get(session: requests.Session, url: str, kind: str, params: dict | None) -> bytes:
    try:
        with session.get(url, params=params, stream=True, timeout=TIMEOUT) as response:
            return _body(response, kind)
    except WorkshopError:
        raise
    except (requests.RequestException, ValueError) as error:
        raise PaintingError(
            "Wikimedia Commons could not be reached, or broke off "
            f"({type(error).__name__}): check the network, {AGAIN}."
        ) from error


def _imageinfo(file: str, answer: bytes) -> dict:
    try:
        page = json.loads(answer)["query"]["pages"][0]
        info = page.get("imageinfo", [None])[0]
        if info is not None:
            info = {"extmetadata": {}} | {k: v for k, v in info.items() if v}
            info |= {key: str(info[key]) for key in _NEEDED}
            told = info["extmetadata"] or {}  # PHP writes a list for an empty one
            told = {key: str(entry["value"])[:LONGEST] for key, entry in told.items()}
            info["extmetadata"] = told
    # RecursionError: nested deeply.
    except (
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ) as error:
        raise PaintingError(
            f"Wikimedia Commons' answer on {file!r} is not understood "
            f"({answer[:80]!r}): wait some minutes, {AGAIN}."
        ) from error
    if info is None:
        raise PaintingError(
            f"Wikimedia Commons has no file {file!r} any more: use another painting."
        )
    return info


def _body(response: requests.Response, kind: str) -> bytes:
    if response.status_code in BUSY:
        raise _Busy(response)
    if response.status_code == 403:
        raise PaintingError(
            "Wikimedia Commons refuses this program (403): set STYLE_WORKSHOP_CONTACT "
            f"to your e-mail address or web page, as its policy asks, {AGAIN}."
        )
    if response.status_code != 200:
        raise PaintingError(
            f"Wikimedia Commons answered {response.status_code} {response.reason} for "
            f"{response.url}: wait some minutes, {AGAIN}."
        )
    sent = response.headers.get("Content-Type", "no type")
    if not sent.startswith(kind):
        raise PaintingError(
            f"Something sent {sent} in place of {kind}*: if this network has a log-in "
            f"page, log in with a browser, {AGAIN}."
        )
    return _whole(response)


def _whole(response: requests.Response) -> bytes:
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
