"""Model parallelism: each network on a device of its own, as on an assembly line.

A batch goes through in micro-batches: while the loss network looks at the first, the
decoder paints the second, and the encoder reads the third (Huang et al., "GPipe",
NeurIPS 2019, section 2).
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np
import tensorflow as tf

from style_workshop import checks

#: What is done for a micro-batch, in this order; ``back`` is the decoder's gradient.
JOBS = ("content", "style", "decode", "compare", "back")


@dataclass(frozen=True)
class Stages:
    """The networks of a training, as functions.

    Attributes:
        content: from photographs ``[b, h, w, 3]`` to their features.
        style: from style images ``[b, h, w, 3]`` to their statistics.
        decode: from features and statistics to pictures ``[b, h, w, 3]``.
        compare: from pictures, features, statistics and the number of the step to the
            total loss, a mean over pictures, and its named terms.
    """

    content: Callable
    style: Callable
    decode: Callable
    compare: Callable


class Pipeline:
    """Finds loss and gradients of a batch in stages; a `replicas.Gradients`."""

    def __init__(
        self,
        stages: Stages,
        variables: Sequence[tf.Variable],
        devices: Mapping[str, str],
        *,
        micro_batches: int = 4,
        in_flight: int = 2,
    ):
        """Put the stages on devices.

        Args:
            stages: the networks.
            variables: of the decoder, which are trained.
            devices: of ``content``, ``style``, ``decode`` and ``compare``.
            micro_batches: equal parts of a batch.
            in_flight: the decoder paints so many before it takes the gradient of the
                first, and keeps what it needs for those gradients: 1 waits for each, 2
                waits for none, ``micro_batches`` is GPipe.
        """
        self.stages, self.variables = stages, list(variables)
        self.devices = {**devices, "back": devices["decode"]}
        self.micro_batches = checks.whole_number(
            "micro_batches", micro_batches, least=1
        )
        self.in_flight = checks.whole_number("in_flight", in_flight, least=1)

    def __call__(self, batch, step):
        """Give total loss, named terms, and the gradient for each variable.

        Args:
            batch: photographs and style images, each ``[b, h, w, 3]``.
            step: its number.
        """
        return self._through(_Lines(self.devices, timed=False), batch, step)

    def timed(self, batch, step):
        """Give what a call gives, and begin and end of each of `order`.

        In seconds, ``[jobs, 2]``. A GPU is given its jobs ahead of time: there they are
        the times of its queue.
        """
        lines = _Lines(self.devices, timed=True)
        found = self._through(lines, batch, step)
        #: Job and device, as they were given out.
        self.order = lines.order
        return found, tf.stack(lines.spans)

    def _through(self, lines: "_Lines", batch, step):
        photographs, styles = (tf.split(part, self.micro_batches) for part in batch)
        waiting: deque[Callable] = deque()
        losses: list = []
        gradients: Any = None
        for part in zip(photographs, styles, strict=True):
            loss, back = self._forward(lines, part, step)
            losses.append(loss)
            waiting.append(back)
            if len(waiting) == self.in_flight:
                gradients = self._add(gradients, waiting.popleft())
        while waiting:
            gradients = self._add(gradients, waiting.popleft())
        total, terms = tf.nest.map_structure(
            lambda *values: tf.add_n(values) / self.micro_batches, *losses
        )
        with tf.device(self.devices["back"]):
            return total, terms, [slope / self.micro_batches for slope in gradients]

    def _forward(self, lines: "_Lines", part, step) -> tuple[Any, Callable]:
        """Send a micro-batch up to the loss; give that, and the way back."""
        photographs, styles = part
        features = lines.do("content", self.stages.content, photographs)
        statistics = lines.do("style", self.stages.style, styles)
        tape = tf.GradientTape(watch_accessed_variables=False)

        def decode(features, statistics):
            with tape:
                tape.watch(self.variables)
                return self.stages.decode(features, statistics)

        def compare(painted, *wanted):
            with tf.GradientTape(watch_accessed_variables=False) as own:
                own.watch(painted)
                total, terms = self.stages.compare(painted, *wanted, step)
            return own.gradient(total, painted), (total, terms)

        def back(slope):
            return tape.gradient(painted, self.variables, output_gradients=slope)

        painted = lines.do("decode", decode, features, statistics)
        slope, loss = lines.do("compare", compare, painted, features, statistics)
        return loss, lambda: lines.do("back", back, slope)

    def _add(self, gradients, back: Callable):
        found = back()
        if gradients is None:
            return found
        with tf.device(self.devices["back"]):
            return [one + other for one, other in zip(gradients, found, strict=True)]


class _Lines:
    """Devices, each of which does its jobs one after the other, in their order."""

    def __init__(self, devices: Mapping[str, str], timed: bool):
        self._devices, self._timed = devices, timed
        self._last: dict[str, list] = {}  # what a device's next job waits for
        self.order: list[tuple[str, str]] = []
        self.spans: list[list[tf.Tensor]] = []

    def do(self, job: str, function: Callable, *inputs):
        device = self._devices[job]
        wait = self._last.get(device, []) + tf.nest.flatten(inputs)
        begin = [_now(wait)] if self._timed else []
        with tf.device(device), tf.control_dependencies(wait + begin):
            # Here, and not when they are ready, inputs come over to the device.
            outputs = function(*tf.nest.map_structure(tf.identity, inputs))
        self._last[device] = tf.nest.flatten(outputs)
        if self._timed:
            self._last[device] = [_now(self._last[device])]
            self.order.append((job, device))
            self.spans.append([*begin, *self._last[device]])
        return outputs


def _now(tensors: list[tf.Tensor]) -> tf.Tensor:
    """Give the time, in seconds, at which all of them are there.

    Not by ``tf.timestamp``: TensorFlow keeps operations with a state in their order,
    and so would do one job after the other.
    """
    with tf.device("CPU:0"), tf.control_dependencies(tensors):
        ready = tf.reshape(tensors[-1], [-1])[:1]
        time = tf.numpy_function(
            lambda _: np.float64(perf_counter()), [ready], tf.float64, stateful=False
        )
    return tf.ensure_shape(time, [])
