"""Which files are meant: a folder and all below it, a list, or a pattern."""

import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from style_workshop import WorkshopError

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff")


class BatchError(WorkshopError):
    """Batches that cannot be made as asked, and what to do about it."""


def find(source: str | Path | Iterable[str | Path]) -> list[str]:
    """List the picture files of a folder, a pattern or a list.

    Args:
        source: a folder, for the files below it that end as pictures do (`ENDINGS`,
            in any case), sorted by name, hidden ones left out; a pattern such as
            ``'photos/**/*.jpg'``, for all files that match, sorted; or a list of
            files, kept as it is.

    Raises:
        BatchError: nothing is there, or nothing that looks like a picture.
    """
    if not isinstance(source, (str, os.PathLike)):
        found = [os.fspath(path) for path in source]
        if not found:
            raise BatchError("The list of pictures is empty: name some files.")
        return found
    source = os.fspath(source)
    if os.path.isdir(source):
        return _in_folder(source)
    if os.path.isfile(source):
        return [source]
    if glob.has_magic(source):
        matching = glob.iglob(source, recursive=True)
        if found := sorted(filter(os.path.isfile, matching)):
            return found
        raise BatchError(f"No file matches {source}: check the pattern.")
    raise BatchError(f"There is no folder {source}: check its name.")


def _in_folder(folder: str) -> list[str]:
    found = sorted(_below(folder), key=lambda path: path.split(os.sep))
    if not found:
        raise BatchError(
            f"No pictures in {folder} or below it: it has no files that end in "
            f"{', '.join(ENDINGS)}."
        )
    return found


def _below(folder: str) -> Iterator[str]:
    """Walk through a folder; links are followed, but into no folder twice."""
    seen, left = set(), [folder]
    while left:
        folder = left.pop()
        try:
            about = os.stat(folder)
            if (about.st_dev, about.st_ino) in seen:
                continue
            seen.add((about.st_dev, about.st_ino))
            with os.scandir(folder) as listing:
                entries = [one for one in listing if not one.name.startswith(".")]
            entries.sort(key=lambda entry: entry.name, reverse=True)
            left += [entry.path for entry in entries if entry.is_dir()]
            files = [entry.path for entry in entries if entry.is_file()]
        except OSError as error:
            raise BatchError(
                f"Cannot look into {folder} ({error.strerror}): allow it, or move it "
                "away."
            ) from error
        yield from (path for path in files if path.lower().endswith(ENDINGS))


def names(files: list[str]) -> list[str]:
    """Name files from the folder they share, so that it can move."""
    files = [os.path.abspath(file) for file in files]
    shared = os.path.commonpath({os.path.dirname(file) for file in files})
    start = len(shared.rstrip(os.sep)) + 1
    return [file[start:].replace(os.sep, "/") for file in files]
