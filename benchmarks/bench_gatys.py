"""Time the Gatys method: this workshop against pastiche (PyTorch), side by side.

``make bench-gatys``, or ``python benchmarks/bench_gatys.py --quick``. README.md in
this folder says how it is measured and shows a run. Nothing is stored.
"""

import argparse
import bisect
import contextlib
import datetime
import importlib.util
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from PIL import Image
from tqdm import tqdm
from workers import ROOT, Worker

sys.path.insert(0, str(ROOT))
from style_workshop import vgg_layers

PICTURES = {
    "content": ROOT / "data" / "images" / "content" / "temple.jpg",
    "style": ROOT / "data" / "images" / "style" / "swirling_night.jpg",
}
PEER = ("pastiche", "default")
#: Who paints small first in the race, and who begins with a pass of AdaIN [11]; a
#: worker can be in one race at a time.
COARSE, GUESS = "coarse to fine", "from AdaIN"
#: Shorter side, in pixels, of the smallest picture that it paints.
SMALLEST = 64
#: Share of the processor in other hands from which on a ratio says nothing.
BUSY = 0.1
#: What a worker measures: by the clock, and by all its threads together.
KINDS = ("seconds", "processor")
#: What this workshop aims at, as pastiche's time over ours.
TARGETS = {"float32": 1.5, "bfloat16": 3.0}
#: Side of the matrices whose product gives the processor's rate.
MATRIX = 2048
#: Side of the picture that shows what emulated bfloat16 costs.
EMULATED_SIDE = 64

Times = dict[tuple[str, str], list[dict[str, float]]]


# --- what is compared ---------------------------------------------------------------


def peers(wanted: bool) -> list[str]:
    """Name the other software that is installed; say what is skipped."""
    missing = [p for p in ("torch", "pastiche") if not importlib.util.find_spec(p)]
    if wanted and not missing:
        return ["pastiche"]
    reason = f"{' and '.join(missing)} not installed" if wanted else "--no-peers"
    print(
        f"Skipped: pastiche in PyTorch, and the race against it ({reason}).\n"
        '         Install both with: .venv/bin/pip install -e ".[bench]"\n'
    )
    return []


def contenders(workers: dict[str, Worker]) -> list[tuple[str, str]]:
    """List whom a round asks, in order: a worker's name and its variant."""
    ours = ["float32"]
    if workers["workshop"].about["native_bfloat16"]:
        ours.append("bfloat16")
    found = [("workshop", variant) for variant in ours]
    if "pastiche" in workers:
        found += [PEER, ("pastiche", "channels last")]
    return found


def save_pair(folder: str, width: int, height: int) -> dict[str, str]:
    """Resize the two pictures once, so that all see the same pixels.

    The style image gets as many pixels as the content image, which is pastiche's
    default, and which leaves nothing for either to resize.
    """
    paths = {}
    for name, path in PICTURES.items():
        with Image.open(path) as picture:
            size = (width, height)
            if name == "style":
                scale = (width * height / picture.width / picture.height) ** 0.5
                size = (round(scale * picture.width), round(scale * picture.height))
            paths[name] = f"{folder}/{name}_{width}x{height}.png"
            picture.convert("RGB").resize(size, Image.BICUBIC).save(paths[name])
    return paths


# --- a step -------------------------------------------------------------------------


def time_rounds(workers, variants, rounds: int) -> Times:
    """Ask each in turn for one step, again and again: A B C A B C ...

    Whatever else the machine does then slows all of them alike.
    """
    times = {variant: [] for variant in variants}
    # To standard error, and gone afterwards: the tables alone go into a file.
    for _ in tqdm(range(rounds), desc="rounds", leave=False):
        for name, variant in variants:
            times[name, variant].append(workers[name].ask("step", variant=variant))
    return times


def ratios(times: Times, variant: tuple[str, str], key: str) -> list[float]:
    """How many times longer pastiche took than ``variant``, round by round."""
    if PEER not in times:
        return []
    pairs = zip(times[PEER], times[variant], strict=True)
    return [peer[key] / ours[key] for peer, ours in pairs]


def spread(values: list[float]) -> str:
    if not values:
        return "-"
    return f"{median(values):.2f} ({min(values):.2f}-{max(values):.2f})"


