"""The benchmark of the feed-forward networks runs. Nothing here asserts a time."""

import contextlib
import importlib.util
import io
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import bench_fast as bench
import bench_gatys

from style_workshop import feedforward, weights

pytestmark = pytest.mark.slow


@pytest.mark.skipif(
    not weights.path_of("vgg16").exists(), reason="needs the weights of VGG16"
)
def test_it_prints_its_tables(run_apart):
    printed = run_apart(tables)
    for text in ("One picture of 32x32", "A clip of 160x90", "frames a second"):
        assert text in printed
    assert "A training step of 4 windows of 32x32" in printed
    if importlib.util.find_spec("onnxruntime"):
        assert "ONNX Runtime paints the same to" in printed
        difference = printed.split("ONNX Runtime paints the same to ")[1].split()[0]
        assert float(difference) < 0.1
    if not importlib.util.find_spec("torch"):
        assert "Skipped: PyTorch (not installed)." in printed


def tables() -> str:
    bench_gatys.MATRIX, bench.FRAMES = 64, 2
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        bench.main(["--quick", "--rounds", "1", "--sizes", "32", "--train-size", "32"])
    return printed.getvalue()


def test_the_arithmetic_is_that_of_the_kernels():
    total = 0.0
    for name, kernel in feedforward.TransformNetwork().values().items():
        if name.endswith("kernel"):
            layer = name.split("/")[0]
            side = {"down_2": 32, "down_3": 16, "up_1": 32}.get(layer, 64)
            side = 16 if layer.startswith("block") else side
            total += 2 * kernel.size * side * side
    assert bench.arithmetic(feedforward.WORKSHOP, 64, 64) == pytest.approx(total / 1e9)
