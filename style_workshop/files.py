"""Writing a file whole or not at all."""

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from style_workshop import WorkshopError


@contextmanager
def write_whole(path: str | Path) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` at the end.

    The temporary file lies in a folder of its own beside ``path``, with the same
    ending. If the block raises, or the process dies, ``path`` stays as it was.

    Raises:
        WorkshopError: the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
            part = Path(folder) / path.name
            yield part
            os.replace(part, path)
    except OSError as error:
        raise WorkshopError(_cannot_write(path, error)) from error


def _cannot_write(path: Path, error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk is full: free some space and write {path} again."
    return (
        f"Cannot write {path} ({error.strerror or error}): "
        "choose a folder that you may write to."
    )


def require_free_disk(folder: str | Path, megabytes: float, purpose: str) -> None:
    """Refuse before a long download what would end in a full disk.

    Raises:
        WorkshopError: fewer than ``megabytes`` MB (10^6 bytes) are free there.
    """
    folder = Path(folder)
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e6
    if free < megabytes:
        raise WorkshopError(
            f"{purpose} needs {megabytes:,.0f} MB of disk, and {folder} has "
            f"{free:,.0f} MB free: free some space, or set STYLE_WORKSHOP_DATA "
            "to a folder on a larger disk."
        )
