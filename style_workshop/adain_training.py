"""Train the decoder of AdaIN [11] on a folder of photographs and one of paintings.

Staged, because it converges far sooner on a small machine: first the decoder learns
to undo the encoder (``style_weight=0``: no style is exchanged), then to paint.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import tensorflow as tf

from style_workshop import checks, schedule, training, vgg, weights
from style_workshop.adain import LAYERS, Decoder, adaptive_instance_norm, encode
from style_workshop.adain_data import AdainData, FeatureWindows
from style_workshop.losses import drawing_distance, mean_and_deviation, missed_share


@dataclass(frozen=True)
class AdainLoss:
    """What is compared, and with which weights.

    Both losses are shares of what is wanted (its mean square), so that one set of
    weights serves every layer, size and type of number.

    Attributes:
        content_weight: of the distance from the features that AdaIN asks for.
        style_weight: of the distance from the style's means and deviations, the sum
            over four layers. 0 trains an autoencoder: no style is exchanged then.
        drawing_weight: of the distance from the photograph's own features, whatever
            the style made of their means (`losses.drawing_distance`); not in [11].
        range_weight: of what leaves 0-255, in gray levels.

    Raises:
        WorkshopError: a weight that makes no sense.
    """

    content_weight: float = 1.0
    style_weight: float = 10.0
    drawing_weight: float = 1.0
    range_weight: float = 0.1

    def __post_init__(self):
        for name in asdict(self):
            checks.weight(name, getattr(self, name))

    def target(self, features: tf.Tensor, styles: Sequence[tf.Tensor]) -> tf.Tensor:
        """Give what is decoded: AdaIN of features, or features as they are."""
        if not self.style_weight:
            return features
        return adaptive_instance_norm(features, styles[-1])

    def of(self, decoder: Decoder, encoder: Callable) -> training.Loss:
        """Give the loss that `training.train` lowers.

        Args:
            decoder: that is trained.
            encoder: VGG19, or what its ``freeze`` gives.
        """

        def loss(batch, _step):
            features, styles = tf.cast(batch[0], tf.float32), batch[1:]
            target = self.target(features, styles)
            painted = decoder(target)
            found = encode(encoder, painted, LAYERS)
            last = found[LAYERS[-1]]
            terms = {
                "content": self.content_weight
                * tf.reduce_mean(missed_share(last, target)),
                "drawing": self.drawing_weight * drawing_distance(last, features),
                "range": self.range_weight * out_of_range(painted),
            }
            if self.style_weight:
                missed = _statistics_missed(found, styles)
                terms["style"] = self.style_weight * tf.reduce_mean(missed)
            return tf.add_n(list(terms.values())), terms

        return loss


def _statistics_missed(found: vgg.Endpoints, styles) -> tf.Tensor:
    """Sum over the layers of what is missed of means and deviations; ``[b]``."""
    missed = [
        missed_share(mean_and_deviation(found[layer]), style)
        for layer, style in zip(LAYERS, styles, strict=True)
    ]
    return tf.add_n(missed)


def out_of_range(images: tf.Tensor) -> tf.Tensor:
    """Mean over pixels of the gray levels by which they leave 0-255; a scalar."""
    return tf.reduce_mean(tf.nn.relu(tf.abs(images - 127.5) - 127.5))


#: What is compared unless one says otherwise. The card of the decoder that ships has
#: the weights that it was trained with.
ADAIN_LOSS = AdainLoss()


def train(
    decoder: Decoder,
    data: AdainData,
    loss: AdainLoss = ADAIN_LOSS,
    *,
    settings: training.TrainingSettings = training.TRAINING_SETTINGS,
    folder: str | Path | None = None,
    callback: Callable[[training.History], None] | None = None,
    logs: str | Path | None = None,
    progress: str | None = "training",
) -> training.History:
    """Train a decoder; write what it learned into its card.

    Args:
        decoder: a new one, or a trained one that goes on.
        data: photographs and paintings.
        loss: weights.
        settings: steps and rate; 1e-4 in [11].
        folder: of checkpoints; None keeps none.
        callback: called with the history at each checkpoint.
        logs: folder for TensorBoard.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The history of this training, from its first step.

    Raises:
        WorkshopError: something that cannot work.
    """
    encoder = weights.pretrained("vgg19").freeze()
    windows = FeatureWindows(data, encoder, progress and "windows")
    return train_on(
        decoder,
        windows,
        data,
        loss,
        losses=loss.of(decoder, encoder),
        settings=settings,
        folder=folder,
        callback=callback,
        logs=logs,
        progress=progress,
    )


def train_on(
    decoder: Decoder,
    batches: training.Batches,
    data: AdainData,
    loss: AdainLoss,
    *,
    losses: training.Loss | None = None,
    settings: training.TrainingSettings = training.TRAINING_SETTINGS,
    made_for: Mapping | None = None,
    **options,
) -> training.History:
    """Train a decoder on batches; write what it learned into its card.

    Args:
        decoder: a new one, or a trained one that goes on.
        batches: what is made of ``data``.
        data: photographs and paintings, for the card.
        loss: weights, for the card.
        losses: of a batch; None where ``options`` bring ``gradients``.
        settings: steps and rate.
        made_for: what else a checkpoint must have been made for.
        options: of `training.train`.
    """
    whole = {"data": data.describe(), "loss": asdict(loss), "scale": decoder.scale}
    whole |= made_for or {}
    history = training.train(
        decoder.variables,
        losses,
        batches,
        settings=settings,
        made_for=whole,
        **options,
    )
    new = schedule.lesson(whole, settings, history.losses)
    decoder.card["training"] = [*decoder.card.get("training", []), new]
    return history


# --- held to account ----------------------------------------------------------------


def style_share(network: vgg.Network, painted, content, style) -> float:
    """How much of the distance between photograph and style is left in a result.

    The squared error of channel means and deviations at `adain.LAYERS`, relative to
    the style's, summed over the layers, over the same for the plain photograph.

    Args:
        network: VGG19.
        painted: ``[h, w, 3]``, 0-255.
        content: the photograph, ``[h, w, 3]``.
        style: ``[h', w', 3]``.

    Returns:
        0 for a result with the style's statistics, 1 for the photograph itself.
    """
    *two, styled = (_maps(network, x, LAYERS) for x in (painted, content, style))
    wanted = [mean_and_deviation(styled[layer]) for layer in LAYERS]
    left, plain = (float(_statistics_missed(found, wanted)[0]) for found in two)
    return left / plain


def content_distance(network: vgg.Network, painted, content) -> float:
    """1 minus the cosine between the centered ``relu4_2`` features of two pictures.

    Args:
        network: VGG19.
        painted: ``[h, w, 3]``, 0-255.
        content: the photograph, ``[h, w, 3]``, of the same size.

    Returns:
        0 for the same drawing, 1 for one that has nothing to do with it.
    """
    layer = "relu4_2"
    two = (_maps(network, image, [layer])[layer] for image in (painted, content))
    return float(drawing_distance(*two))


def _maps(network, image, layers) -> vgg.Endpoints:
    return network(vgg.preprocess(tf.constant(image, tf.float32)[None]), layers)
