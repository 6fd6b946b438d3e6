"""Pictures of one size in one file, decoded once, mapped into memory afterwards.

The file is a NumPy array, ``[n, h, w, c]`` uint8; ``np.load(path, mmap_mode="r")``
reads it, too. Behind it stand, as JSON, what it was made from and what was skipped.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from style_workshop import WorkshopError
from style_workshop.batches.files import BatchError
from style_workshop.files import atomic_write, require_free_disk
from style_workshop.images import PictureError

_END = b"style_workshop pictures 1\n"
_BLOCK = 256  # pictures in memory while the file is written


class PictureCache:
    """Open the file ``path``; make it first, where it is missing or out of date.

    Several processes may use one file; where several make it at once, each writes
    its own and the last one stays, which is as good as the others.

    Args:
        path: the file; folders that do not exist are made.
        files: the picture files; their sizes and times of change are remembered.
        settings: how they are read; any other value makes the file anew.
        shape: ``(h, w, c)`` of each picture.
        load: ``load(file)`` gives ``[h, w, c]`` uint8 or raises `PictureError`.
        threads: how many threads make the file.

    Raises:
        BatchError: ``path`` is a folder, a file of another kind, or damaged.
        WorkshopError: it cannot be written, or the disk is too small.
    """

    def __init__(
        self,
        path: str | Path,
        files: list[str],
        *,
        settings: dict,
        shape: tuple[int, int, int],
        load: Callable[[str], np.ndarray],
        threads: int,
    ):
        path = Path(path)
        made_from = _made_from(files, settings)
        about = _read_about(path)
        if about is None or about["made_from"] != made_from:
            if about is not None:
                warnings.warn(
                    f"{path} was made from other files or settings: making it again.",
                    stacklevel=4,
                )
            try:
                _write(path, files, shape, load, threads, made_from)
            except WorkshopError:
                # On Windows nobody can replace a file that another process uses; it
                # may have made the very same.
                about = _read_about(path)
                if about is None or about["made_from"] != made_from:
                    raise
            about = _read_about(path)
            if about is None:
                raise BatchError(f"{path} was removed as it was made: make it again.")
        #: Index in ``files`` of each that was skipped, and why.
        self.skipped: dict[int, str] = about["skipped"]
        #: ``[n, h, w, c]`` uint8, mapped; zeros in place of what was skipped.
        self.pictures = _map(path, (len(files), *shape), about["begins"])


def _made_from(files: list[str], settings: dict) -> str:
    """A fingerprint of the files, as they lie on the disk now, and of the settings."""
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for file in files:
        try:
            about = os.stat(file)
            line = f"{os.path.abspath(file)}\0{about.st_size}\0{about.st_mtime_ns}\0"
        except OSError:
            line = f"{os.path.abspath(file)}\0missing\0"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _read_about(path: Path) -> dict | None:
    """Read what stands behind the array, and where; None where there is no file."""
    if not os.path.exists(path):
        return None
    if path.is_dir():
        raise BatchError(f"{path} is a folder: name a file for the cache.")
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - len(_END) - 8))
        length, end = int.from_bytes(file.read(8), "little"), file.read()
        if end != _END:
            raise BatchError(
                f"{path} is not a cache of pictures: name another file for it, or "
                "remove this one."
            )
        begins = size - len(_END) - 8 - length
        try:
            file.seek(begins)
            about = json.loads(file.read(length))
            skipped = {int(index): str(why) for index, why in about["skipped"].items()}
            made_from = about["made_from"]
        except Exception as error:  # damaged bytes can fail anywhere in JSON
            raise _damaged(path) from error
    return {"made_from": made_from, "skipped": skipped, "begins": begins}


def _map(path: Path, shape: tuple[int, ...], end: int) -> np.ndarray:
    """Map the array, if it is of this shape and of bytes, and ends where it should."""
    try:
        array = np.lib.format.open_memmap(path, mode="r")
    except Exception as error:  # damaged bytes can fail anywhere in NumPy
        raise _damaged(path) from error
    whole = array.flags.c_contiguous and array.offset + array.nbytes == end
    if not whole or (array.dtype, array.shape) != (np.uint8, shape):
        raise _damaged(path)
    return array


def _damaged(path: Path) -> BatchError:
    return BatchError(
        f"{path} is a damaged cache of pictures: remove it, and it is made again."
    )


def _write(path, files, shape, load, threads, made_from) -> None:
    megabytes = len(files) * np.prod(shape, dtype=np.int64) / 1e6
    require_free_disk(path.parent, megabytes, f"The cache {path}")
    skipped = {}

    def load_into(task: tuple[int, np.ndarray]) -> None:
        index, place = task
        try:
            place[:] = load(files[index])
        except PictureError as error:
            place[:] = 0
            skipped[index] = str(error)

    header = {"descr": "|u1", "fortran_order": False, "shape": (len(files), *shape)}
    label = f"cache of {megabytes:,.0f} MB"
    with (
        atomic_write(path) as part,
        open(part, "wb") as file,
        ThreadPoolExecutor(threads) as pool,
        tqdm(total=len(files), desc=label, unit="pictures") as bar,
    ):
        np.lib.format.write_array_header_1_0(file, header)
        block = np.empty((min(_BLOCK, len(files)), *shape), np.uint8)
        for start in range(0, len(files), _BLOCK):
            indices = range(start, min(start + _BLOCK, len(files)))
            for _ in pool.map(load_into, zip(indices, block, strict=False)):
                bar.update()
            file.write(block[: len(indices)].data)
        about = {"made_from": made_from, "skipped": dict(sorted(skipped.items()))}
        text = json.dumps(about).encode()
        file.write(text + len(text).to_bytes(8, "little") + _END)
