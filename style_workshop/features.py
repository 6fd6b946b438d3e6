"""From pictures to feature maps, and what a position of one looks at.

What every method asks of VGG: `features_of` a picture, the `receptive_field` of a
layer, its `kernels`. Notebook 1.0 works out a receptive field by hand.
"""

from collections.abc import Callable, Collection
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from style_workshop import WorkshopError, scopes, vgg


def features_of(
    network: vgg.Network, pooling: str = "max", dtype: str = "float32"
) -> Callable[[tf.Tensor, str | Collection[str]], vgg.Endpoints]:
    """Give the function from a picture ``[h, w, 3]``, 0-255, to its feature maps.

    It freezes the network as it is now (`vgg.Network.freeze`).
    """
    frozen = network.freeze()

    def features(image: tf.Tensor, layers: str | Collection[str]) -> vgg.Endpoints:
        return frozen(vgg.preprocess(image[None], dtype), layers, pooling)

    return features


def kernels(network: vgg.Network) -> dict[str, tf.Tensor]:
    """Give the filters ``[3, 3, in, out]`` of each convolution, by its name."""
    found = {}
    for name, variable in scopes.by_name(network.variables).items():
        layer, kind = name.split("/")
        if kind == "kernel" and layer.startswith("conv"):
            found[layer] = tf.identity(variable)
    return found


# --- what one position sees ---------------------------------------------------------


class ReceptiveField(NamedTuple):
    """The pixels that a position of a layer depends on: a square for each position.

    Row ``i`` sees the rows ``start + i * stride`` to ``start + i * stride + size - 1``
    of the picture, and columns likewise; what lies outside of it is zero padding.

    Attributes:
        size: side of the square, in pixels.
        stride: pixels from one position to the next.
        start: where the first square begins; negative, because of the padding.
    """

    size: int
    stride: int
    start: int

    def box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Give ``(top, left, bottom, right)`` of a position's square, in pixels.

        ``bottom`` and ``right`` are the first that are not seen. The square may reach
        beyond the picture.
        """
        top, left = self.start + row * self.stride, self.start + column * self.stride
        return top, left, top + self.size, left + self.size

    def crop(self, image: np.ndarray, row: int, column: int) -> np.ndarray:
        """Cut what a position sees out of ``[h, w, 3]``: at most ``size`` a side."""
        top, left, bottom, right = self.box(row, column)
        return image[max(top, 0) : bottom, max(left, 0) : right]


def receptive_field(name: str, layer: str) -> ReceptiveField:
    """Work out the receptive field of a layer of ``vgg16`` or ``vgg19``.

    A convolution of 3x3 adds one position on each side; a pooling of 2x2 adds one on
    the far side, and doubles the stride. A position is ``stride`` pixels away from
    the next.

    Raises:
        WorkshopError: no such network or layer, or a dense one, which sees it all.
    """
    names = vgg.layer_names(name)
    if layer not in names:
        raise WorkshopError(
            f"{name} has no layer {layer!r} with positions: use {', '.join(names)}."
        )
    size, stride, start = 1, 1, 0
    for below in names[: names.index(layer) + 1]:
        if below.startswith("conv"):
            size, start = size + 2 * stride, start - stride
        elif below.startswith("pool"):
            size, stride = size + stride, 2 * stride
    return ReceptiveField(size, stride, start)


def check_channel(name: str, layer: str, channel: int) -> None:
    """Refuse a channel that a layer of ``vgg16`` or ``vgg19`` does not have.

    Raises:
        WorkshopError: says which it has; also for an unknown or dense layer.
    """
    receptive_field(name, layer)
    channels = vgg.CHANNELS[int(layer[4]) - 1]
    if not 0 <= channel < channels:
        raise WorkshopError(
            f"{layer} has no channel {channel}: use 0 to {channels - 1}."
        )


def peak(values: np.ndarray) -> tuple[int, int]:
    """Give the row and the column of the largest of ``[h, w]``."""
    row, column = np.unravel_index(np.argmax(values), values.shape)
    return int(row), int(column)
