"""What a layer of VGG looks at: filters, strongest pictures, occlusion.

The last two as in Zeiler and Fergus, "Visualizing and understanding convolutional
networks" (ECCV 2014) [3]; `deconvnet` has their way back. Notebook 1.0 builds each
by hand.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from style_workshop import WorkshopError, vgg
from style_workshop.features import (
    ReceptiveField,
    check_channel,
    features_of,
    kernels,
    peak,
    receptive_field,
)


def first_filters(network: vgg.Network) -> np.ndarray:
    """Give the filters of ``conv1_1`` as ``[3, 3, 3, 64]``: h, w, RGB, filter."""
    return kernels(network)["conv1_1"].numpy()[:, :, ::-1]  # its input is BGR


class Excitation(NamedTuple):
    """Where a picture excites a channel most, and how much.

    Attributes:
        value: the activation there.
        picture: its place in the list of pictures.
        row, column: the position in the feature map.
        patch: what that position sees, ``[h, w, 3]``, 0-255.
    """

    value: float
    picture: int
    row: int
    column: int
    patch: np.ndarray


def strongest(
    network: vgg.Network, pictures: Sequence[np.ndarray], layer: str, *, channel: int
) -> list[Excitation]:
    """Find where each picture excites a channel most; the strongest comes first.

    As figure 2 of [3], there with 50,000 pictures.

    Args:
        network: VGG.
        pictures: each ``[h, w, 3]``, 0-255, of any size.
        layer: a convolution, ReLU or pooling.
        channel: counted from 0.
    """
    check_channel(network.name, layer, channel)
    features = features_of(network)
    # One picture after the other: all maps at once would be hundreds of megabytes.
    maps = (features(tf.constant(p), layer)[layer].numpy()[0] for p in pictures)
    return ranked(pictures, maps, receptive_field(network.name, layer), channel)


def ranked(
    pictures: Sequence[np.ndarray],
    maps: Iterable[np.ndarray],
    field: ReceptiveField,
    channel: int,
) -> list[Excitation]:
    """Do the same from maps ``[h', w', c]`` that are there already, one a picture."""
    found = []
    for number, (picture, of_it) in enumerate(zip(pictures, maps, strict=True)):
        row, column = peak(of_it[..., channel])
        value, patch = of_it[row, column, channel], field.crop(picture, row, column)
        found.append(Excitation(float(value), number, row, column, patch))
    return sorted(found, key=lambda excitation: -excitation.value)


# --- occlusion ----------------------------------------------------------------------


def channel_score(network: vgg.Network, layer: str, channel: int) -> Callable:
    """Give the function from pictures ``[b, h, w, 3]`` to a channel's maxima ``[b]``.

    Raises:
        WorkshopError: no such layer or channel.
    """
    check_channel(network.name, layer, channel)
    frozen = network.freeze()

    @tf.function
    def score(images: tf.Tensor) -> tf.Tensor:
        maps = frozen(vgg.preprocess(images), layer)[layer]
        return tf.reduce_max(maps[..., channel], axis=[1, 2])

    return score


def occlusion(
    score: Callable,
    picture: np.ndarray,
    *,
    patch: int = 32,
    stride: int = 16,
    fill: float = 127.5,
    batch: int = 8,
    progress: str | None = "patches",
) -> np.ndarray:
    """Measure how a score falls when a square of the picture is covered ([3], 4.2).

    Args:
        score: pictures ``[b, h, w, 3]``, 0-255, to numbers ``[b]``; `channel_score`,
            or the probability of a class.
        picture: ``[h, w, 3]``, 0-255.
        patch: side of the square, in pixels.
        stride: pixels from one square to the next.
        fill: what it is covered with, 0-255.
        batch: pictures in one call of ``score``.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        ``[rows, columns]`` float32: score of the whole picture minus score with the
        square that begins at ``row * stride`` and ``column * stride`` covered.

    Raises:
        WorkshopError: no square fits into the picture.
    """
    height, width = picture.shape[:2]
    if not (1 <= patch <= min(height, width) and stride >= 1):
        raise WorkshopError(
            f"A square of {patch} pixels every {stride} does not work for a picture "
            f"of {height}x{width}: use a square of 1 to {min(height, width)}."
        )
    rows = range(0, height - patch + 1, stride)
    columns = range(0, width - patch + 1, stride)
    corners = [(top, left) for top in rows for left in columns]
    scores = []
    with tqdm(total=len(corners), desc=progress, disable=progress is None) as bar:
        for first in range(0, len(corners), batch):
            some = corners[first : first + batch]
            scores += list(
                np.ravel(score(tf.stack(_cover(picture, some, patch, fill))))
            )
            bar.update(len(some))
    whole = np.ravel(score(tf.constant(picture[None], tf.float32)))[0]
    fall = whole - np.reshape(scores, (len(rows), len(columns)))
    return fall.astype(np.float32)


def _cover(picture, corners, patch, fill) -> list[np.ndarray]:
    covered = [np.array(picture, np.float32) for _ in corners]
    for copy, (top, left) in zip(covered, corners, strict=True):
        copy[top : top + patch, left : left + patch] = fill
    return covered
