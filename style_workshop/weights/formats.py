"""Read VGG's weights from the files in which others hand them on.

Each reader gives ``conv4_2/kernel`` as ``[h, w, in, out]`` and ``conv4_2/bias`` as
``[out]``, float32, and runs no code that a file brings along.
"""

import io
import math
import pickle
import re
from collections import OrderedDict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from style_workshop import WorkshopError

Arrays = dict[str, np.ndarray]


class WeightsError(WorkshopError):
    """Weights that are missing, damaged or wrong, and what to do about it."""


def read_keras(path: str | Path) -> Arrays:
    """Read an ``.h5`` file of Keras Applications.

    Raises:
        WeightsError: it is not such a file.
    """
    import h5py

    arrays = {}

    def keep(key, values):  # block4_conv2/block4_conv2_W_1:0 or fc1/fc1/bias:0
        if isinstance(values, h5py.Dataset):
            kind = "bias" if re.search(r"(_b|bias)(_\d+)?(:0)?$", key) else "kernel"
            arrays[f"{_paper_name(key)}/{kind}"] = np.asarray(values, np.float32)

    try:
        with h5py.File(path) as file:
            file.visititems(keep)
    except Exception as error:  # a damaged file can fail anywhere in HDF5
        raise WeightsError(f"{path} is not a weights file of Keras.") from error
    if not arrays:
        raise WeightsError(f"{path} holds no layers of VGG.")
    return arrays


def _paper_name(text: str) -> str:
    """Name a layer of Keras as the paper does; AttributeError if it is not VGG's."""
    for theirs, ours in {"fc1": "fc6", "fc2": "fc7", "predictions": "fc8"}.items():
        if theirs in text:
            return ours
    found = re.search(r"block(\d)_conv(\d)", text)
    if found is None:
        raise AttributeError(text)
    return f"conv{found[1]}_{found[2]}"


def read_onnx(content: bytes) -> Arrays:
    """Read the initializers ``.../block{b}_conv{c}_1/...`` of an ONNX model.

    Raises:
        WeightsError: it is not an ONNX file, or it holds no VGG.
    """
    import onnx

    arrays = {}
    try:
        for initializer in onnx.load_from_string(content).graph.initializer:
            if re.search(r"block\d_conv\d", initializer.name):
                name = _paper_name(initializer.name)
                values = onnx.numpy_helper.to_array(initializer).astype(np.float32)
                if values.ndim == 4:  # [out, in, h, w] -> [h, w, in, out]
                    arrays[f"{name}/kernel"] = np.transpose(values, (2, 3, 1, 0))
                elif values.ndim == 1:
                    arrays[f"{name}/bias"] = values
    # Damaged bytes can fail anywhere in the decoder.
    except Exception as error:
        raise WeightsError("The ONNX file is damaged: fetch it again.") from error
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
        if any(number < 0 for number in (*self.shape, *self.strides, self.offset)):
            raise ValueError("a negative shape")
        values = storages[self.storage[2]][self.offset :]
        last = sum((n - 1) * s for n, s in zip(self.shape, self.strides, strict=True))
        # A stride of 0 could make a tensor of any size out of one number.
        if last >= len(values) or math.prod(self.shape) > len(values):
            raise ValueError("a tensor beyond its storage")
        strides = [s * values.itemsize for s in self.strides]
        return np.lib.stride_tricks.as_strided(values, self.shape, strides)


def _rebuild_tensor(storage, offset, shape, strides, *_gradient) -> _Tensor:
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


class _TensorUnpickler(pickle._Unpickler):
    """Makes tensors and dictionaries; refuses every other class, so runs no code.

    On the unpickler written in Python: for one damaged number the one written in C
    asks for tens of gigabytes.
    """

    ALLOWED = {
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("collections", "OrderedDict"): OrderedDict,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "ByteStorage"): np.dtype("u1"),
    }
    # For one number this makes as many bytes, and a file of weights has no use for it.
    dispatch = {
        code: load
        for code, load in pickle._Unpickler.dispatch.items()
        if code != pickle.BYTEARRAY8[0]
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
    count = int.from_bytes(file.read(8), "little")
    return np.frombuffer(file.read(count * dtype.itemsize), dtype, count)
