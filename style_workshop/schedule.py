"""How long a network is trained, and how fast: all numbers of `training`."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np
import tensorflow as tf

from style_workshop import __version__, checks

#: How the rate goes on from ``learning_rate``.
SCHEDULES = ("constant", "cosine")


@dataclass(frozen=True)
class TrainingSettings:
    """How long to train, and how fast.

    Attributes:
        steps: in all, those before a checkpoint included.
        learning_rate: of Adam; 1e-3 in [8].
        schedule: ``"constant"``, or ``"cosine"``: the rate falls along half a wave
            from ``learning_rate`` at the first step to 0 after the last.
        average: 0, or the factor by which a step counts less than the one after it in
            the moving average of the variables: 0.99 averages over about 100 steps.
            The average is what a training ends with.
        clip: largest norm of the gradient of all variables together; what is longer
            is shortened. 0 leaves it.
        every: steps from one checkpoint to the next.
        keep: how many checkpoints stay.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    steps: int = 4000
    learning_rate: float = 1e-3
    _: KW_ONLY
    schedule: str = "constant"
    average: float = 0.0
    clip: float = 10.0
    every: int = 100
    keep: int = 3

    def __post_init__(self):
        for name in ("steps", "every", "keep"):
            checks.whole_number(name, getattr(self, name), least=1)
        checks.number("learning_rate", self.learning_rate, above=0, such_as=0.001)
        checks.choice("schedule", self.schedule, SCHEDULES)
        checks.number("average", self.average, least=0, below=1, such_as=0.99)
        checks.number("clip", self.clip, least=0, such_as=10)

    def rate(self, step: int) -> float:
        """The learning rate of a step, the first of which is 0."""
        if self.schedule == "constant":
            return self.learning_rate
        return self.learning_rate * (1 + math.cos(math.pi * step / self.steps)) / 2

    def describe(self) -> dict:
        """What changes the weights after a given step, as JSON has it."""
        names: tuple[str, ...] = ("learning_rate", "schedule", "average", "clip")
        # A constant rate does not mind how many steps will follow.
        names += ("steps",) * (self.schedule != "constant")
        return {name: getattr(self, name) for name in names}


#: 4,000 steps at a rate of 1e-3.
TRAINING_SETTINGS = TrainingSettings()


def lesson(
    made_for: Mapping,
    settings: TrainingSettings,
    losses: Mapping[str, Sequence[float]],
) -> dict:
    """Say, as JSON has it, what a training was: for the card of what it has trained.

    Args:
        made_for: what was trained, and on what.
        settings: how long, how fast.
        losses: of each step, by name; the mean of the last hundred is kept.
    """
    return {
        **made_for,
        "training": settings.describe(),
        "steps": len(losses["total"]),
        "losses": {
            name: round(float(np.mean(values[-100:])), 4)
            for name, values in losses.items()
        },
        "versions": {"style_workshop": __version__, "tensorflow": tf.__version__},
    }
