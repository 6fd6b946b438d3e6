"""The benchmark of batches runs and prints its table. Nothing here asserts a time."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import bench_batches as bench

pytestmark = pytest.mark.slow

TINY = ["--pictures", "32", "--rounds", "2", "--batches", "1", "--passes", "3"]


def times(**seconds) -> bench.Times:
    names = {"workshop_cached": "workshop, cached", "workshop_crop": "workshop, crop"}
    return {
        names.get(name, name): [{"seconds": s, "used": 2 * s, "processor": s}] * 3
        for name, s in seconds.items()
    }


def test_it_prints_the_table_without_peers(capsys, monkeypatch):
    monkeypatch.setattr(bench, "WARM", 1)
    bench.main([*TINY, "--no-peers"])
    printed = capsys.readouterr().out
    assert "Skipped: tf.data (--no-peers)." in printed
    assert "32 JPEGs of 640x480" in printed
    for name in ("floor", *bench.OURS):
        assert f"\n  {name} " in printed
    assert "Best of the others: none was asked." in printed
    assert "MB after 2 passes" in printed and "MB after 3 passes" in printed


def test_what_is_not_installed_is_named(capsys, monkeypatch):
    monkeypatch.setattr(bench.importlib.util, "find_spec", lambda name: None)
    assert bench.contenders(wanted=True) == ["floor", *bench.OURS]
    printed = capsys.readouterr().out
    assert "Skipped: DataLoader, 2 processes (torch is not installed" in printed


def test_verdicts(capsys):
    measured = times(
        floor=1.0,
        workshop=1.1,
        workshop_crop=1.4,
        workshop_cached=0.1,
        ImageDataGenerator=2.0,
        **{"tf.data": 1.3},
    )
    assert bench.best_peer(measured) == "tf.data"
    bench.verdicts(measured, others=0.0)
    printed = capsys.readouterr().out
    assert "first pass, of the floor <= 1.15: met, 1.10 (1.10 in CPU time)" in printed
    assert "crop, of resize <= 1.2: missed, 1.27" in printed
    assert "first pass, of tf.data <= 1: met, 0.85" in printed
    assert "tf.data, of a cached pass >= 10: met, 13.00" in printed
    assert "ImageDataGenerator, of the first pass >= 2: missed, 1.82" in printed
    bench.verdicts(measured, others=0.5)
    printed = capsys.readouterr().out
    assert "No verdict: other programs took 50%" in printed
    assert "unknown" in printed and "met," not in printed


def test_a_worker_that_fails_says_why():
    with pytest.raises(RuntimeError, match="KeyError"):
        bench.PausedWorker("no such side", 1)
