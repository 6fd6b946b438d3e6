"""Time a feed-forward network: this workshop, ONNX Runtime and PyTorch, side by side.

``make bench-fast``, or ``python benchmarks/bench_fast.py --quick``. README.md in this
folder says how it is measured and shows a run. Nothing is stored.
"""

import argparse
import contextlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
from bench_gatys import (
    BUSY,
    busy_seconds,
    measure_rate,
    others_share,
    print_machine,
    spread,
)
from tqdm import tqdm
from workers import ROOT, Worker

sys.path.insert(0, str(ROOT))
from style_workshop import feedforward

SCRIPT = Path(__file__).with_name("fast_workers.py")
#: The package that each of the others needs.
PEERS = {"ONNX Runtime": "onnxruntime", "PyTorch": "torch"}
#: Height and width of a frame of the clip, and how many follow one another.
FRAME, FRAMES = (360, 640), 24


def peers(wanted: bool) -> list[str]:
    """Name those that are installed; say what is skipped."""
    found = [n for n, p in PEERS.items() if wanted and importlib.util.find_spec(p)]
    for name in PEERS:
        if name not in found:
            print(f"Skipped: {name} ({'not installed' if wanted else '--no-peers'}).")
    return found


def arithmetic(
    architecture: feedforward.Architecture, height: int, width: int
) -> float:
    """GFLOP of the convolutions of one picture, as they are written."""
    f, total = architecture.filters, 0
    positions = height * width
    total += 81 * 3 * f * positions  # down_1
    total += 9 * f * 2 * f * positions / 4 + 9 * 2 * f * 4 * f * positions / 16
    total += architecture.blocks * 2 * 9 * (4 * f) ** 2 * positions / 16
    total += 9 * 4 * f * 2 * f * positions / 4 + 9 * 2 * f * f * positions
    total += 81 * f * 3 * positions  # out
    return 2 * total / 1e9


def rounds_of(workers: dict[str, Worker], names: list[str], rounds: int) -> dict:
    """Ask each in turn for one step, again and again."""
    times = {name: [] for name in names}
    for _ in tqdm(range(rounds), desc="rounds", leave=False):
        for name in names:
            times[name].append(workers[name].ask("step"))
    return times


def table(workers, variants, what: dict, rounds: int, unit: str, per: int = 1) -> dict:
    """Prepare, time and print; ``per`` pictures or steps are one request."""
    before, times = busy_seconds(), {}
    row = "  {:<24} {:>24} {:>20} {:>10}".format
    print(row(f"{rounds} rounds", unit, "times ours", "peak GB"))
    for name, more in variants:
        workers[name].ask("prepare", **what, **more)
    names = [name for name, _ in variants]
    times = rounds_of(workers, names, rounds)
    ours = [step["seconds"] for step in times["workshop"]]
    for name, more in variants:
        seconds = [step["seconds"] for step in times[name]]
        shares = [a / b for a, b in zip(seconds, ours, strict=True)]
        peak = workers[name].ask("memory")["peak"] / 1e9
        label = ", ".join([name, *more.values()]) if more else name
        values = [1000 * s / per for s in seconds]
        print(row(label, spread(values), spread(shares), f"{peak:.2f}"))
    others = others_share(before, busy_seconds(), {n: times[n] for n in times})
    if others > BUSY:
        print(f"  Other programs took {others:.0%} of the processor: read with care.")
    return times


def same_pictures(workers, names: list[str], folder: str) -> None:
    """Print by how many gray levels the sides differ."""
    painted = {}
    for name in names:
        path = f"{folder}/{len(painted)}.npy"
        workers[name].ask("result", path=path)
        painted[name] = np.load(path)
    for name in names[1:]:
        difference = np.abs(painted[name] - painted[names[0]]).max()
        print(f"  {name} paints the same to {difference:.1e} gray levels.")


def write_network(folder: str, names: list[str]) -> str:
    """A network with the shape of those that ship, and the same one for ONNX."""
    path = f"{folder}/network.npz"
    network = feedforward.TransformNetwork()
    feedforward.save(network, path)
    if "ONNX Runtime" in names:
        from style_workshop import export

        export.export(feedforward.load(path), f"{folder}/network.onnx")
    return path


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--quick", action="store_true", help="small pictures, under a minute")
    add("--no-peers", action="store_true", help="time this workshop only")
    add("--threads", type=int, default=min(os.cpu_count() or 1, 16))
    add("--sizes", type=int, nargs="+", help="sides in pixels [256 512 1024]")
    add("--rounds", type=int, default=7)
    add("--train-size", type=int, help="side of the training windows [256]")
    chosen = parser.parse_args(arguments)
    chosen.sizes = chosen.sizes or ([64, 128] if chosen.quick else [256, 512, 1024])
    chosen.train_size = chosen.train_size or (64 if chosen.quick else 256)
    return chosen


def main(arguments: list[str] | None = None) -> None:
    chosen = parse(arguments)
    names = ["workshop", *peers(not chosen.no_peers)]
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        network = write_network(folder, names)
        workers = {
            name: stack.enter_context(Worker(name, chosen.threads, SCRIPT))
            for name in names
        }
        print_machine(workers, chosen.threads)
        rate = measure_rate({n: w for n, w in workers.items() if n != "ONNX Runtime"})
        rate *= chosen.threads  # GFLOP a second of all threads
        variants = [(name, {}) for name in names]
        for side in chosen.sizes:
            print(f"One picture of {side}x{side} pixels")
            what = {"network": network, "batch": 1, "height": side, "width": side}
            times = table(workers, variants, what, chosen.rounds, "milliseconds")
            work = arithmetic(feedforward.WORKSHOP, side, side)
            best = min(step["seconds"] for step in times["workshop"])
            print(
                f"  Its arithmetic is {work:.1f} GFLOP, {1000 * work / rate:.0f} ms at "
                f"the rate of the matrix product: ours is {best * rate / work:.2f} "
                "times that."
            )
            same_pictures(workers, names, folder)
        bfloat16(workers, network, chosen)
        clip(workers, variants, network, chosen)
        training(workers, names, network, chosen)


def bfloat16(workers, network: str, chosen) -> None:
    if not workers["workshop"].about["native_bfloat16"]:
        print("Skipped: bfloat16, for which this processor has no instructions.\n")
        return
    side = chosen.sizes[0]
    print(f"One picture of {side}x{side} pixels in bfloat16")
    what = {"network": network, "batch": 1, "height": side, "width": side}
    variant = [("workshop", {"dtype": "bfloat16"})]
    table(workers, variant, what, chosen.rounds, "milliseconds")


def clip(workers, variants, network: str, chosen) -> None:
    """Frames one after the other, as a camera or a film gives them."""
    height, width = (90, 160) if chosen.quick else FRAME
    print(f"A clip of {width}x{height} pixels, frame by frame")
    what = {"network": network, "batch": 1, "height": height, "width": width}
    times = table(workers, variants, what, FRAMES, "milliseconds a frame")
    for name, _ in variants:
        seconds = sum(step["seconds"] for step in times[name])
        print(f"  {name}: {FRAMES / seconds:.1f} frames a second")


def training(workers, names, network: str, chosen) -> None:
    sides = [(n, {}) for n in names if n != "ONNX Runtime"]
    side = chosen.train_size
    print(f"A training step of 4 windows of {side}x{side} pixels, VGG16 to relu4_3")
    what = {"network": network, "batch": 4, "height": side, "width": side}
    table(workers, sides, {**what, "train": True}, 3, "milliseconds")


if __name__ == "__main__":
    main()
