"""Paint one photograph in every style of the networks that ship, for the README.

``make gallery``, or ``python notebooks/figures/gallery.py [PHOTOGRAPH]``, makes
``gallery.jpg`` beside it; half a minute on two cores.
"""

import sys
from pathlib import Path

import numpy as np

from style_workshop import IMAGES, NETWORKS, fast, feedforward, images, show

SIZE = 384


def main(photograph: str | Path = IMAGES / "content" / "cat.jpg") -> None:
    photo = images.read(photograph, SIZE)
    pictures, titles = [photo], ["the photograph"]
    # Those for clips paint a photograph much as the ones that they come from.
    files = [p for p in sorted(NETWORKS.glob("*.npz")) if "_steady" not in p.stem]
    networks = {path.stem: feedforward.load(path) for path in files}
    for name, network in sorted(
        networks.items(), key=lambda item: item[1].architecture.styles
    ):
        styles = network.card["styles"]
        for style, mixture in zip(styles, np.eye(len(styles)), strict=True):
            pictures.append(fast.paint(network, photo, mixture))
            titles.append(style if len(styles) == 1 else f"{name}: {style}")
    figure = show.gallery(pictures, titles, columns=4, width=13)
    path = Path(__file__).with_name("gallery.jpg")
    figure.savefig(path, dpi=90, pil_kwargs={"quality": 85})
    print(path)


if __name__ == "__main__":
    main(*sys.argv[1:])
