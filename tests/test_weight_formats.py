"""Other people's files: read right, and whatever is wrong with them said, not run."""

import io
import os
import pickle
import struct
import tracemalloc
from collections import OrderedDict

import h5py
import numpy as np
import onnx
import pytest

from style_workshop.weights.formats import (
    WeightsError,
    read_keras,
    read_onnx,
    read_quantized,
)

RANDOM = np.random.default_rng(4)


def kernel(*shape) -> np.ndarray:
    return RANDOM.normal(0, 1, shape).astype(np.float32)


# --- a legacy torch.save file, made by hand as the format says ----------------------


class _Global:
    """Pickled as the name of a class or function, which need not be installed."""

    def __init__(self, module: str, name: str):
        self.text = f"c{module}\n{name}\n".encode()


class _Storage:
    def __init__(self, key: str, kind: str, values: np.ndarray):
        self.key, self.kind, self.values = key, kind, values.ravel()


class _Rebuilt:
    """A tensor as PyTorch pickles it: a call of a function on a storage."""

    def __init__(self, storage, offset, shape, strides):
        self.arguments = storage, offset, shape, strides


class _Pickler(pickle._Pickler):
    def save(self, thing, *more, **named):
        if isinstance(thing, _Global):
            self.write(thing.text)
            return
        if isinstance(thing, _Rebuilt):
            self.save(_Global("torch._utils", "_rebuild_tensor_v2"))
            self.save((*thing.arguments, False, OrderedDict()))
            self.write(pickle.REDUCE)
            return
        super().save(thing, *more, **named)

    def persistent_id(self, thing):
        if isinstance(thing, _Storage):
            storage = _Global("torch", thing.kind)
            return ("storage", storage, thing.key, "cpu", thing.values.size, None)
        return None


def dumped(thing) -> bytes:
    file = io.BytesIO()
    _Pickler(file, protocol=2).dump(thing)
    return file.getvalue()


def torch_file(tensors: dict, storages: list[_Storage]) -> bytes:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    first = [0x1950A86A20F9469CFC6C, 1001, system, OrderedDict(tensors)]
    content = b"".join(dumped(thing) for thing in first)
    content += dumped([storage.key for storage in storages])
    for storage in storages:
        content += struct.pack("<q", storage.values.size) + storage.values.tobytes()
    return content


def tensor(storage: _Storage, shape: tuple, offset: int = 0) -> _Rebuilt:
    strides = [int(np.prod(shape[i + 1 :])) for i in range(len(shape))]
    return _Rebuilt(storage, offset, tuple(shape), tuple(strides))


def tiny() -> tuple[bytes, dict[str, np.ndarray]]:
    """Two convolutions; one shares its storage of biases with the other."""
    biases = _Storage("77", "FloatStorage", kernel(3 + 2))
    tensors, storages, expected = {}, [biases], {}
    for i, (layer, shape, offset) in enumerate(
        [("block1_conv1", (3, 2, 3, 3), 0), ("block4_conv2", (2, 3, 3, 3), 3)]
    ):
        codes = RANDOM.integers(0, 256, shape, np.uint8)
        table = kernel(256)
        stored = [
            _Storage(f"{i}1", "ByteStorage", codes),
            _Storage(f"{i}2", "FloatStorage", table),
        ]
        tensors[f"{layer}_W_q"] = tensor(stored[0], shape)
        tensors[f"{layer}_W_table"] = tensor(stored[1], (256,))
        tensors[f"{layer}_b"] = tensor(biases, shape[:1], offset)
        storages += stored
        name = layer.replace("block", "conv").replace("_conv", "_")
        expected[f"{name}/kernel"] = table[codes].transpose(2, 3, 1, 0)
        expected[f"{name}/bias"] = biases.values[offset : offset + shape[0]]
    return torch_file(tensors, storages), expected


def require_equal(found: dict, expected: dict) -> None:
    assert set(found) == set(expected)
    for key, values in expected.items():
        assert found[key].dtype == np.float32
        np.testing.assert_array_equal(found[key], values, err_msg=key)


def test_8_bit_weights_are_read_as_they_were_written():
    content, expected = tiny()
    require_equal(read_quantized(content), expected)


def test_a_file_cut_off_anywhere_is_refused():
    content, _ = tiny()
    for end in range(len(content)):
        with pytest.raises(WeightsError):
            read_quantized(content[:end])


