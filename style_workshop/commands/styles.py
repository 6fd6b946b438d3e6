"""The styles of ``stylize``: read, each with its weight and its place."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from style_workshop import WorkshopError, images
from style_workshop.commands.shared import mixture


def read_styles(options, content: np.ndarray) -> list[np.ndarray]:
    """Read the style images ``[h, w, 3]``, in the size that the strokes want.

    Raises:
        WorkshopError: one is a network, or cannot be read.
    """
    refuse_networks(options.style)
    longest = max(1, round(options.style_scale * max(content.shape[:2])))
    return [images.read(path, longest) for path in options.style]


def refuse_networks(paths: Sequence[str]) -> None:
    """Refuse networks where pictures belong.

    Raises:
        WorkshopError: one of the files is a network.
    """
    networks = [path for path in paths if Path(path).suffix == ".npz"]
    if networks:
        raise WorkshopError(f"{networks[0]} is a network: add --method fast.")


def of_each(options) -> tuple[list[float], list]:
    """Give weight and mask of each style; as many as there are styles."""
    count, names = len(options.style), [Path(path).stem for path in options.style]
    weights, masks = mixture(options.blend, names), options.masks
    for option, values in (("--blend", weights), ("--masks", masks)):
        if values is not None and len(values) != count:
            raise WorkshopError(
                f"{option} has {len(values)} values for {count} styles: give one for "
                "each, in their order."
            )
    # A mask shares the picture out already.
    weights = weights or [1 / count if masks is None else 1] * count
    if masks is None:
        return weights, [None] * count
    return weights, [images.read(path).mean(-1) / 255 for path in masks]


def row(content: np.ndarray, styles: list[np.ndarray], paths: Sequence[str]):
    """Put the pictures that a result is shown beside into one, of the same height."""
    height, pictures = content.shape[0], [content]
    for path, style in zip(paths, styles, strict=True):
        width = max(1, round(style.shape[1] * height / style.shape[0]))
        pictures.append(images.read(path, (height, width)))
    return images.side_by_side(pictures)
