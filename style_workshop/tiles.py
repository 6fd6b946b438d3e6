"""Work a large picture in tiles: the same loss and gradient, less memory.

Where the tiles of a dream meet one sees a seam, unless each reaches as far beyond
its own positions as these see. Here it does, and the two gradients are equal.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf

from style_workshop import vgg
from style_workshop.features import ReceptiveField, receptive_field


class Place(NamedTuple):
    """Where a tile lies; each ``[4]``: top, left, bottom, right, in pixels.

    Attributes:
        outer: what is read, within the picture.
        inner: what the tile accounts for; it may reach beyond the picture.
        fields: the receptive field of each layer.
    """

    outer: tf.Tensor
    inner: tf.Tensor
    fields: Mapping[str, ReceptiveField]

    def own(self, maps: vgg.Endpoints) -> vgg.Endpoints:
        """Cut the positions that a tile accounts for out of its feature maps."""
        return {layer: self._cut(layer, maps[layer], self.outer[:2]) for layer in maps}

    def own_of_whole(self, layer: str, maps: tf.Tensor) -> tf.Tensor:
        """Cut the same positions out of a map ``[b, h, w, ...]`` of all the picture."""
        return self._cut(layer, maps, tf.zeros([2], tf.int32))

    def _cut(self, layer: str, maps: tf.Tensor, corner: tf.Tensor) -> tf.Tensor:
        stride = self.fields[layer].stride
        first = (self.inner[:2] - corner) // stride
        last = (self.inner[2:] - corner) // stride  # beyond the end: up to the end
        return maps[:, first[0] : last[0], first[1] : last[1]]


class Tiling:
    """Sums over the tiles of a picture, one tile in memory at a time."""

    def __init__(self, name: str, layers: Sequence[str], tile: int):
        """Take tiles of up to ``tile`` pixels a side, for ``layers`` of a network.

        Args:
            name: ``vgg16`` or ``vgg19``.
            layers: those whose positions are shared out.
            tile: largest side, in pixels, of the square that a tile accounts for; it is
                a multiple of the largest stride of ``layers``, if only once that.
        """
        self.fields = {layer: receptive_field(name, layer) for layer in layers}
        self.tile = tile
        #: Pixels that a tile reads on each side beyond those that it accounts for.
        self.margin = _margin(self.fields)

    def places(self, size: Sequence[int]) -> list[Place]:
        """List the tiles of a picture of height and width ``size``, row by row."""
        tiles = _tiles(size, self.fields, self.tile)
        pairs = [tf.unstack(tf.constant(tile)) for tile in tiles]
        return [Place(outer, inner, self.fields) for outer, inner in pairs]

    def add_up(self, image: tf.Tensor, of_tile: Callable, zeros: Sequence) -> list:
        """Add up what ``of_tile`` gives for each tile.

        Args:
            image: ``[h, w, 3]``.
            of_tile: takes what a tile reads, ``[h', w', 3]``, and its `Place` to a
                list of tensors.
            zeros: tensors of the same shapes, to begin with.
        """
        tiles = _tiles(image.shape[:2], self.fields, self.tile)

        def add(i, *sums):
            outer, inner = tf.unstack(tf.constant(tiles)[i])
            part = image[outer[0] : outer[2], outer[1] : outer[3]]
            more = of_tile(part, Place(outer, inner, self.fields))
            return i + 1, *(a + b for a, b in zip(sums, more, strict=True))

        _, *sums = tf.while_loop(
            lambda i, *_: i < len(tiles), add, (0, *zeros), parallel_iterations=1
        )
        return sums

    def value_and_gradient(self, image: tf.Tensor, value_of: Callable) -> list:
        """Add up ``value_of(part, place)`` and its gradient with respect to the image.

        Returns:
            The value, a scalar, and the gradient ``[h, w, 3]``.
        """

        def of_tile(part, place):
            with tf.GradientTape() as tape:
                tape.watch(part)
                value = value_of(part, place)
            outer, slope = place.outer, tape.gradient(value, part)
            around = tf.stack([outer[:2], image.shape[:2] - outer[2:]], axis=1)
            # [[before, after]] of rows, columns and colors
            return value, tf.pad(slope, tf.pad(around, [[0, 1], [0, 0]]))

        return self.add_up(image, of_tile, [0.0, tf.zeros_like(image)])


def _tiles(size: Sequence[int], fields: Mapping[str, ReceptiveField], tile: int):
    """Cut a picture into squares; each is read with what its positions see around it.

    Returns:
        ``[n, 2, 4]``: for each tile (top, left, bottom, right) in pixels of what is
        read, within the picture, and of what it accounts for. The last of a row or
        column may account for more than there is.
    """
    stride, margin = max(field.stride for field in fields.values()), _margin(fields)
    spans = []
    for side in size:
        step = -(-side // -(-side // tile))  # of as many equal tiles as it takes
        step = -(-step // stride) * stride
        spans.append([(first, first + step) for first in range(0, side, step)])
    return [
        [
            (
                *(max(first - margin, 0) for first in (top, left)),
                *(
                    min(last + margin, side)
                    for last, side in zip((bottom, right), size, strict=True)
                ),
            ),
            (top, left, bottom, right),
        ]
        for top, bottom in spans[0]
        for left, right in spans[1]
    ]


def _margin(fields: Mapping[str, ReceptiveField]) -> int:
    """Pixels that positions see beyond their own, up to the grid of the poolings."""
    stride = max(field.stride for field in fields.values())
    margin = max(
        max(-field.start, field.start + field.size - field.stride)
        for field in fields.values()
    )
    return -(-margin // stride) * stride


def with_gradient(value: tf.Tensor, image: tf.Tensor, gradient: tf.Tensor) -> tf.Tensor:
    """Give ``value`` the gradient for ``image`` that was worked out beforehand.

    Added is a sum that is 0 and has that gradient. ``tf.custom_gradient`` would do
    the same, and keep each compiled function that it is in, for ever.
    """
    nothing = image - tf.stop_gradient(image)
    return tf.stop_gradient(value) + tf.reduce_sum(tf.stop_gradient(gradient) * nothing)
