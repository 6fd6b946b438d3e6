"""Image style transfer using convolutional neural networks (Gatys et al., 2016) [4].

A picture is changed until its feature maps in VGG19 resemble those of the content
image in a deep layer, and its Gram matrices those of the style image in several.
Notebook 2.0 takes it apart.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np
import tensorflow as tf

from style_workshop import IMAGES, WorkshopError, vgg, weights
from style_workshop.images import read, resize
from style_workshop.losses import (
    content_loss,
    gram_matrix,
    style_loss,
    total_variation,
)
from style_workshop.optimize import (
    STARTS,
    Loss,
    Result,
    check_optimizer,
    optimize,
    start_image,
)


@dataclass(frozen=True)
class Settings:
    """All numbers of a style transfer. `dataclasses.replace` changes some of them.

    Attributes:
        content_layers: the weight of each layer's `losses.content_loss`.
        style_layers: the weight of each layer's `losses.style_loss`.
        content_weight: alpha, times the sum over ``content_layers``.
        style_weight: beta, times the sum over ``style_layers``.
        tv_weight: of the `losses.total_variation` of the picture.
        style_scale: longest side of the style image over that of the content image;
            2 gives strokes of twice the size.
        pooling: ``"max"`` or ``"average"``.
        normalized: scale filters to a mean activation of 1 (`weights.normalize`).
        start: ``"content"``, ``"noise"`` or ``"style"``.
        optimizer: ``"lbfgs"`` or ``"adam"``.
        learning_rate: of Adam, in gray levels.
        steps: of the optimizer.
        seed: of the noise.
        dtype: of VGG, ``"float32"`` or ``"bfloat16"``; losses stay float32.
    """

    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]
    content_weight: float = 1.0
    style_weight: float = 1.0
    tv_weight: float = 0.0
    style_scale: float = 1.0
    pooling: str = "max"
    normalized: bool = False
    start: str = "content"
    optimizer: str = "lbfgs"
    learning_rate: float = 5.0
    steps: int = 300
    seed: int = 0
    dtype: str = "float32"


_BLOCKS = dict(zip((1, 2, 3, 4, 5), vgg.CHANNELS, strict=True))

#: Section 2 of [4]: filters normalized, average pooling, before the ReLU, white
#: noise, w_l = 1/5. Its alpha / beta = 1e-3 cannot be taken over: what it divides the
#: losses by decides. As the paper writes them (a sum over conv4_2, 2000 in our means
#: at 512 pixels) the photograph comes back with speckles. As in the authors' later
#: code for this network (leongatys/NeuralImageSynthesis: means, 5e-4 for ours, and
#: from the content image) nothing but style comes out of noise. Of the weights between
#: 2.5 and 40 that were looked at (192 pixels, 250 steps), 10 shows both.
PAPER = Settings(
    content_layers={"conv4_2": 1.0},
    style_layers={f"conv{block}_1": 1 / 5 for block in _BLOCKS},
    content_weight=10.0,
    pooling="average",
    normalized=True,
    start="noise",
    steps=1000,
)

#: The authors' notebook (leongatys/PytorchNeuralStyleTransfer): after the ReLU, max
#: pooling, from the content image. Its losses are mean squared errors, 2 and 4 times
#: ours; its weights are 1 for content and 1e3 / c^2 for a style layer of c channels.
NOTEBOOK = Settings(
    content_layers={"relu4_2": 2.0},
    style_layers={f"relu{b}_1": 4 * 1e3 / c**2 for b, c in _BLOCKS.items()},
    steps=500,
)

#: For a laptop and few steps: the notebook's with average pooling, whose gradient
#: reaches every pixel, and a style weight that leaves the content a say. In 50 steps
#: it gives clean colors where max pooling still has speckles (notebook 2.0).
WORKSHOP = replace(NOTEBOOK, style_weight=0.1, pooling="average", steps=200)

SETTINGS = {"workshop": WORKSHOP, "notebook": NOTEBOOK, "paper": PAPER}


def check(settings: Settings, content: np.ndarray, style: np.ndarray) -> None:
    """Refuse settings and pictures that make no sense, before any work starts.

    Raises:
        WorkshopError: says which, and what to use.
    """
    _check_settings(settings)
    for name, picture in (("content", content), ("style", style)):
        if np.ndim(picture) != 3 or np.shape(picture)[-1] != 3:
            raise WorkshopError(
                f"The {name} image must be [h, w, 3]; this is {np.shape(picture)}."
            )
    layers = [*settings.content_layers, *settings.style_layers]
    vgg.check_request("vgg19", layers, *content.shape[:2])
    vgg.check_request("vgg19", settings.style_layers, *style.shape[:2])


def _check_settings(settings: Settings) -> None:
    check_optimizer(settings.optimizer, settings.steps, settings.learning_rate)
    named = {
        "content_weight": settings.content_weight,
        "style_weight": settings.style_weight,
        "tv_weight": settings.tv_weight,
        **settings.content_layers,
        **settings.style_layers,
    }
    for name, weight in named.items():
        if not 0 <= weight < np.inf:
            raise WorkshopError(f"{name} has weight {weight}: use 0 or more.")
    if not 0 < settings.style_scale < np.inf:
        raise WorkshopError(
            f"A style scale of {settings.style_scale} does not work: 1 leaves the "
            "style image as large as the content image."
        )
    if settings.dtype not in ("float32", "bfloat16"):
        raise WorkshopError(f"No dtype {settings.dtype!r}: use float32 or bfloat16.")
    if settings.pooling not in ("max", "average"):
        raise WorkshopError(f"No pooling {settings.pooling!r}: use max or average.")
    if settings.start not in STARTS:
        raise WorkshopError(
            f"Cannot start from {settings.start!r}: use {', '.join(STARTS)}."
        )
    if not isinstance(settings.seed, int | np.integer) or settings.seed < 0:
        raise WorkshopError(f"A seed of {settings.seed} does not work: use 0 or more.")


def load_network(settings: Settings) -> vgg.Network:
    """Load VGG19 as the settings want it; normalized on the bundled photographs."""
    if not settings.normalized:
        return weights.pretrained("vgg19")
    photographs = sorted((IMAGES / "content").glob("*.jpg"))
    images = np.stack([read(path, size=(224, 224)) for path in photographs])
    values = weights.load("vgg19")
    return vgg.Network(
        "vgg19", weights.normalize(values, "vgg19", images, settings.pooling)
    )


def features_of(network: vgg.Network, settings: Settings) -> Callable:
    """Give the function from a picture ``[h, w, 3]`` to its feature maps.

    It freezes the network as it is now (`vgg.Network.freeze`).
    """
    frozen = network.freeze()

    def features(image: tf.Tensor, layers: Collection[str]) -> vgg.Endpoints:
        images = vgg.preprocess(image[None], settings.dtype)
        return frozen(images, layers, pooling=settings.pooling)

    return features


def transfer_loss(
    features: Callable, content: np.ndarray, style: np.ndarray, settings: Settings
) -> Loss:
    """Make the loss of equation 7 of [4] for a pair of pictures.

    Args:
        features: from `features_of`.
        content: ``[h, w, 3]``, 0-255.
        style: ``[h', w', 3]``, 0-255, of any size.
        settings: layers and weights.

    Returns:
        A function from ``[h, w, 3]`` to the total and its weighted terms
        ``content``, ``style`` and, if it has a weight, ``variation``.
    """
    layers = list(dict.fromkeys([*settings.content_layers, *settings.style_layers]))
    targets = features(tf.constant(content), list(settings.content_layers))
    maps = features(tf.constant(style), list(settings.style_layers))
    grams = {layer: gram_matrix(maps[layer]) for layer in settings.style_layers}

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        found = features(image, layers)
        terms = {
            "content": settings.content_weight
            * sum(
                weight * content_loss(found[layer], targets[layer])
                for layer, weight in settings.content_layers.items()
            ),
            "style": settings.style_weight
            * sum(
                weight * style_loss(gram_matrix(found[layer]), grams[layer])
                for layer, weight in settings.style_layers.items()
            ),
        }
        if settings.tv_weight:
            terms["variation"] = settings.tv_weight * total_variation(image[None])
        return tf.add_n(list(terms.values())), terms

    return loss


def stylize(
    content: np.ndarray,
    style: np.ndarray,
    settings: Settings = WORKSHOP,
    network: vgg.Network | None = None,
    start: np.ndarray | None = None,
    callback: Callable[[int, np.ndarray, dict[str, float]], None] | None = None,
    callback_steps: Collection[int] | None = None,
    progress: str | None = "steps",
) -> Result:
    """Paint the content image in the style of the style image.

    Args:
        content: ``[h, w, 3]``, 0-255.
        style: ``[h', w', 3]``, 0-255; resized so that its longest side is
            ``settings.style_scale`` times that of the content image.
        settings: `WORKSHOP`, `NOTEBOOK`, `PAPER`, or one of them with changes.
        network: from `load_network`; None loads it.
        start: a picture of one's own to start from, in place of ``settings.start``.
        callback: see `optimize.optimize`.
        callback_steps: see `optimize.optimize`.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The stylized image ``[h, w, 3]`` and the history of ``total``, ``content`` and
        ``style``. Interrupted, it returns what it has. On a CPU the same seed and the
        same number of threads give nearly the same picture: sums in another order
        differ in the last bit, and hundreds of steps magnify that.

    Raises:
        WorkshopError: settings or pictures that make no sense, missing weights, or a
            loss that is not finite.
    """
    _check_settings(settings)
    style = resize(style, round(settings.style_scale * max(content.shape[:2])))
    check(settings, content, style)
    first = start_image(
        settings.start if start is None else start, content, style, settings.seed
    )
    features = features_of(network or load_network(settings), settings)
    return optimize(
        transfer_loss(features, content, style, settings),
        first,
        settings.steps,
        settings.optimizer,
        settings.learning_rate,
        callback,
        callback_steps,
        progress,
    )
