"""Time `BatchGenerator` against other ways to read batches of pictures, side by side.

``make bench-batches``, or ``python benchmarks/bench_batches.py --quick``. README.md in
this folder says how it is measured and shows a run. Nothing is stored.
"""

import argparse
import contextlib
import importlib.util
import os
import signal
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from bench_gatys import BUSY, busy_seconds, others_share, print_machine, spread
from PIL import Image, ImageOps
from tqdm import tqdm
from workers import ROOT, Worker

WORKERS = Path(__file__).with_name("batch_workers.py")
SHARED = ROOT.parent / "shared" / "data" / "photos"
BUNDLED = ROOT / "data" / "images" / "content"
OURS = [
    "workshop",
    "workshop, crop",
    "workshop, random_crop",
    "workshop, antialias=False",
    "workshop, cached",
]
#: The packages each of the others needs.
PEERS = {
    "tf.data": "tensorflow",
    "image_dataset_from_directory": "keras",
    "ImageDataGenerator": "scipy",
    "DataLoader, 2 processes": "torch",
}
#: Batches before each measurement, to use up what was read ahead.
WARM = 4

Times = dict[str, list[dict]]


class PausedWorker(Worker):
    """A worker that stands still unless it is asked, with all its processes.

    Otherwise it would read ahead in the time of the others, and then be the faster.
    """

    def __init__(self, name: str, threads: int):
        self.processes = []
        super().__init__(name, threads, WORKERS)

    def ask(self, do: str, **arguments) -> dict:
        self._signal("SIGCONT")
        answer = super().ask(do, **arguments)
        self.processes = answer.get("processes", [])
        self._signal("SIGSTOP")
        return answer

    def _signal(self, name: str) -> None:
        if hasattr(signal, name):  # not on Windows
            for process in self.processes:
                os.kill(process, getattr(signal, name))

    def __exit__(self, *error):
        self._signal("SIGCONT")  # so that they notice their end
        super().__exit__(*error)


def make_pictures(source: Path, folder: str, count: int) -> float:
    """Write JPEGs of 640x480, four pictures of ``source`` in each; say how many KB.

    Small pictures side by side have as much detail for each pixel as photographs
    have; enlarged ones would have less, and be decoded faster.
    """
    files = sorted(p for p in source.iterdir() if p.suffix.lower() in (".jpg", ".jpeg"))
    random = np.random.default_rng(0)
    (Path(folder) / "all").mkdir()
    for number in range(count):
        whole = Image.new("RGB", (640, 480))
        for corner in [(0, 0), (320, 0), (0, 240), (320, 240)]:
            with Image.open(files[random.integers(len(files))]) as picture:
                part = ImageOps.fit(
                    picture.convert("RGB"),
                    (320, 240),
                    centering=tuple(random.random(2)),
                )
            whole.paste(part, corner)
        whole.save(f"{folder}/all/{number:04}.jpg", quality=90)
    sizes = [path.stat().st_size for path in Path(folder).rglob("*.jpg")]
    return sum(sizes) / len(sizes) / 1e3


def contenders(wanted: bool) -> list[str]:
    """Name whom a round asks, in order; say who is skipped."""
    found = ["floor", *OURS]
    for name, package in PEERS.items():
        if not wanted:
            print(f"Skipped: {name} (--no-peers).")
        elif importlib.util.find_spec(package) is None:
            print(
                f"Skipped: {name} ({package} is not installed; "
                '.venv/bin/pip install -e ".[bench]" brings it).'
            )
        else:
            found.append(name)
    return found


def time_rounds(workers: dict[str, Worker], rounds: int, count: int) -> Times:
    """Ask each in turn for ``count`` batches, again and again: A B C A B C ..."""
    times = {name: [] for name in workers}
    for _ in tqdm(range(rounds), desc="rounds", leave=False):
        for name, worker in workers.items():
            times[name].append(worker.ask("time", warm=WARM, count=count))
    return times


def ratios(times: Times, slower: str, faster: str, key: str = "seconds") -> list[float]:
    """How many times longer one took than another, round by round."""
    pairs = zip(times[slower], times[faster], strict=True)
    return [one[key] / other[key] for one, other in pairs]


