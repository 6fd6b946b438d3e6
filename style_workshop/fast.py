"""Train a feed-forward network on a folder of photographs, and paint with it.

What the command ``python -m style_workshop train`` does and what notebook 3.0 shows in
pieces: batches, the network, the loss and the loop, put together once.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from style_workshop import WorkshopError, perceptual, training, vgg, weights
from style_workshop.batches import BatchGenerator
from style_workshop.feedforward import TransformNetwork
from style_workshop.images import require_size, save, side_by_side

#: Photographs are made larger than the window that is cut out of them, by this share.
ROOM = 1 / 8


@dataclass(frozen=True)
class Course:
    """What a network is trained on, and from where.

    Attributes:
        photos: folder of photographs, of any kinds and sizes; broken ones are skipped.
        size: side in pixels of the windows cut out of them.
        batch_size: windows a step.
        seed: of the network's kernels, of the order of the photographs, of the styles.
        norms_only: change the scales and shifts alone, as for a new style [9].
        style: the only style that is trained, by number; None trains all.
    """

    photos: str | Path
    size: int = 256
    batch_size: int = 4
    seed: int = 0
    norms_only: bool = False
    style: int | None = None


def batches_of(course: Course) -> BatchGenerator:
    """Open the photographs: other windows, mirrored by chance, in each pass."""
    return BatchGenerator(
        course.photos,
        "random_crop",
        course.size,
        batch_size=course.batch_size,
        short_side=round(course.size * (1 + ROOM)),
        flip=True,
        seed=course.seed,
    )


def train(
    network: TransformNetwork,
    styles: Mapping[str, np.ndarray],
    course: Course,
    plan: training.Plan = training.PLAN,
    perception: perceptual.Perception = perceptual.PERCEPTION,
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
        course: photographs and windows.
        plan: steps and rate.
        perception: layers and weights of the loss.
        folder: of checkpoints, curves and samples; None keeps none.
        samples: pictures ``[h, w, 3]`` that are painted at each checkpoint.
        logs: folder for TensorBoard.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The history of this training, from its first step.

    Raises:
        WorkshopError: something that cannot work, said before VGG is loaded.
    """
    count = network.architecture.styles
    if len(styles) != count:
        raise WorkshopError(
            f"This network has {count} styles, and {len(styles)} pictures are given: "
            "give one for each."
        )
    training.check(plan)
    perceptual.check(perception)
    require_size(course.size)
    # The largest field that a layer of the loss has must have a place in a window.
    layers = [perception.content_layer, *perception.style_layers]
    smallest = 4 * max(vgg.smallest_side(layer) for layer in layers)
    if course.size < smallest:
        raise WorkshopError(
            f"Windows of {course.size} pixels are too small: use {smallest} or more."
        )
    with batches_of(course) as batches:
        pretrained = weights.pretrained(perception.network)
        loss = perceptual.PerceptualLoss(pretrained, list(styles.values()), perception)
        variables = network.norm_variables if course.norms_only else network.variables
        made_for = {
            "architecture": asdict(network.architecture),
            "perception": loss.describe(),
            "styles": list(styles),
            "course": {**asdict(course), "photos": Path(course.photos).name},
            "learning_rate": plan.learning_rate,
        }
        history = training.train(
            variables,
            loss.of(network, course.style, course.seed),
            batches,
            plan,
            folder,
            made_for,
            _Show(network, folder, samples) if folder else None,
            logs,
            progress,
        )
    network.card = _card(network.card, made_for, history)
    return history


def _card(before: Mapping, made_for: Mapping, history: training.History) -> dict:
    """Add what this training was to what the network's card had."""
    lesson = {
        **{k: v for k, v in made_for.items() if k not in ("architecture", "styles")},
        "steps": history.steps,
        "losses": {
            name: round(float(np.mean(values[-100:])), 4)
            for name, values in history.losses.items()
        },
    }
    lessons = [*before.get("training", []), lesson]
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
        count = self.network.architecture.styles
        for number, sample in enumerate(self.samples, 1):
            row = [sample, *(paint(self.network, sample, s) for s in np.eye(count))]
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
    painted = compiled(network)(tf.constant(image, tf.float32)[None], styles, dtype)
    return np.clip(painted[0].numpy(), 0, 255)


@functools.lru_cache(maxsize=8)
def compiled(network: TransformNetwork) -> Callable:
    """Give the network as one compiled function, which every size uses again."""
    return tf.function(network, autograph=False, reduce_retracing=True)
