"""The way back from an activation to the pixels: deconvnet and what is related to it.

Zeiler and Fergus, "Visualizing and understanding convolutional networks" (ECCV 2014)
[3], with the gradient (Simonyan et al., arXiv:1312.6034) and guided backpropagation
(Springenberg et al., arXiv:1412.6806) beside it. Notebook 1.0 builds each by hand.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from style_workshop import WorkshopError, vgg
from style_workshop.features import check_channel, kernels, peak, receptive_field

RULES = ("gradient", "deconvnet", "guided")


class Passed(NamedTuple):
    """A layer that a picture has passed on its way up.

    Attributes:
        kind: ``"conv"``, ``"relu"`` or ``"pool"``, a max pooling of 2x2.
        below: what came into it, ``[b, h, w, c]``.
        kernel: of a convolution, ``[3, 3, in, out]``.
        stride: of a pooling.
    """

    kind: str
    below: tf.Tensor
    kernel: tf.Tensor | None = None
    stride: int = 2


def climb(
    network: vgg.Network, images: tf.Tensor, layer: str
) -> tuple[tf.Tensor, list[Passed]]:
    """Send ``[b, h, w, 3]`` from `vgg.preprocess` up to ``layer``; note the way.

    Returns:
        The feature map ``[b, h', w', c]``, and the layers passed, the lowest first.
    """
    receptive_field(network.name, layer)  # refuses dense layers
    names = vgg.layer_names(network.name)
    names = names[: names.index(layer) + 1]
    maps, filters = network(images, names), kernels(network)
    below = [images, *(maps[name] for name in names[:-1])]
    passed = [
        Passed(name[:4], under, filters.get(name))
        for name, under in zip(names, below, strict=True)
    ]
    return maps[layer], passed


def descend(
    signal: tf.Tensor, passed: Sequence[Passed], rule: str = "gradient"
) -> tf.Tensor:
    """Bring a signal at the top of ``passed`` back to the bottom.

    All rules turn a convolution around by its transposed filters, and a max pooling
    by its switches. They differ at the ReLU only. Of a signal ``R`` that comes down to
    a ReLU into which the picture sent ``f`` on its way up, they let through

    - ``"gradient"``: ``R`` where ``f > 0``;
    - ``"deconvnet"``: ``R`` where ``R > 0``, whatever ``f`` was;
    - ``"guided"``: ``R`` where both ``R > 0`` and ``f > 0``;

    and 0 everywhere else.

    Args:
        signal: ``[b, h', w', c]``.
        passed: from `climb`.
        rule: one of `RULES`.

    Returns:
        ``[b, h, w, c]``, like what came into the first layer.

    Raises:
        WorkshopError: no such rule.
    """
    if rule not in RULES:
        raise WorkshopError(f"There is no rule {rule!r}: use {', '.join(RULES)}.")
    for kind, below, kernel, stride in reversed(passed):
        if kind == "conv":
            signal = tf.nn.conv2d_transpose(signal, kernel, tf.shape(below), 1, "SAME")
        elif kind == "pool":
            _, switches = pool_with_switches(below, stride)
            signal = unpool(signal, switches, below.shape)
        else:
            if rule in ("deconvnet", "guided"):
                signal = tf.nn.relu(signal)
            if rule in ("gradient", "guided"):
                signal = tf.where(below > 0, signal, 0)
    return signal


def pool_with_switches(x: tf.Tensor, stride: int = 2) -> tuple[tf.Tensor, tf.Tensor]:
    """Take the maxima of squares of 2x2, and note where they were.

    Returns:
        The maxima ``[b, h', w', c]``, and as many switches: the place of each maximum
        in the flattened ``x``.
    """
    return tf.nn.max_pool_with_argmax(
        x, 2, stride, "VALID", include_batch_in_index=True
    )


def unpool(signal: tf.Tensor, switches: tf.Tensor, shape: Sequence[int]) -> tf.Tensor:
    """Put each value where its switch says, zero elsewhere; equal places add up.

    Args:
        signal: ``[b, h', w', c]``.
        switches: of the same shape, from `pool_with_switches`.
        shape: ``(b, h, w, c)`` of the result.
    """
    places, values = tf.reshape(switches, [-1, 1]), tf.reshape(signal, [-1])
    return tf.reshape(tf.scatter_nd(places, values, [np.prod(shape)]), shape)


def project(
    network: vgg.Network,
    picture: np.ndarray,
    layer: str,
    *,
    channel: int,
    position: tuple[int, int] | None = None,
    rule: str = "deconvnet",
) -> np.ndarray:
    """Show which pixels of a picture brought about one activation ([3], section 2.1).

    Args:
        network: VGG.
        picture: ``[h, w, 3]``, 0-255.
        layer: a convolution, ReLU or pooling.
        channel: counted from 0.
        position: row and column in the feature map; None takes the strongest.
        rule: one of `RULES`.

    Returns:
        ``[h, w, 3]`` float32, RGB, signed, zero outside of the receptive field;
        `show.signed` makes a picture of it.

    Raises:
        WorkshopError: no such layer, channel, position or rule.
    """
    check_channel(network.name, layer, channel)
    maps, passed = climb(network, vgg.preprocess(picture[None]), layer)
    row, column = position or peak(maps[0, ..., channel].numpy())
    if not (0 <= row < maps.shape[1] and 0 <= column < maps.shape[2]):
        raise WorkshopError(
            f"{layer} has no position {row}, {column} in this picture: use rows below "
            f"{maps.shape[1]} and columns below {maps.shape[2]}."
        )
    kept = tf.scatter_nd(
        [[0, row, column, channel]], maps[0, row, column, channel][None], maps.shape
    )
    return descend(kept, passed, rule).numpy()[0, ..., ::-1]  # BGR to RGB
