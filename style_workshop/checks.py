"""Refuse what makes no sense: each kind of value once, in one sentence.

Each function takes the name of a value and the value, returns it as plain Python
has it, or says what was given and what to use. The settings classes call them where
they are made, so nobody need ask again.
"""

import operator
import reprlib
from collections.abc import Collection, Mapping, Sequence
from numbers import Real

import numpy as np

from style_workshop import WorkshopError

#: The largest weight and seed: float32 and TensorFlow's int32 hold them.
LARGEST_WEIGHT, LARGEST_SEED = 1e30, 2**31 - 1


def whole_number(
    name: str, value: int, *, least: int = 0, most: int | None = None
) -> int:
    """Take an ``int``, or NumPy's, from ``least`` to ``most``; True is no number.

    Raises:
        WorkshopError: another value.
    """
    end = "or more" if most is None else f"to {most}"
    refused = _refused(name, value, f"a whole number, {least} {end}")
    try:
        number = operator.index(value)
    except TypeError:
        raise refused from None
    if isinstance(value, bool | np.ndarray) or number < least:
        raise refused
    if most is not None and number > most:
        raise refused
    return number


def seed(value: int) -> int:
    """Take what starts a sequence of random numbers, in NumPy and in TensorFlow.

    Raises:
        WorkshopError: another value.
    """
    return whole_number("seed", value, most=LARGEST_SEED)


def number(
    name: str,
    value: float,
    *,
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
    such_as: float | str | None = None,
) -> float:
    """Take a finite number, of Python or NumPy, in a range.

    Args:
        name: of the value.
        value: the value.
        least: the smallest, which is allowed.
        above: like ``least``, but not allowed itself.
        most: the largest, which is allowed.
        below: like ``most``, but not allowed itself.
        such_as: a good value, named in the sentence.

    Raises:
        WorkshopError: another value.
    """
    real = _float(value)
    fits = (
        np.isfinite(real)
        and (least is None or real >= least)
        and (above is None or real > above)
        and (most is None or real <= most)
        and (below is None or real < below)
    )
    if fits:
        return real
    limits = {"from": least, "above": above, "up to": most, "and below": below}
    words = [f"{word} {end:g}" for word, end in limits.items() if end is not None]
    example = [] if such_as is None else [f", such as {such_as}"]
    raise _refused(name, value, " ".join(["a number", *words]) + "".join(example))


def weight(name: str, value: float) -> float:
    """Take a weight of a loss: 0 or more.

    Raises:
        WorkshopError: another value.
    """
    real = _float(value)
    if not 0 <= real <= LARGEST_WEIGHT:
        raise _refused(
            name, value, f"a weight of 0 or more, {LARGEST_WEIGHT:g} at most"
        )
    return real


def choice(name: str, value: str, known: Collection[str]) -> str:
    """Take one of the words ``known``.

    Raises:
        WorkshopError: another value.
    """
    if not isinstance(value, str) or value not in known:
        raise _refused(name, value, listed(known))
    return value


def flag(name: str, value: bool) -> bool:
    """Take True or False.

    Raises:
        WorkshopError: another value.
    """
    if not isinstance(value, bool | np.bool_):
        raise _refused(name, value, "True or False")
    return bool(value)


def picture(name: str, value: np.ndarray) -> np.ndarray:
    """Take a picture, ``[h, w, 3]``, of finite numbers; their range is not looked at.

    Raises:
        WorkshopError: another shape, no array at all, or NaN.
    """
    if not isinstance(value, np.ndarray):
        raise WorkshopError(
            f"{name} is of type {type(value).__name__}: use an array [h, w, 3] with "
            "numbers in 0-255, as images.read gives it."
        )
    if value.ndim != 3 or value.shape[-1] != 3 or not value.size:
        raise WorkshopError(
            f"{name} has the shape {value.shape}: a picture is [h, w, 3]."
        )
    if value.dtype.kind not in "fiu" or not np.isfinite(value).all():
        raise WorkshopError(
            f"{name} holds values that are no finite numbers: use numbers in 0-255."
        )
    return value


def layers(name: str, value: Sequence[str]) -> tuple[str, ...]:
    """Take the names of one or more layers; whether a network has them shows later.

    Raises:
        WorkshopError: none, one name that is in no list, or other things than names.
    """
    several = isinstance(value, Collection) and not isinstance(value, str | bytes)
    if not several or not value or not all(isinstance(one, str) for one in value):
        raise _refused(name, value, "a list of layers, such as ['conv4_2']")
    return tuple(value)


def layer_weights(name: str, value: Mapping[str, float]) -> dict[str, float]:
    """Take one or more layers, each with its weight.

    Raises:
        WorkshopError: no layers, no weights, or a weight that makes no sense.
    """
    names = isinstance(value, Mapping) and all(isinstance(one, str) for one in value)
    if not names or not value:
        raise _refused(name, value, "layers with their weights, as {'conv4_2': 1.0}")
    return {layer: weight(f"{name}[{layer!r}]", one) for layer, one in value.items()}


def listed(words: Collection[str]) -> str:
    """Give ``a, b or c``."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def _float(value: float) -> float:
    """Give a real number as a float; NaN for what is none."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return float("nan")
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _refused(name: str, value, use: str) -> WorkshopError:
    return WorkshopError(f"{name} is {reprlib.repr(value)}: use {use}.")
