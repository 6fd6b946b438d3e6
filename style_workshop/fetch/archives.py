"""Unpack a ZIP file as if it were hostile: inside one folder, or not at all."""

import errno
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PureWindowsPath

from tqdm.auto import tqdm

from style_workshop import WorkshopError
from style_workshop.files import require_free_disk

GROWTH = 1.1  # pictures are compressed already: they grow by less when unpacked
MARGIN = 200_000_000  # bytes of disk to leave free


class DataSetError(WorkshopError):
    """A data set that cannot be fetched or unpacked, and what to do about it."""


def unpack(
    archive: Path, files: Path, *, say: Callable[[str], None], spare: int = 0
) -> None:
    """Unpack a ZIP file into a new folder, and check the CRC-32 of every member.

    Args:
        archive: the ZIP file.
        files: the folder, which is made; what is in it is removed first.
        say: called with a sentence on what happens.
        spare: how many damaged members may be left out.

    Raises:
        DataSetError: no ZIP file, a damaged one, or one that would write outside the
            folder, make links, or fill the disk.
        WorkshopError: the disk is too small.
    """
    shutil.rmtree(files, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as opened:
            damaged = _write_all(opened, archive, files, spare)
    except BaseException as error:
        shutil.rmtree(files, ignore_errors=True)
        wrong = (zipfile.BadZipFile, ValueError, OverflowError, NotImplementedError)
        if isinstance(error, WorkshopError) or not isinstance(error, wrong):
            raise
        raise DataSetError(
            f"{archive} is not a whole ZIP file ({error}): get it again."
        ) from error
    if damaged:
        say(f"Damaged in the archive, and left out: {', '.join(damaged)}.")


def _write_all(
    opened: zipfile.ZipFile, archive: Path, files: Path, spare: int
) -> list[str]:
    paths = _members(opened, archive)
    total = sum(member.file_size for member in paths.values())
    require_free_disk(files, (total + MARGIN) / 1e6, f"Unpacking {archive.name}")
    damaged = []
    with tqdm(total=total, unit="B", unit_scale=True, desc="unpacking") as bar:
        for path, member in paths.items():
            if not _write(opened, member, files / path, bar):
                damaged.append(member.filename)
            if len(damaged) > spare:
                raise zipfile.BadZipFile(f"{damaged[-1]!r} is damaged")
    return damaged


def _members(opened: zipfile.ZipFile, archive: Path) -> dict[Path, zipfile.ZipInfo]:
    """Map each file's path below the folder to its member; refuse what is unsafe."""
    members = [m for m in opened.infolist() if not m.filename.endswith("/")]
    paths = {Path(*safe_parts(member)): member for member in members}
    size = sum(member.file_size for member in members)
    problem = None
    if not members:
        problem = "has no files in it"
    elif len(paths) < len(members):
        problem = "has two files of one name"
    elif size > GROWTH * archive.stat().st_size:
        problem = f"would grow to {size / 1e6:,.0f} MB, which pictures do not"
    if problem:
        raise DataSetError(f"{archive} {problem}: it is not used, get it again.")
    return paths


def safe_parts(member: zipfile.ZipInfo) -> tuple[str, ...]:
    """Give the names of a member's folders and of its file, safe on every system.

    Raises:
        DataSetError: an absolute path, a colon, ``..``, a link, a device, a password.
    """
    path = PureWindowsPath(member.filename)  # it knows both separators, and drives
    parts = path.parts
    kind = stat.S_IFMT(member.external_attr >> 16)
    if (
        not parts
        or path.root
        or ":" in member.filename  # of a drive, or of a second stream of a file
        or not all(part.strip(". ") for part in parts)  # Windows drops dots at the end
        or kind not in (0, stat.S_IFREG)
        or member.flag_bits & 1
        or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    ):
        raise DataSetError(
            f"The archive's member {member.filename!r} is not a plain file inside its "
            "folder: the archive is not used, get it from somewhere else."
        )
    return parts


def _write(opened: zipfile.ZipFile, member, path: Path, bar: tqdm) -> bool:
    """Write one file; False, and no file, when it is damaged."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(member) as source, open(path, "xb") as file:
            while block := source.read(2**20):
                file.write(block)
                bar.update(len(block))
    except (FileExistsError, NotADirectoryError) as error:
        raise DataSetError(
            f"{opened.filename} has two members named {member.filename!r}: it is not "
            "used, get it from somewhere else."
        ) from error
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise  # the disk; EINVAL is a place before the beginning of the archive
        if path.is_file():
            path.unlink()
        return False
    return True
