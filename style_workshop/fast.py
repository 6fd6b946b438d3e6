"""Train a feed-forward network on a folder of photographs, and paint with it.

What the command ``python -m style_workshop train`` does and what notebook 3.0 shows in
pieces: batches, the network, the loss and the loop, put together once.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from style_workshop import (
    WorkshopError,
    checks,
    perceptual,
    schedule,
    training,
    vgg,
    weights,
)
from style_workshop.batches import BatchGenerator
from style_workshop.feedforward import TransformNetwork
from style_workshop.images import require_size, save, side_by_side
from style_workshop.video.motion import Motion

#: Photographs are made larger than the window that is cut out of them, by this share.
ROOM = 1 / 8


@dataclass(frozen=True)
class TrainingData:
    """What a network is trained on.

    Attributes:
        photos: folder of photographs, of any kinds and sizes; broken ones are skipped.
        size: side in pixels of the windows cut out of them.
        batch_size: windows a step.
        short_side: to which photographs are made larger or smaller before that, in
            pixels. A network paints best what is as large as what it saw. 0 is an
            eighth more than ``size``.
        seed: of the order of the photographs, of windows, and of the styles drawn.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    photos: str | Path
    size: int = 256
    _: KW_ONLY
    batch_size: int = 4
    short_side: int = 0
    seed: int = 0

    def __post_init__(self):
        require_size(self.size)
        checks.whole_number("batch_size", self.batch_size, least=1)
        checks.seed(self.seed)
        checks.whole_number("short_side", self.short_side)
        if 0 < self.short_side < self.size:
            raise WorkshopError(
                f"A short_side of {self.short_side} has no room for windows of "
                f"{self.size} pixels: use {self.size} or more."
            )

    def batches(self) -> BatchGenerator:
        """Open the photographs: other windows, mirrored by chance, in each pass."""
        return BatchGenerator(
            self.photos,
            "random_crop",
            self.size,
            batch_size=self.batch_size,
            short_side=self.short_side or round(self.size * (1 + ROOM)),
            flip=True,
            seed=self.seed,
        )

    def describe(self) -> dict:
        """All its numbers, as JSON has them, and of the folder its name."""
        return {**asdict(self), "photos": Path(self.photos).name}


def train(
    network: TransformNetwork,
    styles: Mapping[str, np.ndarray],
    data: TrainingData,
    *,
    settings: training.TrainingSettings = training.TRAINING_SETTINGS,
    loss_settings: perceptual.LossSettings = perceptual.LOSS_SETTINGS,
    motion: Motion | None = None,
    norms_only: bool = False,
    style: int | None = None,
    folder: str | Path | None = None,
    samples: Sequence[np.ndarray] = (),
    logs: str | Path | None = None,
    progress: str | None = "training",
) -> training.History:
    """Train a network; write what it learned into its card.

    Args:
        network: a new one, or a trained one that goes on.
        styles: the picture ``[h, w, 3]``, 0-255, of each of the network's styles, in
            their order, by name.
        data: photographs and windows.
        settings: steps and rate.
        loss_settings: layers and weights of the loss.
        motion: for a network that paints clips: what flicker costs, and how
            photographs move while it learns.
        norms_only: change the scales and shifts alone, as for a new style [9].
        style: the only style that is trained, by number; None trains all.
        folder: of checkpoints, curves and samples; None keeps none.
        samples: pictures ``[h, w, 3]`` that are painted at each checkpoint.
        logs: folder for TensorBoard.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The history of this training, from its first step.

    Raises:
        WorkshopError: something that cannot work, said before VGG is loaded.
    """
    _check(network, styles, data, loss_settings, style)
    with data.batches() as batches:
        pretrained = weights.pretrained(loss_settings.network)
        pictures = list(styles.values())
        loss = perceptual.PerceptualLoss(pretrained, pictures, loss_settings)
        made_for = {
            "architecture": asdict(network.architecture),
            "styles": list(styles),
            "loss": loss.describe(),
            "data": data.describe(),
            "norms_only": norms_only,
            "style": style,
        }
        if motion is not None:
            made_for["motion"] = motion.describe()
        history = training.train(
            network.norm_variables if norms_only else network.variables,
            loss.of(network, style=style, seed=data.seed, motion=motion),
            batches,
            settings=settings,
            folder=folder,
            made_for=made_for,
            callback=_Show(network, folder, samples) if folder else None,
            logs=logs,
            progress=progress,
        )
    network.card = _card(network.card, made_for, settings, history)
    return history


def _check(network, styles, data, loss_settings, style) -> None:
    count = network.architecture.styles
    if len(styles) != count:
        raise WorkshopError(
            f"This network has {count} styles, and {len(styles)} pictures are given: "
            "give one for each."
        )
    if style is not None:
        checks.whole_number("style", style, most=count - 1)
    # The largest field that a layer of the loss has must have a place in a window.
    layers = [loss_settings.content_layer, *loss_settings.style_layers]
    smallest = 4 * max(vgg.smallest_side(layer) for layer in layers)
    if data.size < smallest:
        raise WorkshopError(
            f"Windows of {data.size} pixels are too small: use {smallest} or more."
        )


def _card(before: Mapping, made_for: Mapping, settings, history) -> dict:
    """Add what this training was to what the network's card had."""
    known = ("architecture", "styles")  # the file says them beside the lessons
    about = {name: value for name, value in made_for.items() if name not in known}
    new = schedule.lesson(about, settings, history.losses)
    lessons = [*before.get("training", []), new]
    return {**before, "styles": made_for["styles"], "training": lessons}


class _Show:
    """At each checkpoint draws the losses, and paints the samples in every style."""

    def __init__(self, network, folder, samples):
        self.network, self.samples = network, samples
        self.folder = Path(folder)

    def __call__(self, history: training.History) -> None:
        from style_workshop import show  # Matplotlib, which takes a second to load

        figure = show.loss_curves({"training": history.losses})
        figure.savefig(self.folder / "losses.png", bbox_inches="tight")
        each = np.eye(self.network.architecture.styles).tolist()
        for number, sample in enumerate(self.samples, 1):
            row = [sample, *(paint(self.network, sample, styles) for styles in each)]
            name = f"sample-{number}-step-{history.steps:07d}.jpg"
            save(side_by_side(row), self.folder / name)


# --- painting -----------------------------------------------------------------------


def paint(
    network: TransformNetwork,
    image: np.ndarray,
    styles: Sequence[float] | None = None,
    dtype: str = "float32",
) -> np.ndarray:
    """Paint one picture.

    Args:
        network: a trained one.
        image: ``[h, w, 3]``, 0-255, of any size.
        styles: how much of each style; of a network of one style None.
        dtype: what it computes in.

    Returns:
        ``[h, w, 3]`` float32, 0-255.

    Raises:
        WorkshopError: a picture or styles that do not fit the network.
    """
    if styles is not None:  # a list would be compiled again for each mixture
        styles = tf.constant(styles, tf.float32)
    painted = compiled(network)(tf.constant(image, tf.float32)[None], styles, dtype)
    return np.clip(painted[0].numpy(), 0, 255)


@functools.lru_cache(maxsize=8)
def compiled(network: TransformNetwork) -> Callable:
    """Give the network as one compiled function, which every size uses again."""
    return tf.function(network, autograph=False, reduce_retracing=True)
