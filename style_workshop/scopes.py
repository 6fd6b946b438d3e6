"""The scope factory: a function whose calls all share one set of variables.

What is wrapped asks for its variables in plain TensorFlow 1 style, with
``tf.compat.v1.get_variable`` in variable scopes. Where their first values come from,
that they are float32 whatever type is computed in, and that eager and compiled calls
may come in any order is settled here, for every network of the workshop. Notebook 0.1
builds it by hand.
"""

import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

# The variable scopes of TensorFlow 1 are the workshop's way to share weights by
# name; they live on in TensorFlow 2 under this name.
import tensorflow.compat.v1 as tf1

from style_workshop import WorkshopError

# In Jupyter TensorFlow logs at the level INFO, and prints there every variable that a
# template makes after its first call.
tf.get_logger().setLevel("WARNING")


class Template(Protocol):
    """What `make_template` gives: a function, and the variables of all its calls."""

    variables: tuple[tf.Variable, ...]

    def __call__(self, *arguments: Any) -> Any:
        """Take what ``build`` takes."""


def make_template(
    name: str,
    build: Callable,
    *example,
    values: Mapping[str, np.ndarray] | None = None,
    seed: int = 0,
    trainable: bool = True,
) -> Template:
    """Wrap ``build``: its first call makes its variables, all others use them again.

    Inside, ``get_variable(name, shape, x.dtype)`` gives a float32 variable, cast to
    the type of ``x``. It starts with its saved value; if there are none with what its
    ``initializer`` gives; if it has none, uniform with the variance ``2 / (inputs +
    outputs)`` of Glorot and Bengio (2010). Those random numbers depend on the seed
    and on the variable's name, not on the order in which variables are made.

    Args:
        name: of the outermost scope; a second template of that name gets ``name_1``.
        build: takes tensors, and whatever else, to a result.
        example: arguments of the first two calls, which are made here; NumPy arrays
            are turned into tensors.
        values: saved ones, by the names that `by_name` gives; None draws them.
        seed: of the random ones.
        trainable: False for a network that stays as it is; it may then make more
            variables in later calls.

    Returns:
        A function that takes what ``build`` takes; its ``variables`` are a tuple.

    Raises:
        WorkshopError: the saved values have none of a variable's name and shape.
    """
    getter = _custom_getter(values, seed, trainable)
    # Outside of any tf.function: a template keeps the scope that its second call opens.
    # Were that call inside, every later eager call would give symbolic tensors.
    with tf.init_scope():
        template = tf1.make_template(name, build, custom_getter_=getter)
        tensors = [tf.constant(a) if isinstance(a, np.ndarray) else a for a in example]
        for _ in range(2):
            _first_call(template, tensors)
    return template


def by_name(variables: Iterable[tf.Variable]) -> dict[str, tf.Variable]:
    """Give variables by names like ``conv4_2/kernel``, without that of their network.

    The network's own name differs between copies: ``vgg19``, ``vgg19_1`` and so on.
    """
    return {
        _short(variable.name.removesuffix(":0")): variable for variable in variables
    }


def name_here(name: str) -> str:
    """Give what `by_name` would call ``name`` in the scope that is open."""
    return _short(f"{tf1.get_variable_scope().name}/{name}")


def _short(name: str) -> str:
    return name.split("/", 1)[-1]


def _first_call(template, tensors) -> None:
    try:
        template(*tensors)
    except WorkshopError as error:  # to its sentence a template adds where it was made
        raise WorkshopError(str(error).split("\n")[0]) from error


def _custom_getter(values, seed, trainable) -> Callable:
    """Make the function that stands between ``get_variable`` and the variables."""

    def custom_getter(getter, name, shape, dtype, initializer, **options):
        if values is not None:
            initializer = _saved(values, _short(name))
        elif initializer is None:
            initializer = _glorot(seed, _short(name))
        options |= {"trainable": trainable, "use_resource": True}
        variable = getter(
            name, shape=shape, dtype=tf.float32, initializer=initializer, **options
        )
        if tf.executing_eagerly():
            _take_off_the_lists(variable)
        return tf.cast(variable, dtype)

    return custom_getter


def _take_off_the_lists(variable) -> None:
    """Let a variable go with its template, see `make_template`.

    The default graph of TensorFlow 1, which lives as long as the process, lists all
    variables that an eager template makes, and so would keep them for ever.
    """
    for name in ("GLOBAL_VARIABLES", "TRAINABLE_VARIABLES"):
        listed = tf1.get_collection_ref(getattr(tf1.GraphKeys, name))
        listed[:] = [other for other in listed if other is not variable]


# An initializer is called once, when its variable is made.


def _saved(values, name) -> Callable:
    def initializer(shape, dtype, **_):
        saved = values.get(name)
        if saved is None or list(saved.shape) != list(shape):
            raise WorkshopError(
                f"These values do not fit the network: {name} should be {list(shape)}, "
                f"and is {'missing' if saved is None else list(saved.shape)}."
            )
        return tf.constant(saved, dtype)

    return initializer


def _glorot(seed, name) -> Callable:
    def initializer(shape, dtype, **_):
        random = np.random.default_rng([seed, zlib.crc32(name.encode())])
        positions = math.prod(shape[:-2])
        bound = np.sqrt(6 / (positions * sum(shape[-2:])))
        return tf.constant(random.uniform(-bound, bound, shape), dtype)

    return initializer
