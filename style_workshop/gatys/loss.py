"""The loss of Gatys, of a picture as a whole or tile by tile (equation 7 of [4])."""

from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from style_workshop import vgg
from style_workshop.gatys.settings import Settings, Style, Styles, styles_of
from style_workshop.losses import (
    content_loss,
    gram_matrix,
    style_loss,
    total_variation,
)
from style_workshop.optimize import Loss
from style_workshop.tiles import Place, Tiling, with_gradient


def transfer_loss(
    features: Callable, content: np.ndarray, style: Styles, *, settings: Settings
) -> Loss:
    """Make the loss of equation 7 of [4] for a pair of pictures.

    Args:
        features: from `features_of`.
        content: ``[h, w, 3]``, 0-255.
        style: a picture ``[h', w', 3]``, 0-255, of any size, or `Style`, or several,
            whose losses are added up.
        settings: layers and weights.

    Returns:
        A function from ``[h, w, 3]`` to the total and its weighted terms
        ``content``, ``style`` and, if it has a weight, ``variation``.
    """
    layers = list(dict.fromkeys([*settings.content_layers, *settings.style_layers]))
    targets = features(tf.constant(content), list(settings.content_layers))
    styles = styles_of(style)
    grams = [style_grams(features, one, settings) for one in styles]

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
                one.weight
                * settings.style_layers[layer]
                * style_loss(
                    gram_matrix(found[layer], _at(one.where, found[layer])), gram
                )
                for one, wanted in zip(styles, grams, strict=True)
                for layer, gram in wanted.items()
            ),
        }
        if settings.tv_weight:
            terms["variation"] = settings.tv_weight * total_variation(image[None])
        return tf.add_n(list(terms.values())), terms

    return loss


def style_grams(features: Callable, style: Style, settings: Settings) -> dict:
    """Give the Gram matrix ``[1, c, c]`` of each layer that a style is asked for."""
    layers = style_layers(style, settings)
    maps = features(tf.constant(style.image), layers)
    return {
        layer: gram_matrix(maps[layer], _at(style.part, maps[layer]))
        for layer in layers
    }


def style_layers(style: Style, settings: Settings) -> list[str]:
    """List the layers that a style is asked for, in the order of the settings."""
    wanted = settings.style_layers if style.layers is None else style.layers
    return [layer for layer in settings.style_layers if layer in wanted]


def _at(mask: np.ndarray | None, maps: tf.Tensor) -> tf.Tensor | None:
    """Bring a mask to the size of a feature map: the mean of what a position is of."""
    return None if mask is None else _resized(mask, maps.shape[1:3])


def _resized(mask: np.ndarray, size: Sequence[int]) -> tf.Tensor:
    mask = tf.constant(mask, tf.float32)[..., None]
    return tf.image.resize(mask, size, "area")[..., 0]


def _weights_of(mask: np.ndarray | None, size: Sequence[int]) -> tf.Tensor:
    """How much each position counts; all the same without a mask."""
    return tf.ones(size) if mask is None else _resized(mask, size)


# --- tile by tile -------------------------------------------------------------------


