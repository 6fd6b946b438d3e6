"""Find a picture by what a network keeps of another: its content, or its style.

Content: Mahendran and Vedaldi, "Understanding deep image representations by inverting
them" (CVPR 2015), and figure 1 of Gatys et al. [4], which is the same without a
regularizer. Style: the texture synthesis of Gatys et al. (NIPS 2015). Notebooks 1.1
and 1.2 derive both losses.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import tensorflow as tf

from style_workshop import checks, vgg
from style_workshop.features import features_of
from style_workshop.losses import (
    alpha_norm,
    content_loss,
    gram_matrix,
    mean_and_deviation,
    statistics_loss,
    style_loss,
    total_variation,
)
from style_workshop.optimize import Loss, Result, optimize, start_image

#: The five layers of figure 1 of [4] (CVPR 2016) for content, from fine to coarse.
CONTENT_LAYERS = ("conv1_2", "conv2_2", "conv3_2", "conv4_2", "conv5_2")
#: The five for style; the figure takes the first, the first two, and so on.
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

#: Of `losses.alpha_norm` and `losses.total_variation`: chosen by eye, at 128 pixels.
#: Without them pixels leave 0-255, where the network does not mind, and clipping them
#: then costs 15 decibels at conv1_2. From conv1_2 a tenth of `TV_WEIGHT` is enough.
ALPHA_WEIGHT, TV_WEIGHT = 0.01, 1e-5

#: What is kept of a feature map ``[1, h, w, c]``, and the loss that compares it.
STATISTICS = {
    "gram": (gram_matrix, style_loss),
    "moments": (mean_and_deviation, statistics_loss),
    "mean": (lambda maps: mean_and_deviation(maps)[:, :1], statistics_loss),
}


def relative(loss: Callable, found: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Divide a loss by its value for nothing at all: 1 means that all is missing.

    Layers and statistics of any size become comparable; of `losses.content_loss` it
    is ``|f - t|^2 / |t|^2``, the normalized loss of Mahendran and Vedaldi.
    """
    return loss(found, target) / loss(tf.zeros_like(target), target)


# --- losses -------------------------------------------------------------------------


def inversion_loss(
    features: Callable,
    picture: np.ndarray,
    layer: str,
    *,
    alpha_weight: float = 0.0,
    tv_weight: float = 0.0,
) -> Loss:
    """Make the loss of a picture that shall have the features of another.

    Args:
        features: from `features.features_of`.
        picture: ``[h, w, 3]``, 0-255.
        layer: whose features are compared.
        alpha_weight: of `losses.alpha_norm`, which keeps pixels in 0-255.
        tv_weight: of `losses.total_variation`, which keeps neighbors alike.

    Returns:
        A function from ``[h, w, 3]`` to the total and its terms ``content`` and, if
        they have a weight, ``alpha`` and ``variation``.
    """
    target = features(tf.constant(picture, tf.float32), layer)[layer]

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        found = features(image, layer)[layer]
        terms = {"content": relative(content_loss, found, target)}
        if alpha_weight:
            terms["alpha"] = alpha_weight * alpha_norm(image[None])
        if tv_weight:
            terms["variation"] = tv_weight * total_variation(image[None])
        return tf.add_n(list(terms.values())), terms

    return loss


def texture_loss(
    features: Callable,
    style: np.ndarray,
    layers: Sequence[str] = STYLE_LAYERS,
    *,
    statistics: str = "gram",
) -> Loss:
    """Make the loss of a picture that shall have the style of another.

    Args:
        features: from `features.features_of`.
        style: ``[h, w, 3]``, 0-255.
        layers: whose statistics are compared, each as much as the others.
        statistics: one of `STATISTICS`.

    Returns:
        A function from ``[h', w', 3]``, of any size, to the total and its terms, one
        a layer.
    """
    statistic, _ = STATISTICS[statistics]
    maps = features(tf.constant(style, tf.float32), layers)
    targets = {layer: statistic(maps[layer]) for layer in layers}
    return loss_to(features, targets, statistics=statistics)


def loss_to(
    features: Callable, targets: Mapping[str, tf.Tensor], *, statistics: str = "gram"
) -> Loss:
    """Make the same loss of statistics that are there already, one of each layer.

    They may be of no picture at all: a blend of two styles, say.
    """
    statistic, compare = STATISTICS[statistics]

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        found = features(image, targets)
        terms = {
            layer: relative(compare, statistic(found[layer]), target) / len(targets)
            for layer, target in targets.items()
        }
        return tf.add_n(list(terms.values())), terms

    return loss


# --- reconstructions ----------------------------------------------------------------


