"""Paint one photograph at three sizes with the same settings: one look?

``python notebooks/figures/same_look.py`` makes ``2.1_same_look.jpg`` beside it, for
notebook 2.1. Each size is painted on its own, from the photograph; about ten minutes
on two cores.
"""

from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt

from style_workshop import IMAGES, gatys, images

WIDTHS = (256, 512, 1024)
SETTINGS = replace(gatys.WORKSHOP, steps=40)


def main() -> None:
    style = images.read(IMAGES / "style" / "swirling_night.jpg")
    figure, axes = plt.subplots(1, 3, figsize=(12, 3), layout="tight")
    for axis, width in zip(axes, WIDTHS, strict=True):
        content = images.read(IMAGES / "content" / "temple.jpg", width)
        result = gatys.stylize(content, style, SETTINGS, progress=f"{width} pixels")
        axis.imshow(images.to_uint8(result.image))
        content_term, style_term = (
            f"{name} {result.history[name][-1]:,.0f}" for name in ("content", "style")
        )
        axis.set_title(f"{width} pixels: {content_term}, {style_term}")
        axis.axis("off")
    path = Path(__file__).with_name("2.1_same_look.jpg")
    figure.savefig(path, dpi=110, pil_kwargs={"quality": 88})
    print(path)


if __name__ == "__main__":
    main()
