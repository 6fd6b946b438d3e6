"""Arbitrary style transfer in one pass: adaptive instance normalization, AdaIN [11].

Huang and Belongie (ICCV 2017): VGG19 up to ``relu4_1`` encodes photograph and style
image, the photograph's feature map is given the style's mean and deviation in each
channel, and a decoder, trained once for all styles, makes a picture of it. Notebook
4.0 takes it apart.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from style_workshop import NETWORKS, WorkshopError, checks, color, layers, scopes, vgg
from style_workshop.files import load_arrays, save_arrays
from style_workshop.images import resize
from style_workshop.losses import mean_and_deviation

#: Where styles are compared in training; the last is where they are exchanged.
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
#: A position of the encoder's feature map stands for so many pixels each way.
STRIDE = 8
#: The decoder that comes with the workshop.
SHIPPED = NETWORKS / "adain" / "decoder.npz"
#: Channels of the decoder's convolutions, and after which of them it doubles.
CHANNELS = (256, 256, 256, 256, 128, 128, 64, 64, 3)
DOUBLES = (1, 5, 7)


# --- the normalization --------------------------------------------------------------


def adaptive_instance_norm(content: tf.Tensor, style: tf.Tensor) -> tf.Tensor:
    """Give each channel of ``content`` the style's mean and deviation.

    ``y = sigma(s) (x - mu(x)) / sigma(x) + mu(s)`` (equation 8 of [11]): instance
    norm whose scale and shift are not learned, but read off another picture.

    Args:
        content: ``[b, h, w, c]``, features of photographs.
        style: ``[b, 2, c]`` (or 1 for ``b``) of `losses.mean_and_deviation`.

    Returns:
        ``[b, h, w, c]`` float32.
    """
    own = mean_and_deviation(content)  # [b, 2, c]
    normalized = (tf.cast(content, tf.float32) - own[:, None, None, 0]) / (
        own[:, None, None, 1]
    )
    return normalized * style[:, None, None, 1] + style[:, None, None, 0]


def encode(
    network: Callable, images: tf.Tensor, layers: str | Sequence[str] = LAYERS[-1]
) -> vgg.Endpoints:
    """Give VGG's feature maps of a batch, borders mirrored as the authors' encoder.

    Args:
        network: VGG19, or what its ``freeze`` gives.
        images: ``[b, h, w, 3]``, 0-255.
        layers: names.
    """
    return network(vgg.preprocess(images), layers, padding="reflect")


# --- the decoder --------------------------------------------------------------------


class Decoder:
    """From a feature map of ``relu4_1`` to the picture, the encoder's mirror image.

    Nine convolutions 3x3 with mirrored borders, ReLU after all but the last, and no
    norm, which would take away the statistics that AdaIN has given (section 6.1 of
    [11]). Pixels are repeated where the encoder pools.

    Attributes:
        card: what is known of its training, as JSON has it; empty for a new one.
        scale: what feature maps are divided by, so that it starts with numbers near 1.
    """

    def __init__(
        self,
        values: Mapping[str, np.ndarray] | None = None,
        *,
        scale: float = 1.0,
        seed: int = 0,
        card: Mapping | None = None,
    ):
        """Make the decoder and its variables.

        Args:
            values: of the variables, ``conv_1/kernel`` ``[3, 3, in, out]`` and
                ``conv_1/bias`` to ``conv_9/bias``; None draws the kernels at random.
            scale: see above; about 1,000 for VGG19.
            seed: of the random kernels.
            card: what is known of it.

        Raises:
            WorkshopError: the values are of another network.
        """
        self.scale = checks.number("scale", scale, above=0)
        self.card = dict(card or {})
        example = np.zeros([1, 2, 2, vgg.CHANNELS[3]], np.float32)
        self._template = scopes.make_template(
            "decoder", _decode, example, values=values, seed=seed
        )

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self._template.variables)

    def values(self) -> dict[str, np.ndarray]:
        """Give a copy of all variables, by names like ``conv_1/kernel``."""
        named = scopes.by_name(self.variables)
        return {name: variable.numpy() for name, variable in named.items()}

    def __call__(self, features: tf.Tensor) -> tf.Tensor:
        """Decode ``[b, h, w, 512]`` to pictures ``[b, 8h, 8w, 3]``, about 0-255."""
        return 127.5 + 100 * self._template(features / self.scale)


def _decode(x: tf.Tensor) -> tf.Tensor:
    for number, channels in enumerate(CHANNELS, 1):
        x = layers.convolution(f"conv_{number}", x, channels, 3)
        if number < len(CHANNELS):
            x = tf.nn.relu(x)
        if number in DOUBLES:
            x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
    return x


def save(decoder: Decoder, path: str | Path) -> None:
    """Write a decoder into one ``.npz`` file: float16 values, and its card.

    Raises:
        WorkshopError: it cannot be written.
    """
    arrays = {n: v.astype(np.float16) for n, v in decoder.values().items()}
    save_arrays(path, arrays, {"scale": decoder.scale, "card": decoder.card})


def load(path: str | Path = SHIPPED) -> Decoder:
    """Read a decoder that `save` wrote; the one that comes with the workshop.

    Raises:
        WorkshopError: no such file, or it holds no such decoder.
    """
    values, note = load_arrays(path)
    try:
        scale, card = float(note["scale"]), dict(note["card"])
        finite = all(np.isfinite(array).all() for array in values.values())
    except (KeyError, TypeError, ValueError) as error:
        raise WorkshopError(f"{path} holds no decoder of AdaIN.") from error
    if not finite:
        raise WorkshopError(
            f"{path} holds numbers that are not finite: fetch it again."
        )
    return Decoder(values, scale=scale, card=card)


# --- painting -----------------------------------------------------------------------


def stylize(
    network: vgg.Network,
    decoder: Decoder,
    content: np.ndarray,
    styles: np.ndarray | Sequence[np.ndarray],
    *,
    alpha: float = 1.0,
    weights: Sequence[float] | None = None,
    masks: Sequence[np.ndarray | None] | None = None,
    keep_color: str = "none",
) -> np.ndarray:
    """Paint a photograph in the style of one or several pictures, in one pass.

    Args:
        network: VGG19 with its pre-trained weights.
        decoder: a trained one.
        content: the photograph, ``[h, w, 3]``, 0-255, of any size.
        styles: one picture ``[h', w', 3]``, 0-255, of any size, or several.
        alpha: how much style, 0 (the photograph, decoded) to 1 (equation 14 of [11]).
        weights: how much of each style (equation 15); their sum becomes 1. None is
            equally much of each.
        masks: ``[h, w]`` in 0-1, of any size, for each style where it goes, or None
            for everywhere; the weights then count where masks meet.
        keep_color: ``"none"``, ``"luminance"`` or ``"linear"`` (`color.prepare`).

    Returns:
        ``[h, w, 3]`` float32, 0-255.

    Raises:
        WorkshopError: pictures, numbers or masks that do not work.
    """
    styles = [styles] if isinstance(styles, np.ndarray) else list(styles)
    images = [checks.picture("style", style) for style in styles]
    checks.picture("content", content)
    checks.number("alpha", alpha, least=0, most=1)
    prepared = content
    for i, image in enumerate(images):
        prepared, images[i] = color.prepare(content, image, keep_color)
    shares = _shares(len(images), weights, masks, content.shape[:2])
    features = content_features(network, prepared)
    statistics = [style_statistics(network, image) for image in images]
    mixed = mix(features, statistics, shares, alpha)
    return color.restore(decode(decoder, mixed, content.shape), content, keep_color)


def mix(
    features: tf.Tensor,
    statistics: Sequence[tf.Tensor],
    shares: np.ndarray,
    alpha: float = 1.0,
) -> tf.Tensor:
    """Give feature maps the statistics of several styles, each where it goes.

    Args:
        features: ``[1, h, w, c]`` of the photograph.
        statistics: ``[1, 2, c]`` of each style.
        shares: ``[styles, h', w']``, how much of each style, with a sum of 1 at each
            position; resized to the feature map.
        alpha: how much of the mixture; the rest is the photograph's own.
    """
    places = tf.image.resize(shares[..., None], features.shape[1:3], "area")
    target = tf.add_n(
        [
            place * adaptive_instance_norm(features, style)
            for place, style in zip(places, statistics, strict=True)
        ]
    )
    return alpha * target + (1 - alpha) * features


def content_features(network: vgg.Network, image: np.ndarray) -> tf.Tensor:
    """Encode a photograph ``[h, w, 3]`` to ``[1, h', w', 512]``.

    Sides are mirrored up to a multiple of 8, which `decode` crops again.
    """
    return compiled(network, LAYERS[-1:])(_whole_strides(image)[None])[LAYERS[-1]]


def style_statistics(network: vgg.Network, image: np.ndarray) -> tf.Tensor:
    """Give mean and deviation ``[1, 2, 512]`` of a style image ``[h, w, 3]``."""
    return mean_and_deviation(content_features(network, image))


def decode(decoder: Decoder, features: tf.Tensor, shape: Sequence[int]) -> np.ndarray:
    """Decode ``[1, h', w', 512]`` to a picture ``[h, w, 3]`` of ``shape``, 0-255."""
    painted = compiled_decoder(decoder)(features)[0].numpy()
    return np.clip(painted[: shape[0], : shape[1]], 0, 255)


@lru_cache(maxsize=4)
def compiled(network: vgg.Network, layers: tuple[str, ...]) -> Callable:
    """Give the encoder as one compiled function, which every size uses again."""
    encoder = partial(encode, network, layers=layers)
    return tf.function(lambda images: encoder(images), reduce_retracing=True)


@lru_cache(maxsize=4)
def compiled_decoder(decoder: Decoder) -> Callable:
    """Give a decoder as one compiled function, which every size uses again."""
    return tf.function(decoder, autograph=False, reduce_retracing=True)


def _whole_strides(image: np.ndarray) -> tf.Tensor:
    if min(image.shape[:2]) < 2 * STRIDE:
        raise WorkshopError(
            f"A picture of {image.shape[0]}x{image.shape[1]} pixels is too small for "
            f"AdaIN: each side must be {2 * STRIDE} pixels or more."
        )
    missing = [(0, -side % STRIDE) for side in image.shape[:2]]
    return tf.constant(np.pad(image, [*missing, (0, 0)], "reflect"), tf.float32)


def _shares(count: int, weights, masks, size: tuple[int, int]) -> np.ndarray:
    """Bring weights and masks to shares ``[count, h, w]`` with a sum of 1."""
    weights = [1.0] * count if weights is None else list(weights)
    masks = [None] * count if masks is None else list(masks)
    for name, given in (("weights", weights), ("masks", masks)):
        if len(given) != count:
            raise WorkshopError(
                f"{len(given)} {name} for {count} styles: give one for each."
            )
    places = []
    for weight, mask in zip(weights, masks, strict=True):
        checks.weight("weights", weight)
        place = np.ones(size) if mask is None else _resized(mask, size)
        places.append(weight * place)
    total = np.sum(places, axis=0)
    if not (total > 0).all():
        raise WorkshopError(
            "Some part of the photograph gets no style: raise a weight, or let the "
            "masks cover the whole picture (one of them may be None)."
        )
    return (np.stack(places) / total).astype(np.float32)


def _resized(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    three = np.repeat(np.asarray(mask, np.float32)[..., None], 3, axis=-1)
    return resize(three * 255, size)[..., 0] / 255
