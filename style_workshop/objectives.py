"""What a dream makes large: all that a layer sees, or likeness to a guide picture [2].

`dream` draws with them; notebook 1.0 writes the plain one by hand.
"""

from collections.abc import Callable, Mapping, Sequence

import tensorflow as tf

from style_workshop import vgg
from style_workshop.optimize import Loss
from style_workshop.tiles import Tiling, with_gradient

#: Takes feature maps ``[1, h, w, c]`` by layer to a number to be made large, a sum
#: over positions.
Objective = Callable[[vgg.Endpoints], tf.Tensor]


def energy(layers: Mapping[str, float]) -> Objective:
    """Make the objective of [2]: whatever a layer sees, let it see more of it.

    Half the sum of the squares of the feature maps: strong activations grow most.
    """

    def objective(maps: vgg.Endpoints) -> tf.Tensor:
        return tf.add_n(
            [
                layers[layer] * tf.reduce_sum(tf.square(maps[layer])) / 2
                for layer in maps
            ]
        )

    return objective


def likeness(layers: Mapping[str, float], guide: vgg.Endpoints) -> Objective:
    """Make the objective of [2] with a guide picture.

    Every position is drawn towards that position of the guide whose features ``[c]``
    have the largest dot product with its own.

    Args:
        layers: the weight of each.
        guide: feature maps ``[1, h', w', c]`` of the guide, by layer.
    """
    flat = {
        layer: tf.reshape(guide[layer], [-1, guide[layer].shape[-1]]) for layer in guide
    }

    def objective(maps: vgg.Endpoints) -> tf.Tensor:
        total = 0.0
        for layer, weight in layers.items():
            own = tf.reshape(maps[layer], [-1, flat[layer].shape[-1]])
            products = tf.matmul(own, flat[layer], transpose_b=True)  # [h w, h' w']
            total += weight * tf.reduce_sum(tf.reduce_max(products, axis=1))
        return total

    return objective


def whole_loss(features: Callable, layers: Sequence[str], objective: Objective) -> Loss:
    """Make the loss that falls as the objective rises, of the picture as a whole.

    Args:
        features: from `features.features_of`.
        layers: that ``objective`` takes.
        objective: `energy` or `likeness`, or one of your own.

    Returns:
        A function from ``[h, w, 3]`` to the total and its term ``dream``.
    """

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        total = -objective(features(image, layers))
        return total, {"dream": total}

    return loss


def tiled_loss(
    network: vgg.Network,
    features: Callable,
    layers: Sequence[str],
    *,
    objective: Objective,
    tile: int,
) -> Loss:
    """Make the same loss as `whole_loss`, computed tile by tile.

    The memory is that of one tile, however large the picture. A tile reaches so far
    beyond its own positions as these see, and begins on the grid of the poolings:
    loss and gradient are those of the whole picture, and there is no seam.

    Args:
        network: VGG, for its receptive fields.
        features: from `features.features_of`.
        layers: that ``objective`` takes.
        objective: as of `whole_loss`.
        tile: largest side, in pixels, of the square that a tile accounts for; it is
            a multiple of the largest stride of ``layers``, if only once that.
    """
    tiling = Tiling(network.name, layers, tile)

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        total, gradient = tiling.value_and_gradient(
            tf.stop_gradient(image),
            lambda part, place: -objective(place.own(features(part, layers))),
        )
        total = with_gradient(total, image, gradient)
        return total, {"dream": total}

    return loss


def jittered(loss: Loss, jitter: int, *, seed: int = 0) -> Loss:
    """Roll the picture by up to ``jitter`` pixels, at random, before each ``loss``.

    Its gradient is rolled back by that of the roll. Without it the strides of the
    network leave their grid in the picture.
    """
    random = tf.random.Generator.from_seed(seed)

    def rolled(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        shift = random.uniform([2], -jitter, jitter + 1, tf.int32)
        return loss(tf.roll(image, shift, axis=[0, 1]))

    return rolled