class TiledLoss:
    """Equal to `transfer_loss`, gradient and all, in the memory of one tile.

    A Gram matrix is of all the picture, so each call goes over the tiles twice: first
    it adds up the Gram matrices; their derivatives then stand for the style loss while
    the gradient is added up.
    """

    def __init__(
        self,
        features: Callable,
        content: np.ndarray,
        style: Styles,
        *,
        settings: Settings,
        tile: int,
    ):
        """Compute the targets, the content's tile by tile.

        Args:
            features: from `gatys.features_of`.
            content: ``[h, w, 3]``, 0-255.
            style: as of `transfer_loss`; these, too, are taken tile by tile.
            settings: layers and weights.
            tile: largest side in pixels of what a tile accounts for; with what it sees
                around that it is up to 160 larger.
        """
        self.settings, self._features = settings, features
        self._layers = list({**settings.content_layers, **settings.style_layers})
        self._tiling = Tiling("vgg19", self._layers, tile)
        self._targets = self._content_maps(tf.constant(content))
        self._asked = []  # style, layer, Gram matrix wanted, mask in all the picture
        for one in styles_of(style):
            for layer, gram in self._style_grams(one).items():
                stride = self._tiling.fields[layer].stride
                size = [side // stride for side in content.shape[:2]]
                self._asked.append((one, layer, gram, _weights_of(one.where, size)))

    def __call__(self, image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Give the total and its terms for ``[h, w, 3]``; see `transfer_loss`."""
        content, style, gradient = self._terms(tf.stop_gradient(image))
        # Both enter the total as they are: one of them can bring the slope of both.
        terms = {"content": with_gradient(content, image, gradient), "style": style}
        if self.settings.tv_weight:
            variation = total_variation(image[None])
            terms["variation"] = self.settings.tv_weight * variation
        return tf.add_n(list(terms.values())), terms

    def _terms(self, image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Content and style term, and the gradient of their sum, ``[h, w, 3]``."""
        content, *sums = self._tiling.add_up(image, self._sums_of_tile, self._zeros())
        with tf.GradientTape() as tape:
            tape.watch(sums)
            style = self._style(sums)
        slopes = tape.gradient(style, sums)

        def value_of(part, place):
            content, *sums = self._sums_of_tile(part, place)
            return content + tf.add_n(
                [tf.reduce_sum(a * b) for a, b in zip(slopes, sums, strict=True)]
            )

        _, gradient = self._tiling.value_and_gradient(image, value_of)
        return content, style, gradient

    def _sums_of_tile(self, part: tf.Tensor, place: Place) -> list[tf.Tensor]:
        """What a tile adds to the content term and to each Gram matrix."""
        maps, content = place.own(self._features(part, self._layers)), 0.0
        for layer, weight in self.settings.content_layers.items():
            target = self._targets[layer]
            difference = maps[layer] - place.own_of_whole(layer, target)
            scale = self.settings.content_weight * weight / 2 / np.prod(target.shape)
            content += float(scale) * tf.reduce_sum(difference**2)
        sums = []
        for _, layer, _, mask in self._asked:
            share = place.own_of_whole(layer, mask[None])[0]
            sums.append(gram_matrix(maps[layer], share) * tf.reduce_sum(share))
        return [content, *sums]

    def _style_grams(self, style: Style) -> dict[str, tf.Tensor]:
        """What `style_grams` gives, tile by tile."""
        size, fields = style.image.shape[:2], self._tiling.fields
        parts = {
            layer: _weights_of(
                style.part, [side // fields[layer].stride for side in size]
            )
            for layer in style_layers(style, self.settings)
        }

        def sums_of_tile(part, place):
            maps = place.own(self._features(part, list(parts)))
            shares = {n: place.own_of_whole(n, w[None])[0] for n, w in parts.items()}
            return [
                gram_matrix(maps[layer], share) * tf.reduce_sum(share)
                for layer, share in shares.items()
            ]

        channels = [vgg.CHANNELS[int(layer[4]) - 1] for layer in parts]
        zeros = [tf.zeros([1, c, c]) for c in channels]
        sums = self._tiling.add_up(tf.constant(style.image), sums_of_tile, zeros)
        return {
            layer: added / tf.maximum(tf.reduce_sum(weights), 1e-12)
            for (layer, weights), added in zip(parts.items(), sums, strict=True)
        }

    def _style(self, sums: list[tf.Tensor]) -> tf.Tensor:
        total = 0.0
        for (one, layer, gram, mask), added in zip(self._asked, sums, strict=True):
            found = added / tf.maximum(tf.reduce_sum(mask), 1e-12)
            weight = one.weight * self.settings.style_layers[layer]
            total += weight * style_loss(found, gram)
        return self.settings.style_weight * total

    def _zeros(self) -> list[tf.Tensor]:
        return [tf.zeros([]), *(tf.zeros_like(gram) for _, _, gram, _ in self._asked)]

    def _content_maps(self, content: tf.Tensor) -> dict[str, tf.Tensor]:
        """The feature maps of all the picture, put together from those of its tiles."""
        rows: list[list[dict]] = []
        top = None
        for place in self._tiling.places(content.shape[:2]):
            outer = place.outer
            part = content[outer[0] : outer[2], outer[1] : outer[3]]
            maps = place.own(self._features(part, list(self.settings.content_layers)))
            if top != int(place.inner[0]):
                top = int(place.inner[0])
                rows.append([])
            rows[-1].append(maps)
        return {
            layer: tf.concat(
                [tf.concat([maps[layer] for maps in row], axis=2) for row in rows],
                axis=1,
            )
            for layer in self.settings.content_layers
        }