def step_table(workers, side: int, rounds: int, folder: str, rate: float) -> None:
    """Time a loss and its gradient on square pictures, and print a table."""
    variants = contenders(workers)
    for name, variant in variants:
        workers[name].ask("prepare", variant=variant, **save_pair(folder, side, side))
    before = busy_seconds()
    times = time_rounds(workers, variants, rounds)
    others = others_share(before, busy_seconds(), times)
    print(f"One loss and gradient at {side}x{side} pixels: median (least-most)")
    row = "  {:<24} {:>17} {:>17} {:>17} {:>17} {:>12}".format
    print(row(f"{rounds} rounds", "seconds", "x faster", "CPU s", "x less CPU", "loss"))
    for name, variant in variants:
        texts = []
        for kind in KINDS:
            texts.append(spread([step[kind] for step in times[name, variant]]))
            texts.append(spread(ratios(times, (name, variant), kind)))
        loss = times[name, variant][0]["loss"]
        print(row(f"{name}, {variant}", *texts, f"{loss:,.0f}"))
    work = arithmetic(side)
    print(
        f"  Its arithmetic is {work:.0f} GFLOP: {work / rate:.2f} CPU seconds "
        "at the rate of the matrix product."
    )
    verdict(times, others)


def busy_seconds() -> tuple[float, float]:
    """Seconds that all processes together have computed, and those of the clock."""
    with contextlib.suppress(OSError):
        fields = Path("/proc/stat").read_text().split("\n")[0].split()[1:]
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, fields[:8])
        ticks = user + nice + system + irq + softirq + steal
        return ticks / os.sysconf("SC_CLK_TCK"), time.perf_counter()
    return float("nan"), time.perf_counter()  # not Linux


def others_share(before, after, times: Times) -> float:
    """The share of the processor that other programs took; NaN where unknown."""
    ours = sum(step["processor"] for steps in times.values() for step in steps)
    available = (after[1] - before[1]) * (os.cpu_count() or 1)
    return (after[0] - before[0] - ours) / available


def verdict(times: Times, others: float) -> None:
    """Say which targets are met, by the clock, unless the machine was too busy.

    PyTorch's threads spin while they wait for one that another program holds up. On
    a busy machine the same two programs have come out at 0.8 x and at 3 x.
    """
    if others > BUSY:
        print(f"  No verdict: other programs took {others:.0%} of the processor.\n")
        return
    for variant, target in TARGETS.items():
        if PEER in times and ("workshop", variant) in times:
            measured = median(ratios(times, ("workshop", variant), "seconds"))
            word = "met" if measured >= target else "missed"
            print(f"  Target {target} x in {variant}: {word}, {measured:.2f} x.")
    print()


