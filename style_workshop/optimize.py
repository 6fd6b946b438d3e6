"""Change a picture until a loss is small, with L-BFGS (SciPy), Adam or equal steps."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np
import scipy.optimize
import tensorflow as tf
from tqdm.auto import tqdm

from style_workshop import WorkshopError, checks
from style_workshop.images import resize
from style_workshop.stopping import stop_notebook
from style_workshop.waves import scale_waves, wave_scales

#: Those that come to rest in a minimum; ``"descent"`` goes on in steps of one size.
OPTIMIZERS = ("lbfgs", "adam")
#: Gray levels (root mean square): nearer to a loss of 0 L-BFGS has nothing to gain.
AT_REST = 1e-4
#: What `start_image` makes the first picture of.
INITS = ("content", "noise", "style")

#: A loss takes a picture ``[h, w, 3]`` to its total and its named terms, scalars.
Loss = Callable[[tf.Tensor], tuple[tf.Tensor, dict[str, tf.Tensor]]]
#: Makes the picture ``[h, w, 3]``, 0-255, from other numbers, of any shape.
Decode = Callable[[tf.Tensor], tf.Tensor]


@dataclass
class Result:
    """What an optimization leaves: the picture, and how it came there.

    ``image`` is ``[h, w, 3]`` float32 in 0-255. ``history`` maps ``total`` and every
    named term to its value at the start and after each step. ``interrupted`` says
    that a person stopped it; image and history then end where it was stopped.
    """

    image: np.ndarray
    history: dict[str, list[float]] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def steps(self) -> int:
        """Steps taken; the history is one longer, for the start."""
        return max(0, len(self.history.get("total", ())) - 1)


class NotFinite(WorkshopError):
    """A loss that became NaN or infinite; ``result`` has the picture before that."""

    result: Result


def start_image(
    init: str,
    content: np.ndarray,
    style: np.ndarray,
    *,
    start: np.ndarray | None = None,
    seed: int = 0,
    deviation: float = 40.0,
) -> np.ndarray:
    """Make the picture that an optimization starts from.

    Args:
        init: ``"content"``, ``"style"`` (resized to the content) or ``"noise"``
            (gray, normal).
        content: ``[h, w, 3]``, 0-255; gives the size.
        style: ``[h', w', 3]``, 0-255.
        start: a picture of one's own, in place of ``init``; it is resized.
        seed: of the noise.
        deviation: standard deviation of the noise, in gray levels.

    Returns:
        ``[h, w, 3]`` float32, 0-255.

    Raises:
        WorkshopError: another word, or a deviation that makes no sense.
    """
    checks.choice("init", init, INITS)
    checks.number("deviation", deviation, above=0, most=255, such_as=40)
    if start is None and init == "noise":
        noise = np.random.default_rng(seed).normal(127.5, deviation, content.shape)
        return np.clip(noise, 0, 255).astype(np.float32)
    if start is None and init == "content":
        return np.array(content, np.float32)
    return resize(style if start is None else start, content.shape[:2])


def optimize(
    loss: Loss,
    start: np.ndarray,
    steps: int = 300,
    *,
    optimizer: str = "lbfgs",
    learning_rate: float = 5.0,
    callback: Callable[[int, np.ndarray, dict[str, float]], None] | None = None,
    callback_steps: Collection[int] | None = None,
    progress: str | None = "steps",
    decode: Decode | None = None,
    corrections: int = 10,
    falloff: float = 0.0,
) -> Result:
    """Change ``start`` until ``loss`` is small. Notebook 2.0 compares the ways.

    The loss and its gradient are compiled once. Ctrl-C (or the stop button of
    Jupyter, see `stopping`) ends it early and returns the picture so far. A loss may
    draw from a ``tf.random.Generator``, for a random shift in each step, say; L-BFGS,
    which compares the losses of several steps, has no use for such a loss.

    Args:
        loss: takes ``[h, w, 3]``, 0-255, to its total and its named terms.
        start: ``[h, w, 3]``, 0-255; with ``decode`` what that takes.
        steps: at most this many. A step of L-BFGS is an iteration, nearly always one
            evaluation of the loss; a step of the others is one evaluation.
        optimizer: ``"lbfgs"`` (no bounds, as the authors of [4] use it), ``"adam"``
            (beta 0.9 and 0.999) or ``"descent"``, which follows the gradient over its
            mean absolute value, as DeepDream [2] does. The last two clip the picture
            to 0-255 at each step.
        learning_rate: of Adam, in gray levels of 0-255; of descent, the mean change
            of a pixel in each step. With ``decode`` in the units of ``start``.
        callback: called with the step, the picture ``[h, w, 3]`` in 0-255, and the
            terms of the loss.
        callback_steps: the steps at which ``callback`` is called; None means each.
        progress: what the progress bar counts; None shows no bar.
        decode: makes the picture from the numbers that are changed, where these are
            not its pixels (its Fourier coefficients, say); no step clips those.
        corrections: earlier steps from which L-BFGS knows the curvature; each takes 16
            bytes a number that is changed.
        falloff: above 0, L-BFGS changes the cosine waves of ``start`` in place of its
            numbers, each scaled by its frequency to the power of ``-falloff``: what is
            large in a picture is then as quickly found as what is small. Where the
            loss is least stays the same; with 0.5 that of the Gatys method comes down
            in about half the steps (``make bench-gatys``).

    Returns:
        The result; its picture is clipped to 0-255.

    Raises:
        NotFinite: a term of the loss is NaN or infinite; names it.
        WorkshopError: numbers that make no sense, or an unknown optimizer.
    """
    check(optimizer, steps, learning_rate=learning_rate, falloff=falloff)
    start = np.asarray(start, np.float32)
    run = _Run(loss, start, steps, callback, callback_steps, decode)
    with tqdm(total=steps, desc=progress, disable=progress is None) as run.bar:
        try:
            first, gradient = run.evaluate(run.image)
            run.accept(run.image, first)
            if optimizer == "lbfgs":
                _lbfgs(run, gradient, corrections, falloff)
            else:
                rule = {"adam": _adam, "descent": _descent}[optimizer]
                _follow(run, gradient, rule(run.image, learning_rate))
        except KeyboardInterrupt:
            run.interrupted = True
            stop_notebook()
    return run.result()


def check(
    optimizer: str, steps: int, *, learning_rate: float = 5.0, falloff: float = 0.0
) -> None:
    """Refuse settings that make no sense, before any work starts.

    Raises:
        WorkshopError: says what to use.
    """
    checks.choice("optimizer", optimizer, (*OPTIMIZERS, "descent"))
    checks.whole_number("steps", steps, least=1)
    checks.number("learning_rate", learning_rate, above=0, such_as=5)
    checks.number("falloff", falloff, least=0, most=2, such_as=0.5)


class _Run:
    """The state of one optimization: the picture so far and its history.

    With a ``decode`` the attribute ``image`` holds what that makes the picture from.
    """

    def __init__(self, loss, start, steps, callback, callback_steps, decode=None):
        self.image, self.steps, self.decode = start, steps, decode
        self.callback, self.callback_steps = callback, callback_steps
        self.history: dict[str, list[float]] = {}
        self.interrupted = False
        self.bar = None
        whole = (lambda x: loss(decode(x))) if decode else loss
        self._compiled = tf.function(lambda x: _value_and_gradient(whole, x))

    @property
    def left(self) -> int:
        return self.steps + 1 - len(self.history.get("total", ()))

    def evaluate(self, image: np.ndarray) -> tuple[dict[str, float], np.ndarray]:
        """The terms of the loss, ``total`` among them, and its gradient."""
        terms, gradient = self._compiled(tf.constant(image, tf.float32))
        terms = {name: float(value) for name, value in terms.items()}
        self._require_finite(terms, gradient)
        return terms, gradient.numpy()

    def _require_finite(self, terms, gradient) -> None:
        # The named terms first: the total is not finite because one of them is not.
        bad = [name for name, value in terms.items() if not np.isfinite(value)]
        named = [name for name in bad if name != "total"] or bad
        if not named and not tf.reduce_all(tf.math.is_finite(gradient)):
            named = ["gradient of the loss"]
        if named:
            error = NotFinite(
                f"The {named[0]} is not finite any more after {self.result().steps} "
                "steps: use smaller weights or a smaller learning rate, and check "
                "the pictures for NaN."
            )
            error.result = self.result()
            raise error

    def accept(self, image: np.ndarray, terms: dict[str, float]) -> None:
        """Take a step: keep the picture, note its losses, show and tell."""
        self.image = image
        for name, value in terms.items():
            self.history.setdefault(name, []).append(value)
        step = self.steps - self.left
        if step:
            self.bar.update()
            self.bar.set_postfix_str(f"loss {terms['total']:.4g}", refresh=False)
        wanted = self.callback_steps is None or step in self.callback_steps
        if self.callback and wanted:
            self.callback(step, self.result().image, terms)

    def result(self) -> Result:
        image = self.decode(tf.constant(self.image)) if self.decode else self.image
        image = np.clip(image, 0, 255).astype(np.float32)
        return Result(image, self.history, self.interrupted)


def _value_and_gradient(loss: Loss, image: tf.Tensor):
    with tf.GradientTape() as tape:
        tape.watch(image)
        total, terms = loss(image)
    return {"total": total, **terms}, tape.gradient(total, image)


def _lbfgs(run: _Run, gradient: np.ndarray, corrections: int, falloff: float) -> None:
    """Run SciPy's L-BFGS-B without bounds; start it afresh where it gives up early.

    Its line search fails now and then on the noise of float32, and then ends the run
    after a few steps. A fresh start forgets the curvature and goes on; a second
    failure on the spot means that there is nothing left to gain.
    """
    total, shape = run.history["total"][-1], run.image.shape

    # SciPy minimizes a number near 1, whatever the weights of the loss, and its first
    # step has length 1: in this unit that changes the pixels by 1 gray level (root
    # mean square), and not by 1 all together, which costs it three more evaluations.
    unit = run.image.size**0.5
    if 2 * abs(total) <= AT_REST * unit * np.linalg.norm(gradient):
        return  # a parabola of this slope is 0 that near: what is left is rounding
    scale = 1 / abs(total)
    scales = wave_scales(shape, falloff) if falloff else None

    def scaled(image):
        return image if scales is None else scale_waves(image, scales)

    def picture(flat):
        return scaled((unit * flat).reshape(shape).astype(np.float32))

    def value_and_gradient(flat):
        terms, gradient = run.evaluate(picture(flat))
        value_and_gradient.terms = terms
        # The scaling is symmetric: what leads to the picture leads back.
        gradient = scaled(gradient).ravel().astype(np.float64)
        gradient *= scale * unit
        return scale * terms["total"], gradient

    def step(flat):
        run.accept(picture(flat), value_and_gradient.terms)

    before = None
    while run.left and before != run.left:
        before = run.left
        start = run.image if scales is None else scale_waves(run.image, 1 / scales)
        scipy.optimize.minimize(
            value_and_gradient,
            start.ravel().astype(np.float64) / unit,
            jac=True,
            method="L-BFGS-B",
            callback=step,
            options={
                "maxiter": run.left,
                "maxfun": 20 * run.left,
                "maxcor": corrections,
                "ftol": 0,
                "gtol": 0,
            },
        )


def _follow(run: _Run, gradient: np.ndarray, move: Callable) -> None:
    """Take steps; ``move`` gives the next picture from this one and its gradient."""
    while run.left:
        image = move(run.image, gradient)
        image = image if run.decode else np.clip(image, 0, 255)
        terms, gradient = run.evaluate(image)
        run.accept(image, terms)


def _adam(start: np.ndarray, learning_rate: float) -> Callable:
    variable = tf.Variable(start)
    adam = tf.keras.optimizers.Adam(float(learning_rate))

    def move(image, gradient):
        variable.assign(image)
        adam.apply_gradients([(tf.constant(gradient), variable)])
        return variable.numpy()

    return move


def _descent(start: np.ndarray, learning_rate: float) -> Callable:
    def move(image, gradient):
        mean = max(np.abs(gradient).mean(dtype=np.float64), 1e-30)
        return image - np.float32(learning_rate / mean) * gradient

    return move
