"""How much memory is free, and how much the Gatys method will take."""

import math
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from style_workshop import WorkshopError, color, gatys, memory, weights

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))
import bench_memory as bench

GB = 1e9
STYLE = np.zeros((40, 50, 3), np.float32)


@pytest.mark.parametrize("limit", ["3000000", "max"])
def test_a_container_s_limit_counts_and_files_that_were_read_do_not(tmp_path, limit):
    (tmp_path / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "memory.current").write_text("2500000\n")
    (tmp_path / "memory.stat").write_text("anon 1500000\ninactive_file 1000000\n")
    free = memory.free_memory(tmp_path)
    if limit == "max":
        assert free > 1e7
    else:
        assert free == 1_500_000


def test_without_a_container_it_is_the_machine_s():
    assert memory.free_memory(Path("/nowhere")) > 1e7


def test_the_whole_grows_with_the_pixels_and_tiles_do_not_without_the_pictures():
    def maps(settings, size):
        each = gatys.memory.PICTURES * size[0] * size[1]
        return gatys.memory.estimate(size, STYLE, settings) - each

    whole = replace(gatys.WORKSHOP, optimizer="adam")
    tiles = replace(whole, tile=512)
    assert maps(tiles, (2000, 3000)) == maps(tiles, (4000, 3000))
    growth = maps(whole, (2000, 4000)) - maps(whole, (2000, 2000))
    assert growth == pytest.approx(4e6 * 4 * 290 * gatys.memory.GRADIENT, rel=0.01)


def test_a_picture_smaller_than_a_tile_is_taken_whole():
    tiles = replace(gatys.WORKSHOP, tile=512)
    size = (300, 400)
    assert gatys.memory.estimate(size, STYLE, tiles) == gatys.memory.estimate(
        size, STYLE, gatys.WORKSHOP
    )


def test_a_larger_style_image_takes_more():
    larger = replace(gatys.WORKSHOP, style_scale=3)
    assert gatys.memory.estimate((512, 512), STYLE, larger) > gatys.memory.estimate(
        (512, 512), STYLE, gatys.WORKSHOP
    )


def test_a_style_image_counts_in_the_size_that_it_is_given():
    large, settings = np.zeros((4000, 5000, 3), np.float32), gatys.WORKSHOP
    for mode, times in gatys.memory.STYLE.items():
        colored = replace(settings, color=mode)
        more = gatys.memory.estimate((512, 512), large, colored)
        more -= gatys.memory.estimate((512, 512), STYLE, colored)
        assert more == pytest.approx(times * large.nbytes, rel=0.01)


@pytest.mark.parametrize("mode", color.MODES)
def test_changing_colors_takes_what_is_estimated(mode):
    style = np.random.default_rng(0).uniform(0, 255, (500, 500, 3)).astype(np.float32)
    tracemalloc.start()
    color.prepare(style[:50, :50], style, mode)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / style.nbytes <= gatys.memory.STYLE[mode] - 1 + 0.1


@pytest.mark.parametrize("free", [1.5, 2, 3, 4, 6, 8, 10])
@pytest.mark.parametrize("tile", [0, 256, 512])
def test_what_the_advice_names_fits(free, tile):
    settings, size = replace(gatys.WORKSHOP, tile=tile), (3072, 4096)
    with pytest.raises(WorkshopError, match="of memory, and .* GB are free") as caught:
        gatys.memory.require_memory(size, STYLE, settings, free=free * GB)
    advice = str(caught.value)
    if "tiles of" in advice:
        settings = replace(settings, tile=int(advice.split("tiles of ")[1].split()[0]))
    if "Adam" in advice:
        settings = replace(settings, optimizer="adam")
    if "at most" in advice:
        longest = int(advice.split("at most ")[1].split()[0])
        size = (longest * 3 // 4, longest)
    gatys.memory.require_memory(size, STYLE, settings, free=free * GB)


def test_what_fits_is_let_through_with_its_estimate():
    needed = gatys.memory.require_memory((256, 256), STYLE, gatys.WORKSHOP, free=8 * GB)
    assert 1 * GB < needed < 3 * GB


def test_it_is_refused_before_the_network_is_loaded(monkeypatch):
    monkeypatch.setattr(gatys.memory, "free_memory", lambda: -int(GB))
    monkeypatch.setattr(gatys, "load_network", None)
    with pytest.raises(WorkshopError, match="GB are free: close other programs"):
        gatys.stylize(np.zeros((600, 800, 3), np.float32), STYLE)


def test_large_pictures_have_fewer_corrections():
    assert gatys.memory.corrections((1536, 2048)) == 10
    assert gatys.memory.corrections((3072, 4096)) == 3


@pytest.mark.slow
@pytest.mark.skipif(
    not weights.path_of("vgg19").exists(), reason="needs the weights of VGG19"
)
@pytest.mark.skipif(sys.platform != "linux", reason="cannot measure its own peak")
def test_the_benchmark_measures_about_what_is_estimated(capsys):
    rows = bench.table([(200, 150, 0, 1)])
    assert capsys.readouterr().out.count("200x150") == 1
    assert rows[0]["peak"] == pytest.approx(rows[0]["estimate"], rel=0.35)


def test_an_exponent_is_the_slope_on_logarithmic_scales():
    pixels = [1.0, 2.0, 4.0, 8.0]
    assert math.isclose(bench.exponent(pixels, [3 * p**1.5 for p in pixels]), 1.5)
