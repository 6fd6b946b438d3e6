"""Work a large picture in tiles: the same loss and gradient, less memory.

Where the tiles of a dream meet one sees a seam, unless each reaches as far beyond
its own positions as these see. Here it does, and the two gradients are equal.
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from style_workshop import vgg
from style_workshop.explore import ReceptiveField, receptive_field
from style_workshop.optimize import Loss


def tiled_loss(
    network: vgg.Network,
    features: Callable,
    layers: Sequence[str],
    objective: Callable[[vgg.Endpoints], tf.Tensor],
    tile: int,
) -> Loss:
    """Make the same loss as `dream.whole_loss`, computed tile by tile.

    The memory is that of one tile, however large the picture. A tile reaches so far
    beyond its own positions as these see, and begins on the grid of the poolings:
    loss and gradient are those of the whole picture, and there is no seam.

    Args:
        network: VGG, for its receptive fields.
        features: from `explore.features_of`.
        layers: that ``objective`` takes.
        objective: takes feature maps ``[1, h, w, c]`` by layer to a number to be made
            large, a sum over positions.
        tile: largest side, in pixels, of the square that a tile accounts for; it is
            a multiple of the largest stride of ``layers``, if only once that.
    """
    fields = {layer: receptive_field(network.name, layer) for layer in layers}

    def value_and_gradient(part, outer, own):
        with tf.GradientTape() as tape:
            tape.watch(part)
            maps = _own_positions(features(part, layers), fields, outer, own)
            total = -objective(maps)
        return total, tape.gradient(total, part)

    @tf.custom_gradient
    def total_of(image):
        tiles = _tiles(image.shape[:2], fields, tile)

        def add(i, total, gradient):
            outer, own = tf.unstack(tf.constant(tiles)[i])
            part = image[outer[0] : outer[2], outer[1] : outer[3]]
            more, slope = value_and_gradient(part, outer, own)
            around = tf.stack([outer[:2], image.shape[:2] - outer[2:]], axis=1)
            slope = tf.pad(slope, tf.pad(around, [[0, 1], [0, 0]]))  # before, after
            return i + 1, total + more, gradient + slope

        _, total, gradient = tf.while_loop(
            lambda i, *_: i < len(tiles),
            add,
            (0, 0.0, tf.zeros_like(image)),
            parallel_iterations=1,  # one tile in memory at a time
        )
        return total, lambda upstream: upstream * gradient

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        total = total_of(image)
        return total, {"dream": total}

    return loss


def _tiles(size: Sequence[int], fields: Mapping[str, ReceptiveField], tile: int):
    """Cut a picture into squares; each is read with what its positions see around it.

    Returns:
        ``[n, 2, 4]``: for each tile (top, left, bottom, right) in pixels of what is
        read, within the picture, and of what it accounts for. The last of a row or
        column may account for more than there is.
    """
    stride = max(field.stride for field in fields.values())
    reach = max(
        max(-field.start, field.start + field.size - field.stride)
        for field in fields.values()
    )
    reach = -(-reach // stride) * stride
    spans = []
    for side in size:
        step = -(-side // -(-side // tile))  # of as many equal tiles as it takes
        step = -(-step // stride) * stride
        spans.append([(first, first + step) for first in range(0, side, step)])
    return [
        [
            (
                *(max(first - reach, 0) for first in (top, left)),
                *(
                    min(last + reach, side)
                    for last, side in zip((bottom, right), size, strict=True)
                ),
            ),
            (top, left, bottom, right),
        ]
        for top, bottom in spans[0]
        for left, right in spans[1]
    ]


def _own_positions(maps, fields, outer, own) -> vgg.Endpoints:
    """Cut the positions that a tile accounts for out of its feature maps."""
    cut = {}
    for layer, seen in fields.items():
        first = (own[:2] - outer[:2]) // seen.stride
        last = (own[2:] - outer[:2]) // seen.stride  # beyond the end: up to the end
        cut[layer] = maps[layer][:, first[0] : last[0], first[1] : last[1]]
    return cut
