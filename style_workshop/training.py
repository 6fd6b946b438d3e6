"""One loop that trains a network, can be stopped at any moment, and goes on exactly.

The same loop serves the feed-forward networks and AdaIN: it knows variables, a loss
and batches. Notebook 3.0 trains with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from tqdm.auto import tqdm

from style_workshop import WorkshopError, replicas, scopes
from style_workshop.files import load_arrays, save_arrays
from style_workshop.replicas import Adam, Batches, Gradients, Loss, by_tape
from style_workshop.schedule import TRAINING_SETTINGS, TrainingSettings
from style_workshop.stopping import stop_notebook

#: How often in a row a run halves its rate before it gives up.
ROLLBACKS = 5


@dataclass
class History:
    """What a training leaves beside the variables.

    ``losses`` maps ``total`` and every named term to its value at each step.
    ``rollbacks`` lists the steps at which a loss was not finite, and the rate halved.
    ``interrupted`` says that a person stopped it.
    """

    losses: dict[str, list[float]] = field(default_factory=dict)
    rollbacks: list[int] = field(default_factory=list)
    interrupted: bool = False

    @property
    def steps(self) -> int:
        return len(self.losses.get("total", ()))


def train(
    variables: Sequence[tf.Variable],
    loss: Loss | None,
    batches: Batches,
    *,
    gradients: Gradients | None = None,
    settings: TrainingSettings = TRAINING_SETTINGS,
    folder: str | Path | None = None,
    made_for: Mapping | None = None,
    callback: Callable[[History], None] | None = None,
    logs: str | Path | None = None,
    progress: str | None = "training",
) -> History:
    """Lower ``loss`` with Adam, from the last checkpoint of ``folder`` if it has one.

    Each checkpoint has the variables and their moving average, the state of Adam, the
    step, where ``batches`` stands, and all losses so far. On a CPU, in float32, with
    one number of threads, a run that is killed and started again ends with the same
    weights, bit for bit, as one that was not. Ctrl-C (or the stop button of Jupyter)
    writes a checkpoint and returns. When a loss is not finite, the run goes back to the
    last checkpoint, says so, and goes on with half the rate. A checkpoint that is
    damaged is put aside for the one before.

    In the scope of a ``tf.distribute`` strategy each replica takes its part of every
    batch; of several machines the first writes the checkpoints, which all must see.

    Args:
        variables: that are changed; at the end they have their average, if there is
            one, also after Ctrl-C.
        loss: of a batch, see `replicas.Loss`.
        batches: gives one batch a step, see `replicas.Batches`.
        gradients: finds loss and gradients in another way than by a tape, as
            `parallel` does in stages; there is no ``loss`` then.
        settings: how long, how fast.
        folder: of the checkpoints; None keeps none, and only Ctrl-C and the last step
            end the run.
        made_for: what is trained, as JSON has it (architecture, weights of the loss).
            A checkpoint of something else is refused.
        callback: called with the history at each checkpoint, and at the end; the
            variables have their average meanwhile.
        logs: folder for TensorBoard.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The history of all steps, also of those before the checkpoint.

    Raises:
        WorkshopError: a checkpoint of another training, a full disk, or losses that
            stay infinite with ever smaller rates.
    """
    run = _Run(list(variables), loss, batches, settings, folder, made_for, gradients)
    run.resume()
    run.logs = _log_writer(logs) if logs else None
    with tqdm(total=settings.steps, initial=run.step, desc=progress,
              disable=progress is None) as run.bar:  # fmt: skip
        try:
            while run.step < settings.steps:
                moved, last = run.go(), run.step == settings.steps
                if moved and (run.step % settings.every == 0 or last):
                    run.save()
                    if callback:
                        run.show(callback)
        except KeyboardInterrupt:
            run.history.interrupted = True
            stop_notebook()
            run.save()
        finally:
            if run.logs:
                run.logs.close()
    run.take_average()
    return run.history


def checkpoints(folder: str | Path) -> list[Path]:
    """List the checkpoints of a folder, the latest last."""
    return sorted(Path(folder).glob("step-*.npz"))


def _log_writer(folder: str | Path):
    """Open a file that TensorBoard reads; `tf.summary` needs TensorBoard itself."""
    with tf.Graph().as_default():
        return tf1.summary.FileWriter(str(folder))


class _Run:
    """The state of one training."""

    logs: Any = None
    bar: Any = None

    def __init__(
        self, variables, loss, batches, settings, folder, made_for, gradients=None
    ):
        self.strategy = tf.distribute.get_strategy()
        self._first = self.strategy.extended.should_checkpoint  # of several machines
        self.variables, self.batches, self.settings = variables, batches, settings
        self.folder = Path(folder) if folder else None
        self.made_for = {**(made_for or {}), "training": settings.describe()}
        self.history = History()
        self.adam = Adam(settings.learning_rate, global_clipnorm=settings.clip or None)
        self.adam.build(variables)
        # Sums over the steps: what they lack of an average, `take_average` divides by.
        averaged = variables if settings.average else []
        self.sums = [tf.Variable(tf.zeros_like(v)) for v in averaged]
        # Where the batches stand after a step, and the number of that step.
        self._stand = (0, batches.state())
        self._good = None  # what to go back to where there is no folder
        self._failed = 0  # rollbacks since a checkpoint was last written
        self._compiled = tf.function(self._move(gradients or by_tape(loss, variables)))

    @property
    def step(self) -> int:
        return self.history.steps

    def _move(self, gradients: Gradients) -> Callable:
        decay = self.settings.average

        def on_replica(batch, step):
            total, terms, slopes = replicas.mean(gradients(batch, step))
            # Clipping hides an infinite gradient, or makes NaN of it.
            finite = tf.math.is_finite(total + tf.linalg.global_norm(slopes))
            self.adam.apply_gradients(zip(slopes, self.variables, strict=True))
            return {"total": total, **terms}, finite

        def move(batch, step):
            taken = self.strategy.run(on_replica, (batch, step))
            for past, variable in zip(self.sums, self.variables, strict=False):
                past.assign(decay * past + (1 - decay) * variable)
            return replicas.first(self.strategy, taken)

        return move

    def go(self) -> bool:
        """Take one step, or go back to the last good one, and say which."""
        rate = self.settings.rate(self.step) / 2 ** len(self.history.rollbacks)
        self.adam.learning_rate.assign(rate)
        batch = replicas.split(self.strategy, self.batches.next())
        terms, finite = self._compiled(batch, tf.constant(self.step))
        if not finite:
            self._roll_back()
            return False
        terms = {name: float(value) for name, value in terms.items()}
        self._stand = (self.step + 1, self.batches.state())
        for name in sorted(terms):  # total last: its length is the number of steps
            self.history.losses.setdefault(name, []).append(terms[name])
        self._report(terms)
        return True

    def _report(self, terms: Mapping[str, float]) -> None:
        self.bar.update()
        recent = self.history.losses["total"][-50:]
        self.bar.set_postfix_str(f"loss {np.mean(recent):.4g}", refresh=False)
        if self.logs:
            tags = [tf1.Summary.Value(tag=n, simple_value=v) for n, v in terms.items()]
            self.logs.add_summary(tf1.Summary(value=tags), self.step)

    def _roll_back(self) -> None:
        failed = self.step
        self._failed += 1
        self._restore(*self._good)
        if self._failed > ROLLBACKS:
            raise WorkshopError(
                f"The loss of step {failed + 1} is not finite, with ever smaller rates "
                "too: use smaller weights, or look for pictures that hold NaN."
            )
        self.history.rollbacks.append(failed)
        self._keep()  # so that a run that is killed now goes on with that rate
        self.bar.reset()
        self.bar.update(self.step)
        times = 2 ** len(self.history.rollbacks)
        self.bar.write(
            f"The loss of step {failed + 1} is not finite: back to step {self.step}, "
            f"with a learning rate of {self.settings.rate(self.step) / times:.2g}."
        )

    # --- the moving average ---------------------------------------------------------

    def take_average(self) -> None:
        """Put into the variables the average over all steps, the latest weighing most.

        The sums begin with 0 and have only ``1 - average^steps`` of what they should.
        """
        steps = int(self.adam.iterations.numpy())
        if self.sums and steps:
            share = 1 - self.settings.average**steps
            for variable, past in zip(self.variables, self.sums, strict=True):
                variable.assign(past / share)

    def show(self, callback: Callable[[History], None]) -> None:
        """Call back while the variables have their average."""
        values = [variable.numpy() for variable in self.variables]
        self.take_average()
        try:
            callback(self.history)
        finally:
            for variable, value in zip(self.variables, values, strict=True):
                variable.assign(value)

    # --- checkpoints ----------------------------------------------------------------

    def resume(self) -> None:
        """Take over the last checkpoint of the folder; write the first if none."""
        if self.folder:
            self._take_up(checkpoints(self.folder))
        replicas.require_same(self.strategy, self.step)
        if self.step:
            self._good = self._state()
        else:
            self._keep()

    def _take_up(self, found: list[Path]) -> None:
        """Go on from the last of these that can be read."""
        for path in reversed(found):
            try:
                arrays, note = load_arrays(path)
            except WorkshopError as error:
                aside = path.with_name(f"{path.name}.damaged")
                before = [other.name for other in found if other < path]
                if not before:
                    raise WorkshopError(
                        f"{error} No checkpoint before it is left: choose an empty "
                        "folder to begin anew."
                    ) from error
                if self._first:
                    path.rename(aside)
                tqdm.write(f"{path} is damaged: back to {before[-1]}.")
                continue
            self._restore(arrays, note, path)
            return

    def save(self) -> None:
        """Keep this step, if all its parts belong to one and the same step."""
        if not int(self.adam.iterations.numpy()) == self.step == self._stand[0]:
            return  # Ctrl-C came between the step and its loss; the last one stays
        self._failed = 0
        self._keep()

    def _keep(self) -> None:
        """Make this what a run goes back to; write it if there is a folder."""
        self._good = self._state()
        if not self.folder or not self._first:
            return
        save_arrays(self.folder / f"step-{self.step:07d}.npz", *self._good)
        for old in checkpoints(self.folder)[: -self.settings.keep]:
            old.unlink()

    def _parts(self) -> dict[str, tf.Variable]:
        """All variables of a checkpoint, by their names in it."""
        named = scopes.by_name(self.variables)
        parts = {f"variable/{name}": v for name, v in named.items()}
        parts |= {f"adam/{n:04d}": v for n, v in enumerate(self.adam.variables)}
        return parts | {f"average/{n:04d}": v for n, v in enumerate(self.sums)}

    def _state(self) -> tuple[dict[str, np.ndarray], dict]:
        arrays = {name: variable.numpy() for name, variable in self._parts().items()}
        for name, values in self.history.losses.items():
            arrays[f"loss/{name}"] = np.array(values)
        note = {
            "made_for": self.made_for,
            "batches": self._stand[1],
            "rollbacks": list(self.history.rollbacks),
        }
        return arrays, note

    def _restore(
        self, arrays: Mapping, note: Mapping, path: Path | None = None
    ) -> None:
        fits = note.get("made_for") == self.made_for and all(
            name in arrays and arrays[name].shape == variable.shape
            for name, variable in self._parts().items()
        )
        if not fits:
            raise WorkshopError(
                f"{path} is a checkpoint of another training, with other settings: "
                "use those, or choose an empty folder."
            )
        self.batches.restore(note["batches"])
        for name, variable in self._parts().items():
            variable.assign(arrays[name])
        self.history.losses = {
            name.removeprefix("loss/"): array.tolist()
            for name, array in arrays.items()
            if name.startswith("loss/")
        }
        self.history.rollbacks = list(note["rollbacks"])
        self._stand = (self.step, note["batches"])
