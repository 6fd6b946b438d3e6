"""Memory and time of the Gatys method by the size of the picture.

``make bench-memory``, and ``python benchmarks/bench_memory.py --large``. Every size
runs in a process of its own, which says how much memory it had at its peak; beside it
stands what `gatys.memory.estimate` says before. The seconds are those of the loss and
its gradient once, of all cores together, which other programs disturb less. Nothing is
stored.
"""

import argparse
import dataclasses
import json
import math
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
CONTENT = ROOT / "data" / "images" / "content" / "temple.jpg"
STYLE = ROOT / "data" / "images" / "style" / "swirling_night.jpg"
#: Width, height, tile (0: as a whole), steps of L-BFGS.
RUNS = [
    *((side, side, 0, 2) for side in (256, 512, 768, 1024)),
    *((width, width * 3 // 4, 512, 1) for width in (1024, 1536, 2048)),
]
#: What the memory is promised for, and the limit in GB. L-BFGS keeps 10 corrections in
#: the first and 3 in the second; so many steps fill them.
LARGE = [(2048, 1536, 512, 12, 6.0), (4096, 3072, 512, 5, 12.0)]
#: A layer of style and one of content, for a run that fills the optimizer's memory in
#: minutes; the feature maps are those of the shallow layers alone.
SHALLOW = {"content_layers": {"relu2_2": 1.0}, "style_layers": {"relu1_1": 1.0}}


def measure(width: int, height: int, tile: int, steps: int, shallow: bool) -> dict:
    """Run here, in this process, and say what it took."""
    sys.path.insert(0, str(ROOT))
    from style_workshop import gatys, images, optimize

    content = images.resize(images.read(CONTENT), (height, width))
    style = images.read(STYLE)
    settings = dataclasses.replace(gatys.WORKSHOP, steps=steps, tile=tile)
    if shallow:
        settings = dataclasses.replace(settings, **SHALLOW)
    seconds = []
    # A step of L-BFGS is one evaluation of loss and gradient, or several.
    optimize._Run.evaluate = _timed(optimize._Run.evaluate, seconds)
    result = gatys.stylize(content, style, settings, progress=None)
    return {
        "peak": peak_memory(),
        "estimate": gatys.memory.estimate((height, width), style, settings),
        "seconds": min(seconds[1:]),  # the first compiles
        "steps": result.steps,
    }


def _timed(evaluate, seconds: list[float]):
    def timed(*arguments):
        begin = time.process_time()
        result = evaluate(*arguments)
        seconds.append(time.process_time() - begin)
        return result

    return timed


def peak_memory() -> float:
    """Most bytes that this process has had at once; NaN where it cannot be known.

    `resource` would count what its parent had before this program was loaded, too.
    """
    try:
        rows = Path("/proc/self/status").read_text().splitlines()
    except OSError:  # not Linux
        return math.nan
    (peak,) = [row.split()[1] for row in rows if row.startswith("VmHWM")]
    return 1024 * float(peak)


def run(width: int, height: int, tile: int, steps: int, shallow: bool = False) -> dict:
    """Measure in a process of its own."""
    given = [width, height, tile, steps, int(shallow)]
    done = subprocess.run(
        [sys.executable, __file__, "--worker", *map(str, given)],
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def exponent(pixels: list[float], values: list[float]) -> float:
    """Slope of a straight line through both on logarithmic scales."""
    return float(np.polyfit(np.log(pixels), np.log(values), 1)[0])


ROW = "  {:<12} {:>6} {:>6} {:>10} {:>10} {:>12} {:>14}".format


def table(runs: list[tuple], shallow: bool = False) -> list[dict]:
    """Run them one by one, and print a line each."""
    print(
        ROW(
            "pixels",
            "tile",
            "steps",
            "peak GB",
            "estimate",
            "CPU seconds",
            "a megapixel",
        )
    )
    rows = []
    for width, height, tile, steps in runs:
        row = run(width, height, tile, steps, shallow)
        megapixels = width * height / 1e6
        print(
            ROW(
                f"{width}x{height}",
                tile or "whole",
                row["steps"],
                f"{row['peak'] / 1e9:.2f}",
                f"{row['estimate'] / 1e9:.2f}",
                f"{row['seconds']:.1f}",
                f"{row['seconds'] / megapixels:.1f}",
            ),
            flush=True,
        )
        rows.append(row | {"pixels": width * height, "tile": tile})
    return rows


def exponents(rows: list[dict]) -> None:
    """Print how memory and time grow: above what the smallest run has in any case."""
    for tiled, name in ((False, "As a whole"), (True, "In tiles")):
        found = [row for row in rows if bool(row["tile"]) == tiled]
        if len(found) < 2:
            continue
        pixels = [row["pixels"] for row in found]
        print(
            f"  {name}, in the number of pixels: memory grows with exponent "
            f"{exponent(pixels, [row['peak'] for row in found]):.2f}, time with "
            f"{exponent(pixels, [row['seconds'] for row in found]):.2f}."
        )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small pictures only")
    parser.add_argument(
        "--large",
        action="store_true",
        help="2048x1536 and 4096x3072 pixels instead, with all corrections of L-BFGS",
    )
    parser.add_argument("--worker", type=int, nargs=5, help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.worker:
        width, height, tile, steps, shallow = chosen.worker
        print(json.dumps(measure(width, height, tile, steps, bool(shallow))))
        return
    print(f"{os.cpu_count()} cores; the Gatys method, L-BFGS, at its peak")
    if chosen.large:
        print("All corrections of L-BFGS, shallow layers")
        for *given, limit in LARGE:
            peak = table([tuple(given)], shallow=True)[0]["peak"]
            print(f"  {'Within' if peak <= limit * 1e9 else 'OVER'} {limit} GB.")
        print("One step, all layers")
        for width, height, tile, _, limit in LARGE:
            peak = table([(width, height, tile, 1)])[0]["peak"]
            print(f"  {'Within' if peak <= limit * 1e9 else 'OVER'} {limit} GB.")
        return
    exponents(table([(48, 48, 0, 2), (96, 96, 0, 2)] if chosen.quick else RUNS))


if __name__ == "__main__":
    main()