def test_a_tensor_with_strides_of_its_own_is_read():
    table = _Storage("1", "FloatStorage", kernel(256))
    codes = _Storage("2", "ByteStorage", RANDOM.integers(0, 256, 54, np.uint8))
    bias = _Storage("3", "FloatStorage", kernel(3))
    tensors = {
        "block1_conv1_W_q": _Rebuilt(codes, 0, (3, 2, 3, 3), (1, 3, 18, 6)),
        "block1_conv1_W_table": tensor(table, (256,)),
        "block1_conv1_b": tensor(bias, (3,)),
    }
    found = read_quantized(torch_file(tensors, [table, codes, bias]))
    # Stored as [w, h, in, out] with h and w exchanged: out runs fastest.
    expected = table.values[codes.values.reshape(3, 3, 2, 3)]
    np.testing.assert_array_equal(found["conv1_1/kernel"], expected)


@pytest.mark.parametrize(
    ("offset", "shape", "strides"),
    [
        (0, (5,), (1,)),
        (2, (3,), (1,)),
        (-1, (3,), (1,)),
        (0, (3,), (-1,)),
        (0, (-3,), (1,)),
        (0, (2, 2), (2, 2)),
        (0, (3,), (2**61,)),
        (0, (3,), (2**70,)),
        (0, (3,), (1, 1)),
        (0, (10**12,), (0,)),
        (0, (10**6, 10**6), (0, 0)),
        (0, (2.0,), (1.0,)),
        (0, ("a",), (1,)),
        (5, (1,), (1,)),
    ],
)
def test_a_tensor_that_looks_beyond_its_storage_is_refused(offset, shape, strides):
    table = _Storage("1", "FloatStorage", kernel(256))
    codes = _Storage("2", "ByteStorage", np.zeros(2, np.uint8))
    bias = _Storage("3", "FloatStorage", kernel(4))
    tensors = {
        "block1_conv1_W_q": tensor(codes, (2, 1, 1, 1)),
        "block1_conv1_W_table": tensor(table, (256,)),
        "block1_conv1_b": _Rebuilt(bias, offset, shape, strides),
    }
    with pytest.raises(WeightsError):
        read_quantized(torch_file(tensors, [table, codes, bias]))


@pytest.mark.parametrize("count", [-1, 3, 5, 2**40, 2**62, -(2**63)])
def test_a_storage_with_a_wrong_count_is_refused(count):
    table = _Storage("1", "FloatStorage", kernel(256))
    codes = _Storage("2", "ByteStorage", np.zeros(2, np.uint8))
    bias = _Storage("3", "FloatStorage", kernel(4))
    tensors = {
        "block1_conv1_W_q": tensor(codes, (2, 1, 1, 1)),
        "block1_conv1_W_table": tensor(table, (256,)),
        "block1_conv1_b": tensor(bias, (4,)),
    }
    content = torch_file(tensors, [table, codes, bias])
    place = len(content) - 4 * 4 - 8
    assert content[place : place + 8] == struct.pack("<q", 4)
    wrong = content[:place] + struct.pack("<q", count) + content[place + 8 :]
    with pytest.raises(WeightsError):
        read_quantized(wrong)


def test_codes_beyond_their_table_are_refused():
    table = _Storage("1", "FloatStorage", kernel(16))
    codes = _Storage("2", "ByteStorage", np.full(2, 16, np.uint8))
    bias = _Storage("3", "FloatStorage", kernel(2))
    tensors = {
        "block1_conv1_W_q": tensor(codes, (2, 1, 1, 1)),
        "block1_conv1_W_table": tensor(table, (16,)),
        "block1_conv1_b": tensor(bias, (2,)),
    }
    with pytest.raises(WeightsError, match="damaged"):
        read_quantized(torch_file(tensors, [table, codes, bias]))


# --- pickles that want more than weights --------------------------------------------


