"""Writing a file whole or not at all; arrays with a note in one file."""

import errno
import json
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from style_workshop import WorkshopError


@contextmanager
def atomic_write(path: str | Path) -> Iterator[Path]:
    """Give a temporary name to write to; rename it to ``path`` at the end.

    The temporary file lies in a folder of its own beside ``path``, with the same
    ending. If the block raises, or the process dies, ``path`` stays as it was; what a
    process that died has left is removed at the next write to the same folder.

    Raises:
        WorkshopError: the folder cannot be made or written, or the disk is full.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _part_folder(path.parent) as folder:
            part = folder / path.name
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


# --- what a process that died has left -----------------------------------------------

_LOCK = ".lock"
_OURS: set[Path] = set()  # on some disks a lock keeps only other processes out


@contextmanager
def _part_folder(parent: Path) -> Iterator[Path]:
    """Make a folder in ``parent`` for one write, ``.part-abc`` beside its lock.

    The lock is there before the folder and goes after it: at whatever moment a process
    dies, what it leaves is known to be nobody's.
    """
    _remove_abandoned(parent)
    path, file = _new_lock(parent)
    folder = path.with_suffix("")
    try:
        _OURS.add(path)
        folder.mkdir(0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        file.close()
        with suppress(OSError):  # on Windows another process may look at it
            path.unlink()
        _OURS.discard(path)


def _new_lock(parent: Path) -> tuple[Path, IO[bytes]]:
    while True:
        handle, name = tempfile.mkstemp(_LOCK, ".part-", parent)
        file = os.fdopen(handle, "ab")
        # Here another process may take it for a dead one's, and remove it.
        with suppress(FileNotFoundError):
            if lock(file) is not False and _is_same(file, name):
                return Path(name), file
        file.close()


def _remove_abandoned(parent: Path) -> None:
    """Remove the folders, and the locks, whose processes have died."""
    for path in set(parent.glob(f".part-*{_LOCK}")) - _OURS:
        with suppress(OSError):  # somebody else's, or gone meanwhile
            with open(path, "r+b") as file:
                if not lock(file):
                    continue
                shutil.rmtree(path.with_suffix(""), ignore_errors=True)
                if os.name != "nt":
                    path.unlink()
            # Windows removes no open file, and so none that its owner still holds.
            path.unlink(missing_ok=True)


def _is_same(file: IO[bytes], path: str | Path) -> bool:
    """Say whether an open file is still the one of that name."""
    return os.path.samestat(os.fstat(file.fileno()), os.stat(path))


def lock(file: IO[bytes]) -> bool | None:
    """Lock an open file; the system lets go of it when it is closed, or a process dies.

    Returns:
        False where another process holds it, None where the disk knows no locks.
    """
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return None if error.errno in (errno.ENOLCK, errno.EOPNOTSUPP) else False
    return True


def require_free_disk(folder: str | Path, megabytes: float, purpose: str) -> None:
    """Refuse before a long download what would end in a full disk.

    Raises:
        WorkshopError: fewer than ``megabytes`` MB (10^6 bytes) are free there.
    """
    folder = Path(folder)
    while not os.path.exists(folder):
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e6
    if free < megabytes:
        raise WorkshopError(
            f"{purpose} needs {megabytes:,.0f} MB of disk, and {folder} has "
            f"{free:,.0f} MB free: free some space, or set STYLE_WORKSHOP_DATA "
            "to a folder on a larger disk."
        )


# --- arrays with a note -------------------------------------------------------------

#: Under this name a file of arrays keeps what is known about them, as JSON.
NOTE = "note.json"
# What trained values and a new state of Adam, which is all zeros, stay far below.
_GROWTH = 20  # times the size of the file
_ROOM = 64_000_000  # bytes that a small file may grow to all the same
_MEMBERS = 10_000


def save_arrays(
    path: str | Path, arrays: Mapping[str, np.ndarray], note: Mapping
) -> None:
    """Write arrays by name, and a note that JSON can hold, into one ``.npz`` file.

    Raises:
        WorkshopError: it cannot be written.
    """
    text = np.frombuffer(json.dumps(note).encode(), np.uint8)
    named: dict[str, Any] = {**arrays, NOTE: text}
    # Through a file, because NumPy adds ".npz" to names that lack it.
    with atomic_write(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **named)
        file.flush()
        os.fsync(file.fileno())


def load_arrays(path: str | Path) -> tuple[dict[str, np.ndarray], dict]:
    """Read what `save_arrays` wrote: the arrays by name, and the note.

    Nothing that a file brings along is run, and nothing but numbers is read: arrays of
    Python objects are refused, as is what would grow far beyond the size of the file.

    Raises:
        WorkshopError: there is no such file, or it is another kind, or damaged.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise WorkshopError(f"There is no file {path}.")
    try:
        _require_modest(path)
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        note = json.loads(arrays.pop(NOTE).tobytes())
        if any(array.dtype.kind not in "biuf" for array in arrays.values()):
            raise TypeError("not all values are numbers")
        if not isinstance(note, dict):
            raise TypeError(note)
    except Exception as error:  # a damaged file can fail anywhere in zipfile or NumPy
        raise WorkshopError(
            f"{path} is damaged, or no file of this workshop: fetch or make it again."
        ) from error
    return arrays, note


def _require_modest(path: Path) -> None:
    """Look at an archive's directory, before anything is unpacked.

    Raises:
        ValueError: what it would grow to, or its names, are not those of arrays here.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
    size = sum(member.file_size for member in members)
    kinds = {member.compress_type for member in members}
    if (
        size > max(_ROOM, _GROWTH * path.stat().st_size)
        or len(members) > _MEMBERS
        # The others may ask for any amount of memory to begin with.
        or kinds - {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
        or not all(m.filename.isprintable() and len(m.filename) < 256 for m in members)
    ):
        raise ValueError(f"{len(members)} arrays of {size / 1e6:,.0f} MB")