def print_table(times: Times) -> None:
    row = "  {:<30} {:>20} {:>18} {:>20} {:>18}".format
    rounds = f"{len(times['floor'])} rounds, median (least-most)"
    print(row(rounds, "ms a batch", "x the floor", "CPU ms", "x the floor"))
    for name, steps in times.items():
        texts = []
        for key in ("seconds", "used"):
            texts.append(spread([1e3 * step[key] for step in steps]))
            texts.append(spread(ratios(times, name, "floor", key)))
        print(row(name, *texts))


def best_peer(times: Times) -> str | None:
    peers = [name for name in times if name in PEERS]
    return min(
        peers, key=lambda n: median(s["seconds"] for s in times[n]), default=None
    )


def verdicts(times: Times, others: float) -> None:
    """Say which targets are met, by the clock, unless the machine was too busy.

    Processor time suffers less from others, but leaves out whoever waits.
    """
    if others > BUSY:
        print(f"  No verdict: other programs took {others:.0%} of the processor.")
    best = best_peer(times)
    targets = [
        ("first pass, of the floor", "workshop", "floor", "<=", 1.15),
        ("crop, of resize", "workshop, crop", "workshop", "<=", 1.2),
    ]
    if best:
        targets += [
            (f"first pass, of {best}", "workshop", best, "<=", 1.0),
            (f"{best}, of a cached pass", best, "workshop, cached", ">=", 10.0),
        ]
    if (old := "ImageDataGenerator") in times:
        targets.append((f"{old}, of the first pass", old, "workshop", ">=", 2.0))
    for text, slower, faster, sign, target in targets:
        measured = median(ratios(times, slower, faster))
        met = measured <= target if sign == "<=" else measured >= target
        word = "unknown" if others > BUSY else "met" if met else "missed"
        used = median(ratios(times, slower, faster, "used"))
        print(
            f"  Target {text} {sign} {target:g}: {word}, {measured:.2f} "
            f"({used:.2f} in CPU time)."
        )


def print_memory(folder: str, threads: int, passes: int, batches: int) -> None:
    """Show in a fresh process how the peak memory grows with the passes."""
    with PausedWorker("workshop", threads) as worker:
        worker.ask("open", folder=folder)
        early = worker.ask("memory", count=2 * batches)["megabytes"]
        late = worker.ask("memory", count=(passes - 2) * batches)["megabytes"]
    print(
        f"  Peak memory: {early:.0f} MB after 2 passes, "
        f"{late:.0f} MB after {passes} passes."
    )


def parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    default = SHARED if SHARED.exists() else BUNDLED
    add("--photos", type=Path, default=default, help="a folder of JPEGs")
    add("--quick", action="store_true", help="fewer pictures and rounds")
    add("--no-peers", action="store_true", help="time this workshop only")
    add("--threads", type=int, default=min(os.cpu_count() or 1, 16))
    add("--pictures", type=int, help="how many are made [256]")
    add("--rounds", type=int, help="[7]")
    add("--batches", type=int, help="timed in a round [10]")
    add("--passes", type=int, default=20, help="to watch the memory [20]")
    chosen = parser.parse_args(arguments)
    full = {"pictures": 256, "rounds": 7, "batches": 10}
    quick = {"pictures": 64, "rounds": 3, "batches": 5}
    for name, value in (quick if chosen.quick else full).items():
        if getattr(chosen, name) is None:
            setattr(chosen, name, value)
    return chosen


def main(arguments: list[str] | None = None) -> None:
    chosen = parse(arguments)
    names = contenders(not chosen.no_peers)
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        size = make_pictures(chosen.photos, folder, chosen.pictures)
        workers = {}
        for name in names:
            worker = PausedWorker(name, chosen.threads)
            workers[name] = stack.enter_context(worker)
            worker.ask("open", folder=folder)
        print_machine(workers, chosen.threads)
        print(
            f"\n{chosen.pictures} JPEGs of 640x480, {size:.0f} KB each, "
            "in batches of 32 to 256x256:"
        )
        before = busy_seconds()
        times = time_rounds(workers, chosen.rounds, chosen.batches)
        others = others_share(before, busy_seconds(), times)
        print_table(times)
        print(f"  Best of the others: {best_peer(times) or 'none was asked'}.")
        verdicts(times, others)
        batches = -(-chosen.pictures // 32)
        print_memory(folder, chosen.threads, chosen.passes, batches)


if __name__ == "__main__":
    main()