def arithmetic(side: int) -> float:
    """GFLOP of the convolutions to conv5_1 and of the Gram matrices, both ways.

    Counted as written, two for a multiplication and its addition. Algorithms that
    multiply less (Winograd) can go below it.
    """
    total, channels = 0, 3
    for block, filters in enumerate(vgg_layers.CHANNELS):
        positions = (side // 2**block) ** 2
        depth = vgg_layers.CONVOLUTIONS["vgg19"][block] if block < 4 else 1
        for _ in range(depth):
            total += 2 * 2 * 9 * positions * channels * filters
            channels = filters
        total += 2 * 2 * positions * filters**2
    return total / 1e9


def measure_rate(workers: dict[str, Worker]) -> float:
    """Print and return GFLOP per processor second of a float32 matrix product."""
    rates = {}
    for name, worker in workers.items():
        worker.ask("multiply", side=MATRIX)
        times = [worker.ask("multiply", side=MATRIX) for _ in range(5)]
        work = 2 * MATRIX**3 / 1e9
        rates[name] = work / min(t["processor"] for t in times)
        print(
            f"  {name}: {MATRIX}x{MATRIX} float32 matrix product "
            f"{work / min(t['seconds'] for t in times):.0f} GFLOP/s, "
            f"{rates[name]:.0f} GFLOP per CPU second"
        )
    print()
    return max(rates.values())


def emulated_bfloat16(worker: Worker, folder: str) -> None:
    """Show on one small picture why bfloat16 is left out on this processor."""
    pair = save_pair(folder, EMULATED_SIDE, EMULATED_SIDE)
    seconds = {}
    for variant in ("float32", "bfloat16"):
        worker.ask("prepare", variant=variant, **pair)
        steps = [worker.ask("step", variant=variant) for _ in range(3)]
        seconds[variant] = min(step["processor"] for step in steps)
    slower = seconds["bfloat16"] / seconds["float32"]
    print(
        "Skipped: bfloat16. This processor has no instructions for it (AVX512-BF16 or "
        f"AMX);\n         emulated, a step at {EMULATED_SIDE}x{EMULATED_SIDE} pixels "
        f"takes {slower:.1f} times as long as in float32.\n"
    )


# --- the race -----------------------------------------------------------------------


class Racer:
    """One optimization in a worker, which stops after each block of steps."""

    def __init__(self, worker, name, variant, steps, block, folder, **how):
        self.name = name
        self.worker, self.folder = worker, folder
        self.times, self.done = [], False
        folder.mkdir()
        self._request = {
            "do": "run",
            "variant": variant,
            "steps": steps,
            "block": block,
            "folder": str(folder),
            **how,
        }

    def advance(self) -> None:
        """Let it run for one more block, unless it has ended."""
        if not self.done:
            answer = self.worker.ask(**self._request)
            self.times, self.done = answer["times"], answer["done"]
            self._request = {"do": "on"}

    def stop(self) -> None:
        if not self.done:
            self.worker.ask("stop")
            self.done = True

    def picture(self, step: int) -> str:
        """The file with the picture after ``step`` steps, which count from 1."""
        return str(self.folder / f"{step - 1}.npy")


def race(workers, steps: int, width: int, height: int, folder: str) -> None:
    """Time how long we take to the loss that pastiche has after ``steps`` steps.

    pastiche's own loss, in float32, judges the pictures of both.
    """
    ours = [who for who in contenders(workers) if who[0] == "workshop"][-1][1]
    variants = {"pastiche": [PEER[1]], COARSE: [ours], GUESS: [ours]}
    # float32 always: it checks that our loss is pastiche's.
    variants["workshop"] = list(dict.fromkeys([ours, "float32"]))
    pair = save_pair(folder, width, height)
    for name, wanted in variants.items():
        for variant in wanted:
            workers[name].ask("prepare", variant=variant, **pair)
    folder = Path(folder, f"race-{width}")
    folder.mkdir()

    def racer(worker: str, name: str, variant: str, most: int, **how) -> Racer:
        block = max(1, steps // 20)
        return Racer(
            workers[worker], name, variant, most, block, folder / worker, **how
        )

    plan = coarse_plan(min(width, height), steps)
    small_steps = sum(few for _, few in plan)
    peer = racer("pastiche", ", ".join(PEER), PEER[1], steps)
    us = [
        racer("workshop", f"workshop, {ours}", ours, 2 * steps),
        racer(COARSE, COARSE, ours, 2 * steps + small_steps, coarse=plan),
        racer(GUESS, GUESS, ours, 2 * steps, start="adain"),
    ]
    before = busy_seconds()
    target, reached = run_race(peer, us, steps, workers["pastiche"])
    ends = {(racer.name, ""): racer.times[-1:] for racer in (peer, *us)}
    others = others_share(before, busy_seconds(), ends)
    twin = workers["workshop"].ask("loss", picture=peer.picture(steps))["loss"]
    print(f"The race at {width}x{height} pixels, from the content image")
    race_table(peer, us, reached, workers["pastiche"])
    print(f"  Our loss of pastiche's last picture differs by {twin / target - 1:.0e}.")
    print(f"  Other programs took {others:.0%} of the processor meanwhile.")


def coarse_plan(side: int, steps: int) -> list[tuple[int, int]]:
    """Sizes to paint first, as divisors of the full one, and the steps at each."""
    divisors = [2**k for k in range(1, 8) if side // 2**k >= SMALLEST]
    # What cost the least of a few that were tried, at 384x256 pixels.
    share = [2 / 5, *[1 / 5] * len(divisors)]
    return [
        (divisor, max(1, round(part * steps)))
        for divisor, part in zip(reversed(divisors), share, strict=False)
    ]


def judge(worker: Worker, picture: str) -> float:
    return worker.ask("loss", picture=picture)["loss"]


def run_race(
    peer: Racer, ours: list[Racer], steps: int, worker: Worker
) -> tuple[float, list[int | None]]:
    """Advance all in turn; give pastiche's last loss and our steps that reach it."""
    with tqdm(desc="steps of pastiche", total=steps, leave=False) as bar:
        while not peer.done:
            for racer in (peer, *ours):
                racer.advance()
            bar.update(len(peer.times) - bar.n)
    target = judge(worker, peer.picture(len(peer.times)))

    found = []
    for us in ours:

        def reached(step: int, us=us) -> bool:
            return judge(worker, us.picture(step)) <= target

        while not us.done and not reached(len(us.times)):
            us.advance()
        us.stop()
        found.append(first_step(len(us.times), reached))
    return target, found


def first_step(steps: int, reached: Callable[[int], bool]) -> int | None:
    """The first of 1..steps that has reached it; the loss falls from step to step."""
    found = bisect.bisect_left(range(1, steps + 1), True, key=reached) + 1
    return found if found <= steps else None


def race_table(peer: Racer, ours: list[Racer], reached: list, worker: Worker) -> None:
    row = "  {:<24} {:>8} {:>14} {:>12} {:>12}".format
    print(row("", "steps", "loss", "seconds", "CPU s"))
    ends = []
    found = [len(peer.times), *reached]
    for racer, step in zip((peer, *ours), found, strict=True):
        step = step or len(racer.times)
        end = racer.times[step - 1]
        loss = judge(worker, racer.picture(step))
        texts = [f"{end[kind]:.1f}" for kind in KINDS]
        print(row(racer.name, step, f"{loss:,.0f}", *texts))
        ends.append(end)
    for us, step, end in zip(ours, reached, ends[1:], strict=True):
        if step is None:
            print(f"  {us.name} did not get down to that loss in twice as many steps.")
            continue
        faster, less = (ends[0][kind] / end[kind] for kind in KINDS)
        print(
            f"  To that loss {us.name} is {faster:.2f} x as fast ({less:.2f} x less "
            "CPU)."
        )


# --- the machine, the command line --------------------------------------------------


def processor() -> str:
    """Name the processor and what it can multiply with."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        facts = dict(line.split("\t", 1) for line in lines if "\t" in line)
        facts = {key: value.strip(" \t:") for key, value in facts.items()}
        flags = facts.get("flags", "").split()
        wanted = ("avx2", "avx512f", "avx512_bf16", "amx_bf16")
        has = [flag for flag in wanted if flag in flags]
        return f"{facts.get('model name', platform.machine())} ({', '.join(has)})"
    return platform.processor() or platform.machine()


def print_machine(workers: dict[str, Worker], threads: int) -> None:
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    now = f"{datetime.datetime.now():%Y-%m-%d %H:%M}"
    print(f"{now}, {processor()}, {os.cpu_count()} cores{load}")
    for name, worker in workers.items():
        versions = worker.about["versions"].items()
        texts = [f"{threads} threads", *(f"{n} {v}" for n, v in versions)]
        print(f"  {name}: {', '.join(texts)}")


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="small pictures, about a minute")
    add("--no-peers", action="store_true", help="time this workshop only")
    add("--threads", type=int, default=min(os.cpu_count() or 1, 16))
    add("--sizes", type=int, nargs="+", help="sides in pixels [256 512]")
    add("--rounds", type=int, nargs="+", help="for each size [7 3]")
    add("--race", type=int, nargs="+", help="widths and heights [384 256 768 512]")
    add("--steps", type=int, help="of pastiche in the race [100]")
    chosen = parser.parse_args(arguments)
    full = {
        "sizes": [256, 512],
        "rounds": [7, 3],
        "race": [384, 256, 768, 512],
        "steps": 100,
    }
    quick = {"sizes": [128, 256], "rounds": [5, 2], "race": [192, 128], "steps": 20}
    for name, value in (quick if chosen.quick else full).items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, value)
    if len(chosen.race) % 2:
        parser.error("--race takes pairs of width and height")
    if len(chosen.rounds) != len(chosen.sizes):
        chosen.rounds = chosen.rounds[:1] * len(chosen.sizes)
    return chosen


def main(arguments: list[str] | None = None) -> None:
    chosen = parse(arguments)
    names = ["workshop", *peers(not chosen.no_peers)]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        workers = {
            name: stack.enter_context(Worker(name, chosen.threads)) for name in names
        }
        print_machine(workers, chosen.threads)
        rate = measure_rate(workers)
        for side, rounds in zip(chosen.sizes, chosen.rounds, strict=True):
            step_table(workers, side, rounds, folder, rate)
        if not workers["workshop"].about["native_bfloat16"]:
            emulated_bfloat16(workers["workshop"], folder)
        if "pastiche" in workers:
            for name in (COARSE, GUESS):
                workers[name] = stack.enter_context(Worker("workshop", chosen.threads))
            pairs = zip(chosen.race[::2], chosen.race[1::2], strict=True)
            for width, height in pairs:
                race(workers, chosen.steps, width, height, folder)


if __name__ == "__main__":
    main()
