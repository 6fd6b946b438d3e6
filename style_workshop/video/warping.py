"""Carry a picture along a flow, and know where that can be trusted.

Sections 3.2 and 3.3 of Ruder, Dosovitskiy and Brox (GCPR 2016) [5]. The flows that are
asked for here go *backward*, from the newer frame to the older one: they say of each
pixel of the new picture where to fetch it.
"""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf


def warp(image: tf.Tensor, flow: tf.Tensor) -> tf.Tensor:
    """Fetch each pixel from where the flow points, bilinear between four of them.

    Differentiable in both. What lies outside of the picture is its nearest edge.

    Args:
        image: ``[h, w, c]``, the older one.
        flow: ``[h, w, 2]`` in pixels, to the right and down, from the new picture to
            the older one.

    Returns:
        ``[h, w, c]`` float32: ``image`` as the new picture would show it.
    """
    image = tf.convert_to_tensor(image, tf.float32)
    flow = tf.convert_to_tensor(flow, tf.float32)
    height, width, channels = image.shape
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x = tf.clip_by_value(columns + flow[..., 0], 0, width - 1)
    y = tf.clip_by_value(rows + flow[..., 1], 0, height - 1)
    left, top = tf.floor(x), tf.floor(y)
    right, bottom = tf.minimum(left + 1, width - 1), tf.minimum(top + 1, height - 1)
    flat = tf.reshape(image, [height * width, channels])

    def at(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:  # [h, w, c]
        return tf.gather(flat, tf.cast(row * width + column, tf.int32))

    across, down = (x - left)[..., None], (y - top)[..., None]  # [h, w, 1]
    above = (1 - across) * at(top, left) + across * at(top, right)
    below = (1 - across) * at(bottom, left) + across * at(bottom, right)
    return (1 - down) * above + down * below


def inside(flow):
    """Say of each pixel ``[..., h, w]`` whether the flow ends within the picture.

    Of an array ``[..., h, w, 2]`` it gives an array, of a tensor a tensor.
    """
    height, width = flow.shape[-3:-1]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    return (x >= 0) & (x <= width - 1) & (y >= 0) & (y <= height - 1)


def consistent(backward: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """Say where there and back leads to where one came from (equation 5 of [5]).

    Where it does not, the older frame does not show what the new one does: something
    lay in front of it.

    Args:
        backward: ``[h, w, 2]`` from the new frame to the older one.
        forward: ``[h, w, 2]`` from the older frame to the new one.

    Returns:
        ``[h, w]`` bool, on the grid of the new frame.
    """
    there = warp(forward, backward).numpy()
    error = np.square(there + backward).sum(-1)
    lengths = np.square(there).sum(-1) + np.square(backward).sum(-1)
    return error <= 0.01 * lengths + 0.5


def motion_boundaries(flow: np.ndarray) -> np.ndarray:
    """Say where a flow ``[h, w, 2]`` changes fast: ``[h, w]`` bool (equation 6 of [5]).

    Flow is least exact there. In a part that turns by more than 0.03 a frame (radian)
    the middle, which hardly moves, is taken for a boundary too.
    """
    slopes = np.stack(np.gradient(flow, axis=(0, 1)))  # [2, h, w, 2]
    steep = np.square(slopes).sum((0, -1))
    return steep > 0.01 * np.square(flow).sum(-1) + 0.002


def weights(backward: np.ndarray, forward: np.ndarray) -> np.ndarray:
    """How far the older picture is to be trusted at each pixel of the new one.

    Args:
        backward: ``[h, w, 2]`` from the new frame to the older one.
        forward: ``[h, w, 2]`` from the older frame to the new one.

    Returns:
        ``[h, w]`` float32: 0 at what was hidden, at boundaries of motion and at what
        comes from outside of the picture, 1 elsewhere (section 3.2 of [5]).
    """
    seen = consistent(backward, forward) & inside(backward)
    return (seen & ~motion_boundaries(backward)).astype(np.float32)


def long_term_weights(weights: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Let each older frame answer only for what no nearer one shows (section 3.3).

    Args:
        weights: ``[h, w]`` of each, the nearest first.

    Returns:
        The weights ``max(c_j - sum of those nearer, 0)`` of each.
    """
    nearer = np.cumsum([np.zeros_like(weights[0]), *weights[:-1]], axis=0)
    return [np.maximum(c - n, 0) for c, n in zip(weights, nearer, strict=True)]


def flicker(
    pictures: Sequence[np.ndarray],
    flows: Sequence[np.ndarray],
    seen: Sequence[np.ndarray],
) -> np.ndarray:
    """Measure how far each picture is from the one before, carried along the flow.

    Args:
        pictures: ``n`` of ``[h, w, 3]``, 0-255.
        flows: ``n - 1`` of ``[h, w, 2]``, each from a frame back to the one before.
        seen: ``n - 1`` of ``[h, w]``, above 0 where the frame before shows the same.

    Returns:
        ``[n - 1]``, the root mean square of the difference over what is seen, in gray
        levels. The same of the clip itself is what bilinear sampling, light and an
        inexact flow cost: divide by that to compare clips.
    """
    found = []
    pairs = zip(pictures, pictures[1:], flows, seen, strict=False)
    for before, picture, flow, where in pairs:
        error = np.square(picture - warp(before, flow).numpy())[where > 0]
        found.append(np.sqrt(error.mean()) if error.size else np.nan)
    return np.array(found)
