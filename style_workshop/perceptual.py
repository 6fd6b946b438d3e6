"""The loss that trains a feed-forward network: perceptual losses (Johnson et al.) [8].

The same two losses as the Gatys method, of VGG16, but of what a network paints. Every
weight is relative, so that one set of numbers serves a pale watercolor and a black
and white mosaic, whose Gram matrices differ by a factor of hundred. Three terms more
keep a network from what those two do not see: colored blobs in smooth places.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass

import numpy as np
import tensorflow as tf

from style_workshop import checks, vgg
from style_workshop.feedforward import TransformNetwork
from style_workshop.images import photographs, require_size, resize
from style_workshop.losses import (
    content_loss,
    gram_matrices_of_tiles,
    gram_matrix,
    missed_share,
    range_loss,
    spike_loss,
    total_variation,
)
from style_workshop.video.motion import Motion


@dataclass(frozen=True)
class LossSettings:
    """What is compared, and with which weights.

    Attributes:
        network: ``"vgg16"`` as [8], or ``"vgg19"``.
        content_layer: whose features the painted picture should keep; ``relu3_3`` in
            the paper (ECCV) and its code, ``relu2_2`` in its preprint.
        style_layers: whose Gram matrices it should have; each weighs the same.
        content_weight: of the content loss, where a gray picture has a loss of 1.
        style_weight: of the style loss, where a picture without any features has 1.
        tile_share: how much of the style loss is taken tile by tile, 0 to 1.
        tiles: along each side.
        range_weight: of `losses.range_loss` of what goes into the last tanh.
        spike_weight: of `losses.spike_loss`, the mean over all norms.
        tv_weight: of the total variation, in gray levels squared.
        style_size: longest side of a style image, in pixels. Strokes keep this size
            in every picture that the network paints, whatever its size.
        dtype: what network and VGG compute in, ``"float32"`` or ``"bfloat16"``.

    Raises:
        WorkshopError: a value that makes no sense, before VGG is loaded.
    """

    network: str = "vgg16"
    _: KW_ONLY
    content_layer: str = "relu3_3"
    style_layers: Sequence[str] = ("relu1_2", "relu2_2", "relu3_3", "relu4_3")
    content_weight: float = 1.0
    style_weight: float = 5.0
    tile_share: float = 0.3
    tiles: int = 4
    range_weight: float = 1.0
    spike_weight: float = 10.0
    tv_weight: float = 0.0
    style_size: int = 384
    dtype: str = "float32"

    def __post_init__(self):
        object.__setattr__(
            self, "style_layers", checks.layers("style_layers", self.style_layers)
        )
        checks.whole_number("tiles", self.tiles, least=1, most=64)
        require_size(self.style_size)
        used = [self.content_layer, *self.style_layers]
        vgg.check_request(self.network, used, self.style_size, self.style_size)
        for name in ("content", "style", "range", "spike", "tv"):
            weight = checks.weight(f"{name}_weight", getattr(self, f"{name}_weight"))
            object.__setattr__(self, f"{name}_weight", weight)
        checks.number("tile_share", self.tile_share, least=0, most=1)
        checks.choice("dtype", self.dtype, ("float32", "bfloat16"))


#: What the networks that ship were trained with.
LOSS_SETTINGS = LossSettings()


class PerceptualLoss:
    """Compares what a network painted with the photographs and with the styles.

    Attributes:
        settings: layers and weights.
        content_unit: half the mean squared distance, in the content layer, of the
            photographs of the workshop from a gray picture. It is 1 from then on.
        targets: the Gram matrix wanted in each style layer, ``[styles, c, c]``.
    """

    def __init__(
        self,
        network: vgg.Network,
        styles: Sequence[np.ndarray],
        settings: LossSettings = LOSS_SETTINGS,
    ):
        """Compute the styles' Gram matrices, and what 1 means for each loss.

        Args:
            network: the pre-trained VGG of ``settings.network``.
            styles: one picture ``[h, w, 3]``, 0-255, for each style of the network.
            settings: layers and weights.

        Raises:
            WorkshopError: layers or pictures that make no sense.
        """
        self.settings, self._frozen = settings, network.freeze()
        self._styles = [checks.picture("style", image) for image in styles]
        images = [resize(image, settings.style_size) for image in self._styles]
        grams = [self._grams(self._features(image[None])) for image in images]
        self.targets = {
            layer: tf.concat([gram[layer] for gram in grams], axis=0)
            for layer in settings.style_layers
        }
        self.content_unit = self._unit(settings.content_layer)

    def _unit(self, layer: str) -> float:
        def features(image):
            return self._frozen(vgg.preprocess(image[None]), layer)[layer]

        known = photographs(size=(256, 256))
        gray = features(np.full_like(known[0], 127.5))
        # One by one: maps of all of them at once would take 300 MB.
        return float(np.mean([content_loss(features(image), gray) for image in known]))

    def __call__(
        self, painted: tf.Tensor, photographs: tf.Tensor, styles: tf.Tensor
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Give the total and its terms, content and style (and variation).

        Args:
            painted: ``[b, h, w, 3]``, 0-255.
            photographs: ``[b, h, w, 3]``, 0-255, of which it was painted.
            styles: ``[b]``, the number of each picture's style.
        """
        s = self.settings
        layer = s.content_layer
        wanted = self._frozen(vgg.preprocess(photographs, s.dtype), layer)[layer]
        found = self._features(painted)
        content = content_loss(found[layer], wanted) / self.content_unit
        terms = {
            "content": s.content_weight * content,
            "style": s.style_weight * self.style(found, styles),
        }
        if s.tv_weight:
            terms["variation"] = s.tv_weight * total_variation(painted)
        return tf.add_n(list(terms.values())), terms

    def style(self, found: vgg.Endpoints, styles: tf.Tensor) -> tf.Tensor:
        """Mean over layers and pictures of the share of the style's Gram matrix missed.

        In each layer ``|G - A|^2 / |A|^2``: 0 for the style, 1 for nothing. Of that,
        ``tile_share`` is the mean of ``|G_t - A|^2 / |A|^2`` over the tiles.
        """
        share, missed = self.settings.tile_share, []
        for layer, gram in self._grams(found).items():
            wanted = tf.gather(self.targets[layer], styles)  # [b, c, c]
            whole = missed_share(gram, wanted, [-2, -1])
            if share:
                grams = gram_matrices_of_tiles(found[layer], self.settings.tiles)
                tiled = tf.reduce_mean(
                    missed_share(grams, wanted[:, None], [-2, -1]), axis=1
                )
                whole = (1 - share) * whole + share * tiled
            missed.append(whole)
        return tf.reduce_mean(missed)

    def of(
        self,
        network: TransformNetwork,
        *,
        style: int | None = None,
        seed: int = 0,
        motion: Motion | None = None,
    ) -> Callable:
        """Give the loss that `training.train` lowers: that of what ``network`` paints.

        Args:
            network: of as many styles as there are pictures.
            style: the only one that is painted; None draws one for each picture, from
                the seed and the step.
            seed: of that draw, and of the motion.
            motion: moves the photographs, and holds what is painted of them together.

        Returns:
            A function from photographs ``[b, h, w, 3]`` and the step to the total and
            its terms: those of a call, of range and spikes, and of motion.
        """
        count = network.architecture.styles
        # XLA fuses what lies between the convolutions: a sixth of a step's time.
        paint = tf.function(self._paint(network), jit_compile=True, autograph=False)

        def loss(photographs, step):
            batch = tf.shape(photographs)[0]
            if style is None:
                drawn = tf.random.stateless_uniform(
                    [batch], [seed, step], maxval=count, dtype=tf.int32
                )
            else:
                drawn = tf.fill([batch], style)
            mixture = tf.one_hot(drawn, count)
            if motion is None:
                painted, watched = paint(photographs, mixture)
            else:
                moved, flows, trusted = motion.move(photographs, [seed, step])
                both = tf.concat([photographs, moved], 0), tf.tile(mixture, [2, 1])
                painted, watched = paint(*both)
                painted, later = tf.split(painted, 2)
                watched["temporal"] = motion.loss(painted, later, flows, trusted)
            total, terms = self(painted, photographs, drawn)
            return tf.add_n([total, *watched.values()]), {**terms, **watched}

        return loss

    def _paint(self, network: TransformNetwork) -> Callable:
        """A function that paints, and gives the terms of what it saw meanwhile."""
        s = self.settings

        def paint(photographs, mixture):
            painted, seen = network.activations(photographs, mixture, s.dtype)
            z, terms = seen.pop("out"), {}
            if s.range_weight:
                terms["range"] = s.range_weight * range_loss(z)
            if s.spike_weight:
                side = photographs.shape[1]
                spikes = [
                    spike_loss(y, round(side / y.shape[1])) for y in seen.values()
                ]
                terms["spike"] = s.spike_weight * tf.reduce_mean(spikes)
            return painted, terms

        return paint

    def of_picture(self, photograph: np.ndarray, style: int = 0) -> Callable:
        """Give the loss that `optimize.optimize` lowers: that of one picture itself.

        What the Gatys method reaches with the loss of a network, to compare the two.
        """
        wanted = tf.constant(photograph)[None]
        return lambda image: self(image[None], wanted, tf.constant([style]))

    def describe(self) -> dict:
        """All that it depends on, as JSON has it; of the styles a SHA-256 each."""
        s = asdict(self.settings)
        return {
            **s,
            "style_layers": list(s["style_layers"]),
            "content_unit": float(f"{self.content_unit:.4g}"),
            "style_sha256": [_digest(image) for image in self._styles],
        }

    def _features(self, images) -> vgg.Endpoints:
        s = self.settings
        layers = {s.content_layer, *s.style_layers}
        return self._frozen(vgg.preprocess(images, s.dtype), sorted(layers))

    def _grams(self, found: vgg.Endpoints) -> Mapping[str, tf.Tensor]:
        return {n: gram_matrix(found[n]) for n in self.settings.style_layers}


def _digest(image: np.ndarray) -> str:
    pixels = np.ascontiguousarray(image, np.float32)
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()
