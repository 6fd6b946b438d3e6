"""Weights scaled as the paper of the Gatys method [4] has them."""

import numpy as np

from style_workshop import vgg
from style_workshop.weights.formats import Arrays


def normalize(values: Arrays, name: str, images: np.ndarray, pooling: str) -> Arrays:
    """Scale each filter of the convolutions to a mean activation of 1, as in [4].

    Section 2 of the paper: the mean is over pictures and positions. Because a ReLU
    passes a positive factor on, and pooling does too, dividing a filter by its mean
    and multiplying the next layer's inputs by it leaves what the network sees as it
    was. A filter that stays (nearly) silent on ``images`` is divided by a hundredth
    of its layer's mean.

    Args:
        values: from `load`; not changed.
        name: ``vgg16`` or ``vgg19``.
        images: ``[b, h, w, 3]``, RGB 0-255, to take the mean over.
        pooling: ``"max"`` or ``"average"``, as the network will be used.

    Returns:
        The scaled kernels and biases.
    """
    relus = [layer for layer in vgg.layer_names(name) if layer.startswith("relu")]
    mean = _mean_activations(vgg.Network(name, values), images, relus, pooling)
    scaled, below = {}, np.ones(3, np.float32)
    for relu in relus:
        layer = relu.replace("relu", "conv")
        means = np.maximum(mean[relu], mean[relu].mean() / 100)
        kernel = values[f"{layer}/kernel"] * below[:, None]  # [h, w, in, out]
        scaled[f"{layer}/kernel"] = kernel / means
        scaled[f"{layer}/bias"] = values[f"{layer}/bias"] / means
        below = means
    return scaled


def _mean_activations(network, images, layers, pooling) -> Arrays:
    """Mean of each filter, ``[out]`` a layer; all maps of one picture at a time."""
    means = []
    for image in images:
        maps = network(vgg.preprocess(image[None]), layers, pooling)
        means.append({layer: np.mean(maps[layer], axis=(0, 1, 2)) for layer in layers})
    return {layer: np.mean([one[layer] for one in means], axis=0) for layer in layers}
