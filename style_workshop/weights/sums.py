"""Check sums of the files in which the weights are kept, each in a file beside it."""

import contextlib
import hashlib
import zipfile
from pathlib import Path

from style_workshop import WorkshopError
from style_workshop.files import atomic_write


def sum_file(path: Path) -> Path:
    """Name the file that holds the check sum of ``path``."""
    return path.with_suffix(".npz.sha256")


def sha256(path: Path) -> str:
    """Compute the check sum of a file, a megabyte at a time."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def write_sum(path: Path, digest: str) -> None:
    """Write a check sum as ``sha256sum`` does."""
    with atomic_write(sum_file(path)) as part:
        part.write_text(f"{digest}  {path.name}\n")


def is_whole(path: Path) -> bool:
    """Compare a file with its check sum.

    One that was copied without it is read as a whole, since the archive has a sum of
    its own for each array; if these are right, it gets its check sum.
    """
    if sum_file(path).exists():
        return sum_file(path).read_bytes().split()[:1] == [sha256(path).encode()]
    try:
        with zipfile.ZipFile(path) as archive:
            whole = archive.testzip() is None
    except Exception:  # a damaged file can fail anywhere in zipfile
        return False
    if whole:
        with contextlib.suppress(WorkshopError):  # a folder that is only read
            write_sum(path, sha256(path))
    return whole
