"""Data sets of pictures to train with: fetched, verified and unpacked.

A data set is renamed into its place when it is whole: a folder that is there is
complete. Until then everything lies beside it, in ``.part-train2014`` for
``train2014``, and the next run goes on from there.
"""

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from tqdm.auto import tqdm

from style_workshop import DATA, WorkshopError
from style_workshop.fetch.archives import GROWTH, MARGIN, DataSetError, unpack
from style_workshop.fetch.downloads import AGAIN, alone, download, still_to_fetch
from style_workshop.files import require_free_disk


class DataSet(NamedTuple):
    """A ZIP file of pictures, and the folder below ``data`` that it becomes.

    Without a ``url`` a person fetches it by hand. ``size`` is in bytes, of the ZIP
    file; ``spare`` says how many damaged pictures may be left out.
    """

    folder: str
    url: str | None
    size: int
    sha256: str | None
    pictures: int
    terms: str
    spare: int = 0


# The bucket that http://images.cocodataset.org names, by the name in its certificate.
# COCO publishes no check sums; sizes and sums are those of TensorFlow Datasets.
_COCO = "https://s3.amazonaws.com/images.cocodataset.org/zips"
_COCO_TERMS = (
    "The photographs belong to their authors on Flickr, not to the COCO Consortium, "
    "and have their licences: https://cocodataset.org/#termsofuse."
)
DATASETS = {
    "coco": DataSet(
        "COCO/train2014",
        f"{_COCO}/train2014.zip",
        13_510_573_713,
        "ede4087e640bddba550e090eae701092534b554b42b05ac33f0300b984b31775",
        82_783,
        _COCO_TERMS,
    ),
    "coco-val2017": DataSet(
        "COCO/val2017",
        f"{_COCO}/val2017.zip",
        815_585_330,
        "4f7e2ccb2866ec5041993c9cf2a952bbed69647b115d0f74da7ce8f4bef82f05",
        5_000,
        _COCO_TERMS,
    ),
    "wikiart": DataSet(
        "WikiArt",
        None,
        0,
        None,
        0,
        "Non-commercial research only; many paintings are under copyright.",
        spare=10,  # ArtGAN's ZIP file is known for two damaged pictures
    ),
}

BY_HAND = """\
WikiArt is fetched by hand: no copy of it has a published check sum, and the terms
of each are for you to accept. What exists:

  ArtGAN's selection    one ZIP file of 25.4 GB at Google Drive, linked from
                        https://github.com/cs-chan/ArtGAN ("WikiArt Dataset");
                        non-commercial research only; no account, as far as known;
                        people report that the link fails at times
  Painter by Numbers    train.zip, 36 GB, https://www.kaggle.com/c/painter-by-numbers;
                        needs an account at Kaggle, and its rules accepted there
  huggan/wikiart        81,444 paintings in 72 Parquet files, to be read with the
                        Python package `datasets`, not with this command;
                        non-commercial research only; no account, as far as known;
                        https://huggingface.co/datasets/huggan/wikiart

With a ZIP file:      python -m style_workshop data wikiart --archive FILE
With pictures:        put them, or folders of them, into {target}
Without all this:     python -m style_workshop paintings (in the public domain)"""


def fetch(
    name: str,
    folder: str | Path = DATA,
    *,
    archive: str | Path | None = None,
    keep: bool = False,
    say: Callable[[str], None] = tqdm.write,
) -> Path:
    """Make sure that a data set is on disk, verified and unpacked.

    Interrupted or killed, the next call goes on where this one stopped. A ZIP file
    that lies beside the data set's folder (``COCO/train2014.zip``) is used.

    Args:
        name: of `DATASETS`.
        folder: in place of ``data``; the data set has a folder of its own below it.
        archive: a ZIP file that was fetched by hand; it stays where it is.
        keep: keep the ZIP file that is fetched, beside the data set's folder.
        say: called with a sentence on what happens.

    Returns:
        The folder with the pictures.

    Raises:
        DataSetError: an unknown name, a server that fails, wrong bytes, an unsafe
            archive, another process at the same work, or nothing to fetch.
        WorkshopError: the disk is full, or the folder cannot be written.
    """
    dataset = _named(name)
    target = Path(folder) / dataset.folder
    work = target.with_name(f".part-{target.name}")
    try:
        if _is_there(dataset, target):
            say(f"{target} is already there.")
        else:
            with alone(work):
                if not _is_there(dataset, target):  # fetched by another process
                    _fetch(dataset, target, work, archive, keep, say)
            say(f"{target} is there, whole and verified.")
        shutil.rmtree(work, ignore_errors=True)
    except OSError as error:
        raise _cannot_write(target, error) from error
    return target


