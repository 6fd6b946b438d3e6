"""Runs the notebooks as tests, with the small values of ``tests/quick.toml``.

nbval collects every notebook. Before a notebook runs, the values that the table has
for it are appended to its ``parameters`` cell, in memory only: whoever opens the
notebook sees the full values and no test code.
"""

import ast
import contextlib
import ctypes
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# A shell that runs the tests in its background makes them, and what they start, deaf
# to Ctrl-C, which some of them send.
signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).parent
TABLE = ROOT / "tests" / "quick.toml"


def assigned_names(source: str) -> set[str]:
    """Names that a cell assigns at its top level."""
    targets = []
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.Assign):
            targets += statement.targets
        elif isinstance(statement, ast.AnnAssign):
            targets.append(statement.target)
    nodes = [node for target in targets for node in ast.walk(target)]
    return {node.id for node in nodes if isinstance(node, ast.Name)}


def quick_source(source: str, values: dict, notebook: str) -> str:
    """Append small values to the source of a ``parameters`` cell.

    Raises:
        ValueError: a value whose name the cell does not assign; it would test nothing.
    """
    unknown = set(values) - assigned_names(source)
    if unknown:
        raise ValueError(
            f"{TABLE.name} sets {', '.join(sorted(unknown))} for {notebook}, which its "
            "parameters cell does not assign."
        )
    lines = [f"{name} = {value!r}" for name, value in values.items()]
    return "\n".join([source, *lines])


def quick_values(notebook: str, table: dict) -> dict:
    """The small values of a notebook, by its path below ``notebooks``.

    Raises:
        ValueError: the table has no entry for it.
    """
    if notebook not in table:
        raise ValueError(
            f"{TABLE.name} has no entry for {notebook}: add one, if only an empty one."
        )
    return table[notebook]


def pytest_collection_modifyitems(items):
    table = tomllib.loads(TABLE.read_text())
    for item in items:
        if type(item).__name__ != "IPyNbCell":
            continue
        notebook = Path(os.path.relpath(item.path, ROOT / "notebooks")).as_posix()
        try:
            values = quick_values(notebook, table)
            if "parameters" in item.cell.metadata.get("tags", []):
                item.cell.source = quick_source(item.cell.source, values, notebook)
        except ValueError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_collection_finish():
    """Split the processor while TensorFlow has not started, for tests of many devices.

    Whichever test comes first starts it, and after that it splits nothing.
    """
    if (tf := sys.modules.get("tensorflow")) and not tf.config.list_physical_devices(
        "GPU"
    ):
        from style_workshop import WorkshopError, parallel

        with contextlib.suppress(WorkshopError):
            parallel.devices(4)


# --- for the tests of what reads other people's files -------------------------------


def _mutations(
    content: bytes, count: int, seed: int, changes: int = 5, within: int | None = None
) -> Iterator[bytes]:
    """Damage ``content`` in ``count`` ways: bytes and bits changed, lost and added.

    Args:
        changes: the most that one of them suffers.
        within: how many bytes from the start are hit; None is all.
    """
    random = np.random.default_rng(seed)
    for _ in range(count):
        damaged = bytearray(content)
        for _ in range(random.integers(1, changes + 1)):
            place = random.integers(min(within or len(damaged), len(damaged)))
            kind, length = random.integers(4), random.integers(1, 20)
            if kind == 0:
                damaged[place] = random.integers(256)
            elif kind == 1:
                damaged[place] ^= 1 << random.integers(8)
            elif kind == 2 and length < len(damaged):
                del damaged[place : place + length]
            else:
                damaged[place:place] = random.bytes(length)
        yield bytes(damaged)


@pytest.fixture
def mutations():
    """Give the function that damages files, see `_mutations`."""
    return _mutations


@pytest.fixture(scope="session")
def odd(tmp_path_factory) -> Path:
    """A folder of odd pictures, see ``tests/odd_pictures.py``."""
    import odd_pictures

    return odd_pictures.make(tmp_path_factory.mktemp("odd") / "odd pictures")


# --- memory -------------------------------------------------------------------------


_GROWTH = 20e6  # bytes
_least = float("inf")  # bytes, since memory was given back last


@pytest.fixture(autouse=True)
def _give_memory_back():
    """After each test that took much give freed memory back; else all of it adds up.

    TensorFlow's graphs are cycles, which Python leaves lying for long, and its
    allocator and the C library of Linux keep what is freed.
    """
    global _least
    yield
    process = psutil.Process()
    if process.memory_info().rss > _least + _GROWTH:
        gc.collect()
        if sys.platform == "linux":
            with contextlib.suppress(OSError, AttributeError):  # another C library
                ctypes.CDLL("libc.so.6").malloc_trim(0)
        _least = float("inf")
    _least = min(_least, process.memory_info().rss)


def _graphs_alive() -> int:
    gc.collect()
    return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())


@pytest.fixture
def graphs_alive():
    """Give the function that counts the graphs of compiled functions still alive."""
    return _graphs_alive


def _run_apart(function, *arguments):
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn) as pool:
        return pool.submit(function, *arguments).result()


@pytest.fixture
def run_apart():
    """Give the function that calls another in a process of its own.

    What TensorFlow's allocator has taken it keeps for the life of its process.
    """
    return _run_apart


# --- for the tests that need a network ----------------------------------------------
# TensorFlow is imported in the fixtures, so that tests without it start at once. Each
# holds 80 MB, and is made in half a second: for a file of tests, not for all of them.


@pytest.fixture(scope="module")
def narrow_vgg():
    """Eight channels in each layer of VGG, for a file that needs no more: 0.1 MB."""
    from style_workshop import vgg

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg, "CHANNELS", (8,) * 5)
        yield


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    """Random weights of VGG19 that neither amplify nor damp; biases that matter."""
    from style_workshop import vgg

    random = np.random.default_rng(6)
    values, channels = {}, 3
    for layer in vgg.layer_names("vgg19"):
        if layer.startswith("conv"):
            out = vgg.CHANNELS[int(layer[4]) - 1]
            kernel = random.standard_normal((3, 3, channels, out), np.float32)
            values[f"{layer}/kernel"] = kernel * np.float32(np.sqrt(2 / 9 / channels))
            values[f"{layer}/bias"] = random.standard_normal(out, np.float32)
            channels = out
    return values


@pytest.fixture(scope="module")
def network(values):
    """VGG19 with random weights."""
    from style_workshop import vgg

    return vgg.Network("vgg19", values)


@pytest.fixture(scope="module")
def pretrained():
    """VGG19 as it was trained, or a skipped test."""
    from style_workshop import weights

    path = weights.path_of("vgg19")
    if not path.exists():
        pytest.skip(f"no {path}: `python -m style_workshop weights vgg19`")
    return weights.pretrained("vgg19")
