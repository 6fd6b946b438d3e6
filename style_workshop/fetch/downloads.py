"""Fetch a large file over a bad network, going on where an earlier run broke off.

What is unfinished lies in one folder, ``work``, in which one process works at a time.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import requests
from tqdm.auto import tqdm

from style_workshop import WorkshopError, __version__
from style_workshop.fetch.archives import DataSetError
from style_workshop.files import lock

TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of the file
RETRIES = 5  # in a row, without a megabyte more
PAUSE = 1.0  # seconds before the first of them; twice as long before the next
BUSY = (408, 429, 500, 502, 503, 504)  # worth another try
AGAIN = "and run the same command again"


def user_agent() -> str:
    """Name the program, as Wikimedia's User-Agent policy asks, and whom to contact."""
    contact = os.environ.get("STYLE_WORKSHOP_CONTACT") or "teaching workshop"
    contact = contact.encode("ascii", "ignore").decode()
    library = f"python-requests/{requests.__version__}"
    return f"StyleWorkshop/{__version__} ({contact}) {library}"


def download(
    url: str, *, size: int, sha256: str | None, work: Path, say: Callable[[str], None]
) -> Path:
    """Fetch and verify a file; go on from what an earlier run has left.

    Args:
        url: where it is.
        size: in bytes; a server that has another one is refused.
        sha256: its check sum, or None where none is published.
        work: the folder that it goes into.
        say: called with a sentence on what happens.

    Raises:
        DataSetError: the server fails again and again, or gives something else.
    """
    import pooch

    whole = work / url.rsplit("/", 1)[1]
    part = Path(f"{whole}.part")
    if whole.exists():  # it got this name when it was verified
        return whole
    _fetch(url, size, part, say)
    say(f"Checking {whole.name} ...")
    if sha256 and pooch.file_hash(str(part)) != sha256:
        part.unlink()
        raise DataSetError(
            f"What {url} gave has a wrong check sum: it was removed; try another "
            f"network, {AGAIN}."
        )
    return part.replace(whole)


def still_to_fetch(url: str, size: int, work: Path) -> int:
    """Count the bytes of a file that no earlier `download` has left in ``work``."""
    whole = work / url.rsplit("/", 1)[1]
    return max(0, size - max(_bytes(whole), _bytes(Path(f"{whole}.part"))))


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _fetch(url: str, size: int, part: Path, say: Callable) -> None:
    """Ask for what ``part`` lacks, again and again, until it has all."""
    furthest, tries = _bytes(part), 0
    with tqdm(total=size, unit="B", unit_scale=True, desc=part.stem) as bar:
        while True:
            try:
                return _get_rest(url, size, part, bar)
            except WorkshopError:
                raise
            # What a redirect or a header says can be a ValueError, too.
            except (requests.RequestException, ValueError) as error:
                tries += 1
                if _bytes(part) >= furthest + 1_000_000:
                    furthest, tries = _bytes(part), 1
                why = _why(error)
                if tries > RETRIES:
                    raise _gives_up(url, size, part, why) from error
            wait = PAUSE * 2 ** (tries - 1)
            say(f"The server broke off ({why}): trying again in {wait:g} s.")
            time.sleep(wait)


def _why(error: Exception) -> str:
    return str(error) if type(error) is requests.HTTPError else type(error).__name__


def _gives_up(url: str, size: int, part: Path, why: str) -> DataSetError:
    return DataSetError(
        f"{url} could not be reached, or broke off ({why}): check the network, {AGAIN} "
        f"({_bytes(part) / 1e6:,.0f} of {size / 1e6:,.0f} MB are kept)."
    )


def _get_rest(url: str, size: int, part: Path, bar: tqdm, ranges: bool = True) -> None:
    """Ask for what ``part`` lacks; without ``ranges`` for all, to skip what it has.

    What it has is thrown away for no answer, only for a wrong check sum of the whole.
    """
    have = _bytes(part)
    if have == size:
        return
    headers = {"Accept-Encoding": "identity", "User-Agent": user_agent()}
    if have and ranges:
        headers["Range"] = f"bytes={have}-"
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        first = _first_byte(response, size, have)
        if first is not None:
            return _append(response, first, size, part, bar)
    if "Range" not in headers:
        raise requests.HTTPError("it gave a part that was not asked for")
    _get_rest(url, size, part, bar, ranges=False)


def _first_byte(response: requests.Response, size: int, have: int) -> int | None:
    """Say where an answer begins: 0, ``have``, or None; refuse what is no answer."""
    status, headers = response.status_code, response.headers
    if status in BUSY:
        raise requests.HTTPError(f"{status} {response.reason}")
    if status not in (200, 206, 416):
        raise DataSetError(
            f"{response.url} answered {status} {response.reason}: get the file by "
            "hand, as data/README.md says, and name it with --archive."
        )
    # Without a length, the page of a network's log-in would pass for a beginning.
    length = headers.get("Content-Length", "unknown")
    if status != 200:
        length = headers.get("Content-Range", f"/{size}").rpartition("/")[2]
    if length != str(size):
        raise DataSetError(
            f"{response.url} has {length} bytes in place of {size}: if this network "
            f"has a log-in page, log in with a browser, {AGAIN}."
        )
    begins = headers.get("Content-Range", "").startswith(f"bytes {have}-")
    return {200: 0, 206: have if begins else None}.get(status)


def _append(
    response: requests.Response, first: int, size: int, part: Path, bar: tqdm
) -> None:
    """Add to ``part`` what an answer has beyond it; the answer begins at ``first``."""
    have, place = _bytes(part), first
    bar.reset()
    bar.n = bar.initial = bar.last_print_n = first
    with open(part, "ab") as file:
        for piece in response.iter_content(2**16):
            file.write(piece[max(0, have - place) :])
            place += len(piece)
            bar.update(len(piece))
            if place > size:
                file.truncate(have)
                raise DataSetError(
                    f"{response.url} gave more than {size} bytes: it is not used; try "
                    f"another network, {AGAIN}."
                )
    if place < size:
        raise requests.ConnectionError("the answer is cut off")


# --------------------------------------------------------------- one process


@contextmanager
def alone(work: Path) -> Iterator[None]:
    """Hold a lock in the folder ``work``; the system lets it go when a process dies.

    Raises:
        DataSetError: another process holds it.
    """
    work.mkdir(parents=True, exist_ok=True)
    path = work / "lock"
    with open(path, "ab") as file:
        held = lock(file) is not False  # some network disks know no locks
        with suppress(FileNotFoundError):  # who held it before has removed it since
            held = held and os.path.samestat(os.fstat(file.fileno()), path.stat())
        if not (held and path.exists()):
            raise DataSetError(
                f"Another process is at work in {work}: wait until it ends, {AGAIN}."
            )
        try:
            yield
        finally:
            if work.exists() and os.listdir(work) == [path.name]:
                shutil.rmtree(work, ignore_errors=True)