def _named(name: str) -> DataSet:
    if name not in DATASETS:
        raise DataSetError(
            f"There is no data set {name!r}: `python -m style_workshop data --list` "
            "names those there are."
        )
    return DATASETS[name]


def _cannot_write(target: Path, error: OSError) -> WorkshopError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return WorkshopError(f"The disk is full: free some space, {AGAIN}.")
    return WorkshopError(
        f"Cannot write {error.filename or target} ({error.strerror or error}): choose "
        "a folder that you may write to."
    )


def _is_there(dataset: DataSet, target: Path) -> bool:
    found = len(os.listdir(target)) if target.exists() else 0
    if 0 < found < dataset.pictures:  # `fetch` leaves all of them, or none
        raise DataSetError(
            f"{target} holds {found:,} of {dataset.pictures:,} pictures, put there by "
            f"something else: rename or delete it, {AGAIN}."
        )
    return found > 0


def _fetch(dataset: DataSet, target: Path, work: Path, archive, keep, say) -> None:
    beside = target.with_name(f"{target.name}.zip")
    if archive is None and beside.exists():
        archive = beside
    if archive is not None:
        _check(dataset, Path(archive), say)
        unpack(Path(archive), work / "files", say=say, spare=dataset.spare)
    elif dataset.url is None:
        say(BY_HAND.format(target=target))
        raise DataSetError(f"{target.name} is fetched by hand: do as told above.")
    else:
        archive = _download(dataset, work, say)
        try:
            unpack(archive, work / "files", say=say, spare=dataset.spare)
        except DataSetError:  # wrong bytes, with no check sum that told it before
            archive.unlink()
            raise
        if keep:
            archive.replace(beside)
    _put(work / "files", target)


def _check(dataset: DataSet, archive: Path, say: Callable) -> None:
    import pooch

    if not archive.is_file():
        raise DataSetError(f"There is no file {archive}: check its name.")
    say(f"Checking {archive} ...")
    digest = pooch.file_hash(str(archive))
    if dataset.sha256 is None:
        say(f"Its SHA-256 is {digest}; nobody has published one to compare it with.")
    elif digest != dataset.sha256:
        raise DataSetError(
            f"{archive} has a wrong check sum: delete it, {AGAIN} without it."
        )


def _download(dataset: DataSet, work: Path, say: Callable) -> Path:
    assert dataset.url is not None  # a person fetches the others by hand
    name, left = Path(dataset.url).name, still_to_fetch(dataset.url, dataset.size, work)
    needed = left + GROWTH * dataset.size + MARGIN
    require_free_disk(work, needed / 1e6, f"Fetching and unpacking {name}")
    say(
        f"{name}: {left / 1e6:,.0f} of {dataset.size / 1e6:,.0f} MB are to be fetched, "
        f"and {needed / 1e6:,.0f} MB of disk are needed on the way. {dataset.terms}"
    )
    return download(
        dataset.url, size=dataset.size, sha256=dataset.sha256, work=work, say=say
    )


def _put(files: Path, target: Path) -> None:
    """Rename the unpacked folder, or the one folder in it, to its place."""
    inside = list(files.iterdir())
    source = inside[0] if len(inside) == 1 and inside[0].is_dir() else files
    with suppress(OSError):
        target.rmdir()  # an empty one, which Windows does not replace
    source.rename(target)