def reconstruct_content(
    network: vgg.Network,
    picture: np.ndarray,
    layer: str = "conv4_2",
    *,
    steps: int = 100,
    alpha_weight: float = 0.0,
    tv_weight: float = 0.0,
    pooling: str = "max",
    init: str = "noise",
    start: np.ndarray | None = None,
    seed: int = 0,
    callback: Callable | None = None,
    callback_steps: Sequence[int] | None = None,
    progress: str | None = "steps",
) -> Result:
    """Find a picture from what a layer keeps of it, by L-BFGS.

    Without weights as in figure 1 of [4]; with them the inversion of Mahendran and
    Vedaldi, where `ALPHA_WEIGHT` and `TV_WEIGHT` are good ones.

    Args:
        network: VGG.
        picture: ``[h, w, 3]``, 0-255.
        layer: before the ReLU (``conv4_2``), or after it (``relu4_2``).
        steps: of L-BFGS.
        alpha_weight: see `inversion_loss`.
        tv_weight: see `inversion_loss`.
        pooling: ``"max"`` or ``"average"``.
        init: what the picture begins as, ``"noise"``, or ``"content"`` itself.
        start: a picture of one's own to start from, in place of ``init``.
        seed: of the noise.
        callback: see `optimize.optimize`.
        callback_steps: see `optimize.optimize`.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The picture, as large as ``picture``, and its history.

    Raises:
        WorkshopError: a layer, weight or picture that makes no sense.
    """
    checks.whole_number("steps", steps, least=1)
    checks.seed(seed)
    checks.picture("the picture", picture)
    vgg.check_request(network.name, [layer], *picture.shape[:2])
    checks.weight("alpha_weight", alpha_weight)
    checks.weight("tv_weight", tv_weight)
    first = start_image(init, picture, picture, start=start, seed=seed)
    features = features_of(network, pooling)
    loss = inversion_loss(
        features, picture, layer, alpha_weight=alpha_weight, tv_weight=tv_weight
    )
    return optimize(
        loss,
        first,
        steps,
        callback=callback,
        callback_steps=callback_steps,
        progress=progress,
    )


def reconstruct_style(
    network: vgg.Network,
    style: np.ndarray,
    layers: Sequence[str] = STYLE_LAYERS,
    *,
    size: tuple[int, int] | None = None,
    steps: int = 100,
    statistics: str = "gram",
    pooling: str = "max",
    init: str = "noise",
    start: np.ndarray | None = None,
    seed: int = 0,
    deviation: float = 40.0,
    falloff: float = 0.0,
    callback: Callable | None = None,
    callback_steps: Sequence[int] | None = None,
    progress: str | None = "steps",
) -> Result:
    """Find a picture in the style of another, of any size: texture synthesis.

    Args:
        network: VGG.
        style: ``[h, w, 3]``, 0-255.
        layers: more of them, and deeper ones, keep larger patterns.
        size: height and width of the result; None takes that of ``style``.
        steps: of L-BFGS.
        statistics: one of `STATISTICS`.
        pooling: ``"max"`` or ``"average"``, which the paper prefers for textures.
        init: what the picture begins as, ``"noise"`` or ``"style"``.
        start: a picture of one's own, whose places the style takes.
        seed: of the noise.
        deviation: of the noise, in gray levels. What is fine in the start is the last
            to go, so few steps leave less of it where there was little: with averages,
            a falloff of 0.25 and 8 gray levels 30 steps leave no speckles.
        falloff: see `optimize.optimize`.
        callback: see `optimize.optimize`.
        callback_steps: see `optimize.optimize`.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The picture, and the history of each layer.

    Raises:
        WorkshopError: layers, statistics or pictures that make no sense.
    """
    checks.whole_number("steps", steps, least=1)
    checks.seed(seed)
    checks.picture("the style", style)
    checks.layers("layers", layers)
    checks.choice("statistics", statistics, STATISTICS)
    size = tuple(size or style.shape[:2])
    for height, width in (style.shape[:2], size):
        vgg.check_request(network.name, layers, height, width)
    blank = np.zeros((*size, 3), np.float32)
    first = start_image(init, blank, style, start=start, seed=seed, deviation=deviation)
    features = features_of(network, pooling)
    loss = texture_loss(features, style, layers, statistics=statistics)
    return optimize(
        loss,
        first,
        steps,
        callback=callback,
        callback_steps=callback_steps,
        progress=progress,
        falloff=falloff,
    )


# --- what is lost, measured ---------------------------------------------------------


def psnr(image: np.ndarray, target: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two pictures in 0-255, in decibels.

    Infinite for equal pictures; from about 30 on the eye sees little difference.
    """
    error = np.mean(np.square(np.float64(image) - np.float64(target)))
    return float("inf") if error == 0 else float(10 * np.log10(255**2 / error))


def feature_errors(
    network: vgg.Network,
    image: np.ndarray,
    target: np.ndarray,
    layers: Sequence[str] = CONTENT_LAYERS,
) -> dict[str, float]:
    """Measure how far apart two pictures of one size are in each layer.

    Returns:
        The layer, and ``|f - t| / |t|``: 0 for the same features, 1 for none.
    """
    features = features_of(network)
    found, wanted = (
        features(tf.constant(picture, tf.float32), layers)
        for picture in (image, target)
    )
    return {
        layer: float(relative(content_loss, found[layer], wanted[layer])) ** 0.5
        for layer in layers
    }


def shuffle_positions(features: np.ndarray, seed: int = 0) -> np.ndarray:
    """Put the positions of ``[b, h, w, c]`` in another order, all channels together.

    A Gram matrix does not notice; neither do means and deviations.
    """
    features = np.asarray(features)
    batch, height, width, channels = features.shape
    order = np.random.default_rng(seed).permutation(height * width)
    flat = features.reshape(batch, height * width, channels)
    return flat[:, order].reshape(features.shape)
