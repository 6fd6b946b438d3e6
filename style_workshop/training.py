"""One loop that trains a network, can be stopped at any moment, and goes on exactly.

The same loop serves the feed-forward networks and AdaIN: it knows variables, a loss
and batches. Notebook 3.0 trains with it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1
from tqdm.auto import tqdm

from style_workshop import WorkshopError, scopes
from style_workshop.batches import BatchGenerator
from style_workshop.files import load_arrays, save_arrays
from style_workshop.stopping import stop_notebook

#: Takes a batch ``[b, h, w, 3]``, 0-255, and the number of the step to the total loss
#: and its named terms. What it draws at random must follow from the step alone
#: (``tf.random.stateless_uniform(..., seed=[seed, step])``): a run that goes on from a
#: checkpoint then draws the same.
Loss = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, dict[str, tf.Tensor]]]

#: How often in a row a run halves its rate before it gives up.
RETREATS = 5


@dataclass(frozen=True)
class Plan:
    """How long to train, and how fast.

    Attributes:
        steps: in all, those before a checkpoint included.
        learning_rate: of Adam; 1e-3 in [8].
        clip: largest norm of the gradient of all variables together; what is longer
            is shortened. 0 leaves it.
        every: steps from one checkpoint to the next.
        keep: how many checkpoints stay.
    """

    steps: int = 4000
    learning_rate: float = 1e-3
    clip: float = 10.0
    every: int = 100
    keep: int = 3


#: 4,000 steps at a rate of 1e-3.
PLAN = Plan()


@dataclass
class History:
    """What a training leaves beside the variables.

    ``losses`` maps ``total`` and every named term to its value at each step.
    ``retreats`` lists the steps at which a loss was not finite, and the rate halved.
    ``interrupted`` says that a person stopped it.
    """

    losses: dict[str, list[float]] = field(default_factory=dict)
    retreats: list[int] = field(default_factory=list)
    interrupted: bool = False

    @property
    def steps(self) -> int:
        return len(self.losses.get("total", ()))


def check(plan: Plan) -> None:
    """Refuse a plan that makes no sense, before anything is loaded.

    Raises:
        WorkshopError: says what to use.
    """
    for name, least in (("steps", 1), ("every", 1), ("keep", 1)):
        number = getattr(plan, name)
        if not isinstance(number, int | np.integer) or number < least:
            raise WorkshopError(f"{name} is {number!r}: use {least} or more.")
    if not 0 < plan.learning_rate < np.inf:
        raise WorkshopError(f"A learning rate of {plan.learning_rate}: use 0.001.")
    if not 0 <= plan.clip < np.inf:
        raise WorkshopError(f"A clip of {plan.clip}: use 10, or 0 for none.")


def train(
    variables: Sequence[tf.Variable],
    loss: Loss,
    batches: BatchGenerator,
    plan: Plan = PLAN,
    folder: str | Path | None = None,
    made_for: Mapping | None = None,
    callback: Callable[[History], None] | None = None,
    logs: str | Path | None = None,
    progress: str | None = "training",
) -> History:
    """Lower ``loss`` with Adam, from the last checkpoint of ``folder`` if it has one.

    Each checkpoint has the variables, the state of Adam, the step, where ``batches``
    stands, and all losses so far. On a CPU, in float32, with one number of threads, a
    run that is killed and started again ends with the same weights, bit for bit, as
    one that was not. Ctrl-C (or the stop button of Jupyter) writes a checkpoint and
    returns. When a loss is not finite, the run goes back to the last checkpoint, says
    so, and goes on with half the rate.

    Args:
        variables: that are changed.
        loss: of a batch, see `Loss`.
        batches: gives ``[b, h, w, 3]``; one batch a step.
        plan: how long, how fast.
        folder: of the checkpoints; None keeps none, and only Ctrl-C and the end of
            the plan end the run.
        made_for: what is trained, as JSON has it (architecture, weights of the loss).
            A checkpoint of something else is refused.
        callback: called with the history at each checkpoint, and at the end.
        logs: folder for TensorBoard.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The history of all steps, also of those before the checkpoint.

    Raises:
        WorkshopError: a plan that makes no sense, a checkpoint of another training, a
            full disk, or losses that stay infinite with ever smaller rates.
    """
    check(plan)
    run = _Run(list(variables), loss, batches, plan, folder, made_for, logs)
    run.resume()
    with tqdm(total=plan.steps, initial=run.step, desc=progress,
              disable=progress is None) as run.bar:  # fmt: skip
        try:
            while run.step < plan.steps:
                moved = run.go()
                if moved and (run.step % plan.every == 0 or run.step == plan.steps):
                    run.save()
                    if callback:
                        callback(run.history)
        except KeyboardInterrupt:
            run.history.interrupted = True
            stop_notebook()
            run.save()
        finally:
            if run.logs:
                run.logs.close()
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

    def __init__(self, variables, loss, batches, plan, folder, made_for, logs):
        self.variables, self.batches, self.plan = variables, batches, plan
        self.folder = Path(folder) if folder else None
        self.made_for = dict(made_for or {})
        self.history, self.bar = History(), None
        self.adam = tf.keras.optimizers.Adam(
            plan.learning_rate, global_clipnorm=plan.clip or None
        )
        self.adam.build(variables)
        self._first = batches.state()
        self.logs = _log_writer(logs) if logs else None
        self._good = None  # what to go back to where there is no folder
        self._failed = 0  # retreats since a checkpoint was last written
        self._compiled = tf.function(self._move(loss))

    @property
    def step(self) -> int:
        return self.history.steps

    def _move(self, loss: Loss) -> Callable:
        def move(batch, step):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(self.variables)
                total, terms = loss(batch, step)
            gradients = tape.gradient(total, self.variables)
            # Clipping hides an infinite gradient, or makes NaN of it.
            finite = tf.math.is_finite(total + tf.linalg.global_norm(gradients))
            self.adam.apply_gradients(zip(gradients, self.variables, strict=True))
            return {"total": total, **terms}, finite

        return move

    def go(self) -> bool:
        """Take one step, or go back to the last good one, and say which."""
        batch, step = tf.constant(self.batches.next()), tf.constant(self.step)
        terms, finite = self._compiled(batch, step)
        if not finite:
            self._retreat()
            return False
        terms = {name: float(value) for name, value in terms.items()}
        for name in sorted(terms):  # total last: its length is the number of steps
            self.history.losses.setdefault(name, []).append(terms[name])
        self.bar.update()
        recent = self.history.losses["total"][-50:]
        self.bar.set_postfix_str(f"loss {np.mean(recent):.4g}", refresh=False)
        if self.logs:
            tags = [tf1.Summary.Value(tag=n, simple_value=v) for n, v in terms.items()]
            self.logs.add_summary(tf1.Summary(value=tags), self.step)
        return True

    def _retreat(self) -> None:
        rate, failed = float(self.adam.learning_rate.numpy()) / 2, self.step
        self._failed += 1
        self._restore(*self._good)
        if self._failed > RETREATS:
            raise WorkshopError(
                f"The loss of step {failed + 1} is not finite, with ever smaller rates "
                "too: use smaller weights, or look for pictures that hold NaN."
            )
        self.adam.learning_rate.assign(rate)
        self.history.retreats.append(failed)
        self._keep()  # so that a run that is killed now goes on with that rate
        self.bar.reset()
        self.bar.update(self.step)
        self.bar.write(
            f"The loss of step {failed + 1} is not finite: back to step {self.step}, "
            f"with a learning rate of {rate:.2g}."
        )

    # --- checkpoints ----------------------------------------------------------------

    def resume(self) -> None:
        """Take over the last checkpoint of the folder; write the first if none."""
        if self.folder and (found := checkpoints(self.folder)):
            self._restore(*load_arrays(found[-1]), found[-1])
        if self.step:
            self._good = self._state()
        else:
            self._keep()

    def save(self) -> None:
        """Keep this step, if all its parts belong to one and the same step."""
        if int(self.adam.iterations.numpy()) != self.step:
            return  # Ctrl-C came between the step and its loss; the last one stays
        self._failed = 0
        self._keep()

    def _keep(self) -> None:
        """Make this what a retreat goes back to; write it if there is a folder."""
        self._good = self._state()
        if not self.folder:
            return
        save_arrays(self.folder / f"step-{self.step:07d}.npz", *self._good)
        for old in checkpoints(self.folder)[: -self.plan.keep]:
            old.unlink()

    def _state(self) -> tuple[dict[str, np.ndarray], dict]:
        named = scopes.by_name(self.variables)
        arrays = {f"variable/{name}": v.numpy() for name, v in named.items()}
        for number, variable in enumerate(self.adam.variables):
            arrays[f"adam/{number:04d}"] = variable.numpy()
        for name, values in self.history.losses.items():
            arrays[f"loss/{name}"] = np.array(values)
        # One batch a step: those that were taken since, but not used, do not count.
        taken = self._first["batches"] + self.step
        note = {
            "made_for": self.made_for,
            "batches": {**self._first, "batches": taken},
            "first_batch": self._first["batches"],
            "retreats": self.history.retreats,
        }
        return arrays, note

    def _restore(
        self, arrays: Mapping, note: Mapping, path: Path | None = None
    ) -> None:
        named = scopes.by_name(self.variables)
        pairs = [(f"variable/{name}", v) for name, v in named.items()]
        pairs += [(f"adam/{n:04d}", v) for n, v in enumerate(self.adam.variables)]
        fits = note.get("made_for") == self.made_for and all(
            name in arrays and arrays[name].shape == variable.shape
            for name, variable in pairs
        )
        if not fits:
            raise WorkshopError(
                f"{path} is a checkpoint of another training, with other settings: "
                "use those, or choose an empty folder."
            )
        self.batches.restore(note["batches"])
        for name, variable in pairs:
            variable.assign(arrays[name])
        self._first = {**note["batches"], "batches": note["first_batch"]}
        self.history.losses = {
            name.removeprefix("loss/"): array.tolist()
            for name, array in arrays.items()
            if name.startswith("loss/")
        }
        self.history.retreats = list(note["retreats"])
