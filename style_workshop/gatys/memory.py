"""How much memory the Gatys method will take, said before it starts.

The numbers were measured (``make bench-memory``); the formula is plain enough to be
checked by hand: what a tile takes, plus what every pixel of the picture takes.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from style_workshop import WorkshopError, vgg
from style_workshop.gatys.settings import Settings, Styles, style_size, styles_of
from style_workshop.memory import free_memory, own_memory
from style_workshop.tiles import Tiling

#: Pixels from which on L-BFGS keeps few corrections: ten would take 480 bytes a pixel.
LARGE = 4_000_000
#: TensorFlow, VGG19 and its turned kernels, beside what a new Python has; bytes.
PROGRAM = 1.0e9
#: What the convolutions need beside the feature maps, whatever the size; bytes.
CONVOLUTIONS = 0.35e9
#: Memory at the peak of a gradient over that of the feature maps that it needs.
GRADIENT = 1.55
#: The same without a gradient, for the style image.
FORWARD = 0.8
#: Pictures, gradients and their sums in float32, and the content's features; bytes a
#: pixel.
PICTURES = 210
#: Memory of a style image as it is given, over that of its pixels: itself, and what
#: it takes to change its colors.
STYLE = {"none": 1, "luminance": 6, "linear": 7}
#: Numbers in float64 that SciPy's L-BFGS keeps of each that it changes, and those of
#: each correction.
LBFGS, CORRECTION = 17, 2


def corrections(size: Sequence[int]) -> int:
    """How many corrections L-BFGS keeps for a picture of height and width ``size``.

    10, as the authors of [4] have; 3 above four million pixels, where they would take
    more memory than all the rest.
    """
    return 10 if size[0] * size[1] <= LARGE else 3


def estimate(size: Sequence[int], style: Styles, settings: Settings) -> float:
    """Estimate the memory of `gatys.stylize` at its peak, in bytes.

    Args:
        size: height and width of the content image.
        style: as of `gatys.stylize`; it counts in the size that it has, and in the
            one that it gets.
        settings: of the run.
    """
    pixels = size[0] * size[1]
    styles = [style_size(one, settings, size) for one in styles_of(style)]
    given = _held(style) + (STYLE[settings.color] - 1) * max(
        one.image.nbytes for one in styles_of(style)
    )
    at_once_of = _at_once_of(settings)
    at_once = max(
        at_once_of(size), *(FORWARD / GRADIENT * at_once_of(s) for s in styles)
    )
    each = PICTURES
    if settings.optimizer == "lbfgs":
        each += 3 * 8 * (LBFGS + CORRECTION * corrections(size))
    maps = _bytes_of_maps(settings)
    return given + PROGRAM + CONVOLUTIONS + GRADIENT * maps * at_once + each * pixels


def _held(style: Styles) -> int:
    """Bytes of the style images as they are given."""
    return sum(one.image.nbytes for one in styles_of(style))


def _at_once_of(settings: Settings):
    """Give the function from a size to the pixels that are worked at once."""
    layers = [*settings.content_layers, *settings.style_layers]
    margin = Tiling("vgg19", layers, settings.tile or 1).margin

    def at_once(size: Sequence[int]) -> float:
        if not settings.tile or max(size) <= settings.tile:
            return float(np.prod(size))
        return float(np.prod([min(side, settings.tile + 2 * margin) for side in size]))

    return at_once


def _bytes_of_maps(settings: Settings) -> float:
    """Bytes a pixel of the feature maps after a ReLU, up to the deepest layer."""
    names = vgg.layer_names("vgg19")
    layers = [*settings.content_layers, *settings.style_layers]
    deepest = max(names.index(layer) for layer in layers)
    total = 0.0
    for layer in names[: deepest + 1]:
        if layer.startswith("conv"):
            block = int(layer[4])
            total += vgg.CHANNELS[block - 1] / 4 ** (block - 1)
    return total * (2 if settings.dtype == "bfloat16" else 4)


def require_memory(
    size: Sequence[int], style: Styles, settings: Settings, *, free: float | None = None
) -> float:
    """Refuse a run that cannot fit into memory, and say what would.

    Args:
        size: height and width of the content image.
        style: as of `gatys.stylize`.
        settings: of the run.
        free: bytes that the process may have in all; None asks the machine.

    Returns:
        The estimate, in bytes.

    Raises:
        WorkshopError: it does not fit; says which tiles or which size do.
    """
    if free is None:  # TensorFlow may be here already, in a notebook say
        free = free_memory() + min(own_memory(), PROGRAM + _held(style))
    needed = estimate(size, style, settings)
    if needed > free:
        raise WorkshopError(
            f"Painting {size[1]}x{size[0]} pixels takes about {needed / 1e9:.1f} GB of "
            f"memory, and {free / 1e9:.1f} GB are free: "
            f"{_advice(size, style, settings, free)}."
        )
    return needed


def _advice(size, style, settings: Settings, free: float) -> str:
    for tile, optimizer, words in (
        (512, settings.optimizer, "work in tiles of 512 pixels"),
        (256, settings.optimizer, "work in tiles of 256 pixels"),
        (256, "adam", "work in tiles of 256 pixels with Adam"),
    ):
        if optimizer == settings.optimizer and settings.tile and settings.tile <= tile:
            continue  # that is what it does
        changed = replace(settings, tile=tile, optimizer=optimizer)
        if (needed := estimate(size, style, changed)) <= free:
            return f"{words} (about {needed / 1e9:.1f} GB)"
    for longest in range(max(size) // 64 * 64, 63, -64):
        smaller = [max(1, round(side * longest / max(size))) for side in size]
        if estimate(smaller, style, settings) <= free:
            return f"close other programs, or paint at most {longest} pixels"
    return "close other programs"
