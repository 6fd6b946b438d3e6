"""The loss that trains a feed-forward network: perceptual losses (Johnson et al.) [8].

The same two losses as the Gatys method, of VGG16, but of what a network paints. Every
weight is relative, so that one set of numbers serves a pale watercolor and a black
and white mosaic, whose Gram matrices differ by a factor of hundred.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import tensorflow as tf

from style_workshop import IMAGES, WorkshopError, vgg
from style_workshop.feedforward import TransformNetwork
from style_workshop.images import read, require_size, resize
from style_workshop.losses import (
    content_loss,
    gram_matrix,
    total_variation,
)


@dataclass(frozen=True)
class Perception:
    """What is compared, and with which weights.

    Attributes:
        network: ``"vgg16"`` as [8], or ``"vgg19"``.
        content_layer: whose features the painted picture should keep; ``relu3_3`` in
            the paper (ECCV) and its code, ``relu2_2`` in its preprint.
        style_layers: whose Gram matrices it should have; each weighs the same.
        content_weight: of the content loss, where a gray picture has a loss of 1.
        style_weight: of the style loss, where a picture without any features has 1.
        tv_weight: of the total variation, in gray levels squared.
        style_size: longest side of a style image, in pixels. Strokes keep this size
            in every picture that the network paints, whatever its size.
        dtype: what network and VGG compute in, ``"float32"`` or ``"bfloat16"``.
    """

    network: str = "vgg16"
    content_layer: str = "relu3_3"
    style_layers: Sequence[str] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    content_weight: float = 1.0
    style_weight: float = 5.0
    tv_weight: float = 0.0
    style_size: int = 384
    dtype: str = "float32"


#: What the networks that ship were trained with.
PERCEPTION = Perception()


def check(perception: Perception) -> None:
    """Refuse what makes no sense, before VGG is loaded.

    Raises:
        WorkshopError: says what to use.
    """
    p = perception
    layers = [p.content_layer, *p.style_layers]
    vgg.check_request(p.network, layers, p.style_size, p.style_size)
    require_size(p.style_size)
    for name in ("content_weight", "style_weight", "tv_weight"):
        if not 0 <= getattr(p, name) < np.inf:
            raise WorkshopError(f"{name} is {getattr(p, name)}: use 0 or more.")
    if p.dtype not in ("float32", "bfloat16"):
        raise WorkshopError(f"No dtype {p.dtype!r}: use float32 or bfloat16.")


class PerceptualLoss:
    """Compares what a network painted with the photographs and with the styles."""

    def __init__(
        self,
        network: vgg.Network,
        styles: Sequence[np.ndarray],
        perception: Perception = PERCEPTION,
    ):
        """Compute the styles' Gram matrices, and what 1 means for each loss.

        Args:
            network: the pre-trained VGG of ``perception.network``.
            styles: one picture ``[h, w, 3]``, 0-255, for each style of the network.
            perception: layers and weights.

        Raises:
            WorkshopError: layers, weights or pictures that make no sense.
        """
        check(perception)
        self.perception, self._frozen = perception, network.freeze()
        images = [resize(image, perception.style_size) for image in styles]
        grams = [self._grams(self._features(image[None])) for image in images]
        #: The Gram matrix wanted in each layer, ``[styles, c, c]``.
        self.targets = {
            layer: tf.concat([gram[layer] for gram in grams], axis=0)
            for layer in perception.style_layers
        }
        photographs = sorted((IMAGES / "content").glob("*.jpg"))
        known = np.stack([read(path, size=(256, 256)) for path in photographs])
        layer = perception.content_layer
        found, gray = (
            self._frozen(vgg.preprocess(images), layer)[layer]
            for images in (known, np.full_like(known, 127.5))
        )
        self._content_unit = content_loss(found, gray)

    def __call__(
        self, painted: tf.Tensor, photographs: tf.Tensor, styles: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Give the total and its terms, content and style (and variation).

        Args:
            painted: ``[b, h, w, 3]``, 0-255.
            photographs: ``[b, h, w, 3]``, 0-255, of which it was painted.
            styles: ``[b]``, the number of each picture's style.
        """
        p = self.perception
        layer = p.content_layer
        wanted = self._frozen(vgg.preprocess(photographs, p.dtype), layer)[layer]
        found = self._features(painted)
        content = content_loss(found[layer], wanted) / self._content_unit
        terms = {
            "content": p.content_weight * content,
            "style": p.style_weight * self.style(found, styles),
        }
        if p.tv_weight:
            terms["variation"] = p.tv_weight * total_variation(painted)
        return tf.add_n(list(terms.values())), terms

    def style(self, found: vgg.Endpoints, styles: tf.Tensor) -> tf.Tensor:
        """Mean over layers and pictures of the share of the style's Gram matrix missed.

        In each layer ``sum (G - A)^2 / sum A^2``: 0 for the style, 1 for nothing.
        """
        shares = []
        for layer, gram in self._grams(found).items():
            wanted = tf.gather(self.targets[layer], styles)  # [b, c, c]
            missed = tf.reduce_sum((gram - wanted) ** 2, axis=[1, 2])
            shares.append(missed / tf.reduce_sum(wanted**2, axis=[1, 2]))
        return tf.reduce_mean(shares)

    def of(
        self, network: TransformNetwork, style: int | None = None, seed: int = 0
    ) -> Callable:
        """Give the loss that `training.train` lowers: that of what ``network`` paints.

        Args:
            network: of as many styles as there are pictures.
            style: the only one that is painted; None draws one for each picture, from
                the seed and the step.
            seed: of that draw.

        Returns:
            A function from photographs ``[b, h, w, 3]`` and the step to the total and
            its terms.
        """
        count = network.architecture.styles
        # XLA fuses what lies between the convolutions: a sixth of a step's time.
        paint = tf.function(network, jit_compile=True, autograph=False)

        def loss(photographs, step):
            batch = tf.shape(photographs)[0]
            if style is None:
                drawn = tf.random.stateless_uniform(
                    [batch], [seed, step], maxval=count, dtype=tf.int32
                )
            else:
                drawn = tf.fill([batch], style)
            mixture = tf.one_hot(drawn, count)
            painted = paint(photographs, mixture, self.perception.dtype)
            return self(painted, photographs, drawn)

        return loss

    def of_picture(self, photograph: np.ndarray, style: int = 0) -> Callable:
        """Give the loss that `optimize.optimize` lowers: that of one picture itself.

        What the Gatys method reaches with the loss of a network, to compare the two.
        """
        wanted = tf.constant(photograph)[None]
        return lambda image: self(image[None], wanted, tf.constant([style]))

    def describe(self) -> dict:
        """All its numbers, as JSON has them."""
        p = asdict(self.perception)
        return {**p, "style_layers": list(p["style_layers"])}

    def _features(self, images) -> vgg.Endpoints:
        p = self.perception
        layers = {p.content_layer, *p.style_layers}
        return self._frozen(vgg.preprocess(images, p.dtype), sorted(layers))

    def _grams(self, found: vgg.Endpoints) -> Mapping[str, tf.Tensor]:
        return {n: gram_matrix(found[n]) for n in self.perception.style_layers}
