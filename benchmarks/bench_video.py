"""Flicker, frames a second and memory of the ways to paint a clip.

``make bench-video``. The clip is the one that the workshop paints, whose exact flow is
known; nothing else is stored. Each way runs in a process of its own. ``--quick`` shows
that it works, and no more: in two steps nothing is painted.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench_memory import peak_memory

ROOT = Path(__file__).resolve().parent.parent
STYLE = ROOT / "data" / "images" / "style" / "stained_glass.jpg"
NETWORKS = ROOT / "data" / "networks"
#: Changes of the method.
GATYS = {
    "frame by frame": {"temporal_weight": 0.0, "warped_start": False},
    "start": {"temporal_weight": 0.0},
    "loss": {"warped_start": False},
    "start and loss, 1 back": {"lags": (1,)},
    "whole": {},
}
#: A network, and the share of the last picture. ``tuned`` was trained further with the
#: temporal loss.
FAST = {
    "network": ("mosaic", 0.0),
    "network, steady": ("mosaic", 0.7),
    "tuned network": ("mosaic_steady", 0.0),
    "tuned network, steady": ("mosaic_steady", 0.7),
}


def measure(
    name: str, count: int, height: int, steps: int, first_steps: int, times: int
) -> dict:
    """Paint the clip here, in this process, from disk to disk, so many times over.

    What is painted again comes after it, as one long clip.
    """
    sys.path.insert(0, str(ROOT))
    from style_workshop.video import clips, painted, passes, warping

    clip = painted.paint(count, height)
    painter = _painter(name, height, steps, first_steps)
    with tempfile.TemporaryDirectory() as folder:
        frames = clips.Frames(Path(folder) / "clip")
        for number in range(count * times):
            frames[number] = clip.frames[number % count]
        done = clips.Frames(Path(folder) / "painted")
        begin, cpu = time.perf_counter(), time.process_time()
        passes.paint_clip(frames, painter, done, progress=None)
        seconds, cpu = time.perf_counter() - begin, time.process_time() - cpu
        pictures = [done[number] for number in range(count)]
    own = warping.flicker(clip.frames, clip.backward, clip.seen).mean()
    found = warping.flicker(pictures, clip.backward, clip.seen).mean()
    return {
        "flicker": float(found),
        "own": float(own),
        "seconds": seconds / count / times,
        "cpu": cpu / count / times,
        "peak": peak_memory(),
    }


def _painter(name: str, height: int, steps: int, first_steps: int):
    if name in FAST:
        from style_workshop import fast, feedforward
        from style_workshop.video.steady import SteadyPainter

        stem, share = FAST[name]
        network = feedforward.load(NETWORKS / f"{stem}.npz")
        return SteadyPainter(partial(fast.paint, network), share=share)
    from style_workshop import gatys, images
    from style_workshop.video import method

    painting = replace(gatys.WORKSHOP, steps=first_steps)
    settings = replace(method.WORKSHOP, gatys=painting, steps=steps, **GATYS[name])
    if name == "frame by frame":
        settings = replace(settings, steps=first_steps)
    return method.Painter(images.read(STYLE, 2 * height), settings)


def run(*given) -> dict:
    """Measure in a process of its own."""
    command = [sys.executable, __file__, "--worker", *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


ROW = "  {:<24} {:>12} {:>10} {:>10} {:>10} {:>10} {:>9}".format


def table(
    names, count: int, height: int, steps: int = 1, first_steps: int = 1, times: int = 1
) -> dict:
    """Run the ways one by one, and print a line each."""
    width = round(height * 4 / 3)
    print(f"{count * times} frames of {width}x{height} pixels")
    print(ROW("", "flicker", "of first", "of clip's", "s a frame", "CPU s", "peak GB"))
    rows: dict[str, dict] = {}
    for name in names:
        row = rows[name] = run(name, count, height, steps, first_steps, times)
        first = next(iter(rows.values()))
        values = (
            row["flicker"],
            row["flicker"] / first["flicker"],
            row["flicker"] / row["own"],
            row["seconds"],
            row["cpu"],
            row["peak"] / 1e9,
        )
        print(ROW(name, *(f"{value:.2f}" for value in values)), flush=True)
    return rows


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two steps a frame")
    parser.add_argument("--frames", type=int, default=6)
    parser.add_argument("--height", type=int, default=96, help="of the Gatys method")
    parser.add_argument("--only", choices=["gatys", "fast"], help="one part of it")
    parser.add_argument("--worker", nargs=6, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.worker:
        name, *numbers = chosen.worker
        print(json.dumps(measure(name, *map(int, numbers))))
        return
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{os.cpu_count()} cores, load {load:.1f}")
    if chosen.only != "fast":
        steps = (2, 2) if chosen.quick else (12, 40)
        count = 2 if chosen.quick else chosen.frames
        height = 32 if chosen.quick else chosen.height
        rows = table(GATYS, count, height, *steps)
        part = rows["whole"]["flicker"] / rows["frame by frame"]["flicker"]
        others = [rows[name]["flicker"] for name in ("start", "loss")]
        less = rows["whole"]["flicker"] < min(others)
        print(f"  Target a third of frame by frame: {'met' if part < 1 / 3 else 'no'}.")
        print(f"  Target less than each part alone: {'met' if less else 'no'}.")
    if chosen.only != "gatys":
        height = 32 if chosen.quick else 192
        few = table(FAST, 4, height)
        many = table(["network, steady"], 4, height, times=2 if chosen.quick else 8)
        name = "network, steady"
        more = (many[name]["peak"] - few[name]["peak"]) / 1e6
        print(f"  The longer clip took {more:.0f} MB more.")


if __name__ == "__main__":
    main()