class _Runs:
    """Pickled as a call, which a plain unpickler makes."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("kind", ["system", "eval", "getattr", "open"])
def test_a_pickle_that_wants_to_run_something_is_refused_and_runs_nothing(
    tmp_path, kind, place
):
    victim = tmp_path / "victim"
    evil = {
        "system": _Runs(os.system, f"touch {victim}"),
        "eval": _Runs(eval, f"open({str(victim)!r}, 'w')"),
        "getattr": _Runs(getattr, "", "join"),
        "open": _Runs(open, str(victim), "w"),
    }[kind]
    harmless = [dumped(thing) for thing in (1, 1001, {}, OrderedDict(), [])]
    harmless[place] = pickle.dumps(evil, protocol=2)
    with pytest.raises(WeightsError, match=r"wants to run \w+\.\w+, .* do not use it"):
        read_quantized(b"".join(harmless))
    assert not victim.exists()
    # Any other reader would have obeyed.
    pickle.loads(pickle.dumps(evil, protocol=2))
    assert victim.exists() or kind == "getattr"


@pytest.mark.parametrize(
    "name",
    [
        "torch._utils\n_rebuild_parameter",
        "torch\nload",
        "collections\ndeque",
        "os\nsystem",
    ],
)
def test_neighbors_of_what_is_allowed_are_refused(name):
    with pytest.raises(WeightsError, match="wants to run"):
        read_quantized(b"\x80\x02c" + name.encode() + b"\n.")


@pytest.mark.parametrize(
    "opcodes",
    [
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93.",  # STACK_GLOBAL
        b"(S'true'\nios\nsystem\n.",  # INST
        b"(cos\nsystem\nS'true'\no.",  # OBJ
        b"\x80\x02\x82\x01.",  # EXT1
        b"\x80\x02ctorch\nFloatStorage\n)R.",  # calls what is no function
        b"\x80\x02ccollections\nOrderedDict\n)\x81}b.",  # BUILD
        b"\x80\x02ctorch\nFloatStorage\n(K\x03X\x01\x00\x00\x00>tb.",
        b"\x80\x02r\xff\xff\xff\xff.",  # LONG_BINPUT of nothing
        b"\x80\x02K\x01r\xff\xff\xff\xff.",  # in C this wants 64 GB
        b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",  # FRAME of 8 exabytes
        b"\x80\x02X\xff\xff\xff\xff.",  # a string of 4 GB
        b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",  # a number of 2 GB
        b"\x80\x05\x96\0\0\0\0\xff\x7f\0\0",  # BYTEARRAY8 of 140 TB
        b"\x80\x05\x96\0\0\0\x10\0\0\0\0",  # and of 268 MB, which it would get
        b"\x80\x63.",  # a protocol to come
        b"",
        b".",
        b"garbage",
    ],
)
def test_odd_opcodes_are_refused(opcodes):
    tracemalloc.start()
    with pytest.raises(WeightsError):
        read_quantized(opcodes)
    assert tracemalloc.get_traced_memory()[1] < 10e6
    tracemalloc.stop()


# --- mutations ----------------------------------------------------------------------


def test_mutated_files_give_weights_or_an_error_quickly(mutations):
    """Half of the mutations hit the pickles, which are a small part of the bytes."""
    content, _ = tiny()
    pickles = content.index(struct.pack("<q", 5))
    read = refused = 0
    for within in (pickles, None):
        for damaged in mutations(content, 750, seed=40, changes=3, within=within):
            try:
                found = read_quantized(damaged)
            except WeightsError:
                refused += 1
                continue
            read += 1
            assert sum(values.nbytes for values in found.values()) < 100 * len(content)
    assert read > 100 and refused > 100


# --- Keras --------------------------------------------------------------------------

LAYERS = {
    "block1_conv1": ("conv1_1", (3, 3, 3, 64), 64),
    "block4_conv2": ("conv4_2", (3, 3, 8, 16), 16),
    "fc1": ("fc6", (18, 12), 12),
    "fc2": ("fc7", (12, 12), 12),
    "predictions": ("fc8", (12, 10), 10),
}


def keras_file(path, keys: tuple[str, str]):
    """Write a file of weights whose datasets are called as ``keys`` say."""
    expected = {}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.0.0"
        for empty in ("input_1", "block1_pool", "flatten"):
            file.create_group(empty)
        for theirs, (ours, shape, outputs) in LAYERS.items():
            for kind, key, values in (
                ("kernel", keys[0], kernel(*shape)),
                ("bias", keys[1], kernel(outputs)),
            ):
                file[key.format(theirs)] = values
                expected[f"{ours}/{kind}"] = values
    return path, expected


@pytest.mark.parametrize(
    "keys",
    [
        ("{0}/{0}_W_1:0", "{0}/{0}_b_1:0"),  # the official files
        ("{0}/{0}_W:0", "{0}/{0}_b:0"),
        ("{0}/{0}_W", "{0}/{0}_b"),
        ("{0}/{0}/kernel:0", "{0}/{0}/bias:0"),  # as Keras 2 writes weights itself
        ("{0}/{0}_2/kernel:0", "{0}/{0}_2/bias:0"),
        ("model_weights/{0}/{0}/kernel:0", "model_weights/{0}/{0}/bias:0"),
    ],
    ids=lambda keys: keys[0],
)
def test_files_of_keras_are_read_in_every_layout(tmp_path, keys):
    path, expected = keras_file(tmp_path / "x.h5", keys)
    require_equal(read_keras(path), expected)


def test_a_file_that_keras_itself_writes_is_read(tmp_path):
    import keras

    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            keras.layers.Conv2D(4, 3, name="block1_conv1"),
            keras.layers.Conv2D(5, 3, name="block1_conv2"),
        ]
    )
    model.save_weights(path := tmp_path / "x.weights.h5")
    model.save(old := tmp_path / "old.h5")
    values = [array for layer in model.layers for array in layer.get_weights()]
    keys = ["conv1_1/kernel", "conv1_1/bias", "conv1_2/kernel", "conv1_2/bias"]
    require_equal(read_keras(old), dict(zip(keys, values, strict=True)))
    # The new layout of Keras 3 names datasets 0 and 1: it is refused, not guessed.
    with pytest.raises(WeightsError):
        read_keras(path)


def test_what_is_no_file_of_keras_is_refused(tmp_path):
    path = tmp_path / "x.h5"
    with pytest.raises(WeightsError, match="x.h5 is not a weights file of Keras"):
        read_keras(path)
    path.write_text("words")
    with pytest.raises(WeightsError, match="is not a weights file of Keras"):
        read_keras(path)
    with h5py.File(path, "w") as file:
        file.create_group("block1_conv1")
    with pytest.raises(WeightsError, match="holds no layers of VGG"):
        read_keras(path)
    with h5py.File(path, "w") as file:
        file["conv2d/kernel:0"] = kernel(3, 3)
    with pytest.raises(WeightsError, match="is not a weights file of Keras"):
        read_keras(path)


def test_a_cut_off_file_of_keras_is_refused(tmp_path):
    path, _ = keras_file(tmp_path / "x.h5", ("{0}/{0}_W_1:0", "{0}/{0}_b_1:0"))
    content = path.read_bytes()
    for part in (0.0, 0.1, 0.5, 0.9, 0.99):
        path.write_bytes(content[: int(part * len(content))])
        with pytest.raises(WeightsError):
            read_keras(path)


# --- ONNX ---------------------------------------------------------------------------


def onnx_file() -> tuple[bytes, dict]:
    weights, bias = kernel(4, 3, 3, 3), kernel(4)
    named = {
        "functional_1/block1_conv1_1/convolution/ReadVariableOp:0": weights,
        "functional_1/block1_conv1_1/BiasAdd/ReadVariableOp:0": bias,
        "functional_1/dense/MatMul:0": kernel(4, 2),
        "new_shape__12": np.int64([-1, 4]),
    }
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["x"], ["y"])],
        "tiny",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])],
        [onnx.numpy_helper.from_array(v, name) for name, v in named.items()],
    )
    model = onnx.helper.make_model(graph)
    onnx.checker.check_model(model)
    expected = {"conv1_1/kernel": weights.transpose(2, 3, 1, 0), "conv1_1/bias": bias}
    return model.SerializeToString(), expected


def test_onnx_is_read_with_kernels_turned():
    content, expected = onnx_file()
    require_equal(read_onnx(content), expected)


def test_onnx_without_vgg_is_refused():
    with pytest.raises(WeightsError, match="holds no convolutions"):
        read_onnx(onnx.ModelProto().SerializeToString())


def test_damaged_onnx_is_refused_or_read_and_raises_nothing_else(mutations):
    content, _ = onnx_file()
    refused = 0
    for damaged in mutations(content, 400, seed=41):
        try:
            read_onnx(damaged)
        except WeightsError:
            refused += 1
    assert refused > 100
    with pytest.raises(WeightsError, match="damaged"):
        read_onnx(b"\xff" * 50)
