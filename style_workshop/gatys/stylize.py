"""Image style transfer using convolutional neural networks (Gatys et al., 2016) [4].

A picture is changed until its feature maps in VGG19 resemble those of the content
image in a deep layer, and its Gram matrices those of the style image in several.
Notebook 2.0 takes it apart. Several styles, each with its place and its layers, follow
Gatys et al., "Controlling perceptual factors in neural style transfer" (CVPR 2017).
"""

from collections.abc import Callable, Collection
from dataclasses import replace

import numpy as np
import tensorflow as tf

from style_workshop import WorkshopError, checks, color, features, vgg, weights
from style_workshop.gatys.loss import TiledLoss, transfer_loss
from style_workshop.gatys.memory import corrections, require_memory
from style_workshop.gatys.settings import (
    WORKSHOP,
    Settings,
    Styles,
    check,
    scale_sizes,
    style_size,
    styles_of,
)
from style_workshop.images import photographs, resize
from style_workshop.optimize import Result, optimize, start_image


def load_network(settings: Settings) -> vgg.Network:
    """Load VGG19 as the settings want it; normalized on the bundled photographs."""
    if not settings.normalized:
        return weights.pretrained("vgg19")
    images = np.stack(photographs(size=(224, 224)))
    values = weights.load("vgg19")
    return vgg.Network(
        "vgg19", weights.normalize(values, "vgg19", images, settings.pooling)
    )


def features_of(network: vgg.Network, settings: Settings) -> Callable:
    """Give the function from a picture ``[h, w, 3]`` to its feature maps."""
    return features.features_of(network, settings.pooling, settings.dtype)


def stylize(
    content: np.ndarray,
    style: Styles,
    settings: Settings = WORKSHOP,
    *,
    network: vgg.Network | None = None,
    features: Callable | None = None,
    start: np.ndarray | None = None,
    more_terms: Callable[[tf.Tensor], dict[str, tf.Tensor]] | None = None,
    callback: Callable[[int, np.ndarray, dict[str, float]], None] | None = None,
    callback_steps: Collection[int] | None = None,
    progress: str | None = "steps",
) -> Result:
    """Paint the content image in the style of the style image, or of several.

    Args:
        content: ``[h, w, 3]``, 0-255.
        style: ``[h', w', 3]``, 0-255, or `Style`, or a list of several; resized so that
            its longest side is ``settings.style_scale`` times that of the content.
        settings: `WORKSHOP`, `NOTEBOOK`, `PAPER`, or one of them with changes.
        network: from `load_network`; None loads it.
        features: what `features_of` gives for the network and these settings, for who
            paints many pictures; None makes it.
        start: a picture of one's own to start from, in place of ``settings.init``.
        more_terms: takes the picture ``[h, w, 3]``, as it is being changed, to terms
            that its loss has besides, by name; it goes with one scale.
        callback: see `optimize.optimize`; called at each of several scales.
        callback_steps: see `optimize.optimize`.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The stylized image ``[h, w, 3]`` and the history of ``total``, ``content`` and
        ``style`` (of all scales, one after the other). Interrupted, it returns what it
        has, in full size. On a CPU the same seed and the same number of threads give
        nearly the same picture: sums in another order differ in the last bit, and
        hundreds of steps magnify that.

    Raises:
        WorkshopError: settings or pictures that make no sense, too little memory,
            missing weights, or a loss that is not finite.
    """
    check(settings, content, style)
    if start is not None:
        checks.picture("start", start)
    if more_terms is not None and settings.scales > 1:
        raise WorkshopError("More terms of the loss go with one size: use scales=1.")
    require_memory(content.shape[:2], style, settings)
    shown, styles = content, styles_of(style)
    prepared = [color.prepare(content, one.image, settings.color) for one in styles]
    content = prepared[0][0]
    styles = [
        replace(one, image=image)
        for one, (_, image) in zip(styles, prepared, strict=True)
    ]
    features = features or features_of(network or load_network(settings), settings)
    history: dict[str, list[float]] = {}
    sizes = scale_sizes(content.shape, settings.scales)
    for number, size in enumerate(sizes, start=1):
        small = content if size == content.shape[:2] else resize(content, size)
        sized = [
            replace(one, image=resize(one.image, style_size(one, settings, size)))
            for one in styles
        ]
        result = optimize(
            _loss(features, small, sized, settings, more_terms),
            start_image(
                settings.init, small, sized[0].image, start=start, seed=settings.seed
            ),
            settings.steps,
            optimizer=settings.optimizer,
            learning_rate=settings.learning_rate,
            callback=_restored(callback, shown, settings),
            callback_steps=callback_steps,
            progress=progress
            if len(sizes) == 1
            else progress and f"{progress}, size {number}",
            corrections=corrections(size),
            falloff=settings.falloff,
        )
        start = result.image
        for name, values in result.history.items():
            # The start of the next size is the end of this one, enlarged.
            history.setdefault(name, []).extend(values[number > 1 :])
        if result.interrupted:
            break
    image = result.image
    if image.shape != content.shape:
        image = resize(image, content.shape[:2])
    image = color.restore(image, shown, settings.color)
    return Result(image, history, result.interrupted)


def _loss(features, content, styles, settings, more_terms):
    if settings.tile and max(content.shape[:2]) > settings.tile:
        loss = TiledLoss(
            features, content, styles, settings=settings, tile=settings.tile
        )
    else:
        loss = transfer_loss(features, content, styles, settings=settings)
    if more_terms is None:
        return loss

    def with_more(image):
        total, terms = loss(image)
        more = more_terms(image)
        return tf.add_n([total, *more.values()]), {**terms, **more}

    return with_more


def _restored(callback: Callable | None, shown: np.ndarray, settings: Settings):
    """Let a callback see pictures as the result will be, with the content's colors."""
    if callback is None or settings.color != "luminance":
        return callback

    def see(step, image, terms):
        small = resize(shown, image.shape[:2])
        callback(step, color.restore(image, small, settings.color), terms)

    return see
