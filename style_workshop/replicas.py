"""One step of a training on several devices that hold the same variables: replicas.

They are those of the ``tf.distribute`` strategy in whose scope a training is called.
Without one there is one replica, and nothing here changes what is computed.
"""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import tensorflow as tf

from style_workshop import WorkshopError


class Batches(Protocol):
    """What a training takes its batches from, such as a ``BatchGenerator``."""

    def next(self) -> Any:
        """Give an array, or arrays in tuples or dictionaries, always of one shape."""

    def state(self) -> dict:
        """Say, as JSON has it, which batch comes next."""

    def restore(self, state: dict) -> None:
        """Go on from there."""


#: Takes a batch and the number of the step, to the total loss and its named terms. What
#: it draws at random must follow from the step alone
#: (``tf.random.stateless_uniform(..., seed=[seed, step])``): a run that goes on from a
#: checkpoint then draws the same.
Loss = Callable[[Any, tf.Tensor], tuple[tf.Tensor, dict[str, tf.Tensor]]]

#: Takes the same to the total loss, its named terms, and a gradient for each variable.
Gradients = Callable[
    [Any, tf.Tensor], tuple[tf.Tensor, dict[str, tf.Tensor], list[tf.Tensor]]
]


def by_tape(loss: Loss, variables: Sequence[tf.Variable]) -> Gradients:
    """Give the function that finds a loss and its gradients."""

    def found(batch, step):
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            total, terms = loss(batch, step)
        return total, terms, tape.gradient(total, variables)

    return found


def mean(values: Any) -> Any:
    """Give, inside of a replica, the mean of what all of them have found.

    The losses of the workshop are means over pictures, so that with equal parts of a
    batch the mean of the gradients is the gradient for the whole of it.
    """

    def over_replicas(strategy, *values):
        pairs = [(value, value) for value in values]  # each goes where it came from
        return strategy.extended.batch_reduce_to(tf.distribute.ReduceOp.MEAN, pairs)

    # `all_reduce` would say the same in one word. But it has a custom gradient, which
    # TensorFlow registers each time that it is traced, and keeps for ever, and with it
    # the graph of the whole step.
    context = tf.distribute.get_replica_context()
    means = context.merge_call(over_replicas, args=tf.nest.flatten(values))
    return tf.nest.pack_sequence_as(values, means)


class Adam(tf.keras.optimizers.Adam):
    """Takes gradients that are the `mean` already.

    Keras adds up the gradients of all replicas, after it has clipped each by itself;
    the gradient that is to be clipped is that of the whole batch.
    """

    def _all_reduce_sum_gradients(self, grads_and_vars):
        return grads_and_vars


def split(strategy: tf.distribute.Strategy, batch: Any) -> Any:
    """Give each replica its part of a batch, in equal parts along the first axis.

    Of several machines each gives parts to its own replicas: all of them draw the same
    batch.

    Args:
        strategy: of TensorFlow.
        batch: an array, or arrays in tuples or dictionaries.
    """

    def part(context):
        count, index = context.num_replicas_in_sync, context.replica_id_in_sync_group
        if count == 1:
            return tf.nest.map_structure(tf.constant, batch)
        return tf.nest.map_structure(
            lambda array: tf.constant(np.split(array, count)[index]), batch
        )

    return strategy.experimental_distribute_values_from_function(part)


def first(strategy: tf.distribute.Strategy, values: Any) -> Any:
    """Give the first replica's values, of those that are on all of them the same."""
    return tf.nest.map_structure(
        lambda value: strategy.experimental_local_results(value)[0], values
    )


def require_same(strategy: tf.distribute.Strategy, step: int) -> None:
    """Make sure that all machines go on from the same step.

    Raises:
        WorkshopError: they do not.
    """
    if strategy.num_replicas_in_sync == 1:
        return
    own = tf.constant(float(step))
    whole = tf.function(lambda: strategy.run(mean, (own,)), autograph=False)
    together = whole()
    if float(first(strategy, together)) != step:
        raise WorkshopError(
            f"The workers are at different steps, this one at {step}: give all of them "
            "the same folder of checkpoints, on a disk that all can read."
        )
