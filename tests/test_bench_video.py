"""The benchmark of painted clips: it runs, and its table says what it measured."""

import sys

import pytest

from conftest import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import bench_video


def test_a_line_for_each_way_with_ratios_to_the_first(monkeypatch, capsys):
    def run(name, *given):
        return {"flicker": 20.0 if name == "frame by frame" else 5.0, "own": 4.0,
                "seconds": 1.0, "cpu": 2.0, "peak": 1e9}  # fmt: skip

    monkeypatch.setattr(bench_video, "run", run)
    bench_video.main(["--only", "gatys", "--quick"])
    out = capsys.readouterr().out.splitlines()
    assert out[1] == "2 frames of 43x32 pixels"
    assert out[3].split()[-6:] == ["20.00", "1.00", "5.00", "1.00", "2.00", "1.00"]
    assert out[7].split() == ["whole", "5.00", "0.25", "1.25", "1.00", "2.00", "1.00"]
    assert "Target a third of frame by frame: met." in out[8]
    assert "Target less than each part alone: no." in out[9]


@pytest.mark.slow
def test_a_network_is_measured_in_a_process_of_its_own():
    row = bench_video.run("network, steady", 2, 32, 1, 1, 2)
    assert row["flicker"] > 0 and row["own"] > 0 and row["seconds"] > 0
