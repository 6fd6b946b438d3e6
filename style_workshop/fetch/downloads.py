"""Fetch a large file over a bad network, going on where an earlier run broke off.

What is unfinished lies in one folder, ``work``, in which one process works at a time.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import requests
from tqdm.auto import tqdm

from style_workshop import WorkshopError
from style_workshop.fetch.archives import DataSetError
from style_workshop.fetch.commons import AGAIN, user_agent
from style_workshop.files import lock

TIMEOUT = (10, 60)  # seconds to connect, and between two pieces of the file
RETRIES = 5  # in a row, without a megabyte more
PAUSE = 1.0  # seconds before the first of them; twice as long before the next
BUSY = (408, 429, 500, 502, 503, 504)  # worth another try


def download(
    url: str, size: int, sha256: str | None, work: Path, say: Callable[[str], None]
) -> Path:
    """Fetch and verify a file, with pooch; go on from what an earlier run has left.

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

    name = url.rsplit("/", 1)[1]
    part = work / f"{name}.part"
    for rest in work.glob("tmp*"):  # pooch's, of a process that was killed
        rest.unlink()
    get = partial(_download, size, part, say)
    known = sha256 and f"sha256:{sha256}"
    try:
        path = pooch.retrieve(url, known, name, work, downloader=get)
    except ValueError as error:
        if isinstance(error, WorkshopError):
            raise
        _remove(part)
        raise DataSetError(
            f"What {url} gave has a wrong check sum: it was removed; try another "
            f"network, {AGAIN}."
        ) from error
    _remove(part)
    return Path(path)


def _remove(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def still_to_fetch(url: str, size: int, work: Path) -> int:
    """Count the bytes of a file that no earlier `download` has left in ``work``."""
    whole = work / url.rsplit("/", 1)[1]
    return max(0, size - max(_bytes(whole), _bytes(Path(f"{whole}.part"))))


def _bytes(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _download(size: int, part: Path, say: Callable, url: str, output: str, _pooch):
    """Ask for what ``part`` lacks, again and again; then give it pooch's name too."""
    furthest, tries = _bytes(part), 0
    with tqdm(total=size, unit="B", unit_scale=True, desc=part.stem) as bar:
        while True:
            try:
                _get_rest(url, size, part, bar)
                break
            except requests.RequestException as error:
                tries += 1
                if _bytes(part) >= furthest + 1_000_000:
                    furthest, tries = _bytes(part), 1
                why = _why(error)
                if tries > RETRIES:
                    raise _gives_up(url, size, part, why) from error
            wait = PAUSE * 2 ** (tries - 1)
            say(f"The server broke off ({why}): trying again in {wait:g} s.")
            time.sleep(wait)
    say(f"Checking {part.stem} ...")
    os.unlink(output)
    try:  # pooch removes its own when it is interrupted while it checks
        os.link(part, output)
    except OSError:  # a disk without hard links
        os.replace(part, output)


def _why(error: requests.RequestException) -> str:
    return str(error) if type(error) is requests.HTTPError else type(error).__name__


def _gives_up(url: str, size: int, part: Path, why: str) -> DataSetError:
    return DataSetError(
        f"{url} could not be reached, or broke off ({why}): check the network, {AGAIN} "
        f"({_bytes(part) / 1e6:,.0f} of {size / 1e6:,.0f} MB are kept)."
    )


def _tag(part: Path) -> Path:
    """Name the file that holds the server's name (ETag) for the version in ``part``."""
    return part.with_suffix(".etag")


def _get_rest(url: str, size: int, part: Path, bar: tqdm) -> None:
    have = _bytes(part)
    old = _tag(part).read_text() if _tag(part).exists() else ""
    bar.reset()
    bar.n = bar.initial = bar.last_print_n = have
    bar.refresh()
    if have == size:
        return
    headers = {"Accept-Encoding": "identity", "User-Agent": user_agent()}
    if have:
        headers["Range"] = f"bytes={have}-"
        if old.startswith('"'):  # a weak one may not be asked for
            headers["If-Range"] = old
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as response:
        new = response.headers.get("ETag", "")
        if not _goes_on(response, size, have) or (have and new != old):
            part.unlink(missing_ok=True)
            bar.n = bar.initial = 0
            if response.status_code != 200:
                raise requests.HTTPError("the file on the server has changed")
            _tag(part).write_text(new)
        _append(response, size, part, bar)


def _goes_on(response: requests.Response, size: int, have: int) -> bool:
    """Say whether an answer begins where ``part`` ends; refuse what is no answer."""
    status, headers = response.status_code, response.headers
    if status in BUSY:
        raise requests.HTTPError(f"{status} {response.reason}")
    if status not in (200, 206, 416):
        raise DataSetError(
            f"{response.url} answered {status} {response.reason}: get the file by "
            "hand, as data/README.md says, and name it with --archive."
        )
    length = headers.get("Content-Length", size)
    if status != 200:
        length = headers.get("Content-Range", f"/{size}").rpartition("/")[2]
    if str(length) != str(size):
        raise DataSetError(
            f"{response.url} has {length} bytes in place of {size}: if this network "
            f"has a log-in page, log in with a browser, {AGAIN}."
        )
    begins = headers.get("Content-Range", "").startswith(f"bytes {have}-")
    return status == 206 and begins


def _append(response: requests.Response, size: int, part: Path, bar: tqdm) -> None:
    with open(part, "ab") as file:
        for piece in response.iter_content(2**16):
            file.write(piece)
            bar.update(len(piece))
            if file.tell() > size:
                break
    if _bytes(part) > size:
        part.unlink()
        raise DataSetError(
            f"{response.url} gave more than {size} bytes: it is not used; try another "
            f"network, {AGAIN}."
        )
    if _bytes(part) < size:
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
