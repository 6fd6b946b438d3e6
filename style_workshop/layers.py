"""The layers of feed-forward networks, each in a variable scope of its own.

Every function that has variables makes them with ``tf.compat.v1.get_variable``, so a
network that is built of them inside a template shares them between its calls, as
`vgg` does. Variables are float32; a layer computes in the type of what it is given.
Notebook 3.0 builds each by hand.
"""

import zlib
from collections.abc import Mapping

import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from style_workshop import WorkshopError

#: Fills what lies beyond the edge: the picture mirrored, or zeros, or nothing, which
#: makes the result smaller.
PADDINGS = ("reflect", "zero", "valid")
#: Added to a variance before its root, which has no slope at 0.
EPSILON = 1e-5


class Values:
    """Where variables get their first values from: saved ones, or a seed.

    A variable's random numbers depend on the seed and on its own name, not on the
    order in which a network makes its variables.
    """

    def __init__(self, saved: Mapping[str, np.ndarray] | None = None, seed: int = 0):
        """Keep ``saved``, by the variables' names without that of the network."""
        self._saved, self._seed = saved, seed

    def variable(self, name: str, shape: list[int], start: str, dtype) -> tf.Tensor:
        """Make or find the variable ``name`` of the present scope.

        Args:
            name: ``kernel`` and the like.
            shape: of the variable.
            start: ``"zeros"``, ``"ones"``, or ``"glorot"``: uniform, with the variance
                ``2 / (inputs + outputs)`` of Glorot and Bengio (2010).
            dtype: what it is cast to.

        Raises:
            WorkshopError: the saved values have none of that name and shape.
        """
        # The first scope is the network's own name, which differs between copies.
        scope = tf1.get_variable_scope().name.split("/", 1)[-1]
        first = self._first(f"{scope}/{name}", shape, start)
        variable = tf1.get_variable(
            name,
            shape,
            tf.float32,
            tf1.constant_initializer(first),
            use_resource=True,
        )
        return tf.cast(variable, dtype)

    def _first(self, name: str, shape: list[int], start: str) -> np.ndarray:
        if self._saved is not None:
            saved = self._saved.get(name)
            if saved is None or list(saved.shape) != shape:
                raise WorkshopError(
                    f"These values do not fit the network: {name} should be {shape}, "
                    f"and is {'missing' if saved is None else list(saved.shape)}."
                )
            return np.asarray(saved, np.float32)
        if start != "glorot":
            return np.full(shape, {"zeros": 0, "ones": 1}[start], np.float32)
        random = np.random.default_rng([self._seed, zlib.crc32(name.encode())])
        positions = shape[0] * shape[1]
        reach = np.sqrt(6 / (positions * (shape[2] + shape[3])))
        return random.uniform(-reach, reach, shape).astype(np.float32)


# --- convolutions -------------------------------------------------------------------


def pad(x: tf.Tensor, pixels: int, padding: str = "reflect") -> tf.Tensor:
    """Add ``pixels`` on each of the four sides of ``[b, h, w, c]``.

    ``"reflect"`` mirrors without repeating the edge, so it needs more than ``pixels``
    rows and columns; ``"zero"`` adds a frame that looks black, or whatever 0 means in
    this layer, and which the next layers mistake for part of the picture.

    Raises:
        WorkshopError: another word.
    """
    if padding not in PADDINGS:
        raise WorkshopError(f"No padding {padding!r}: use {', '.join(PADDINGS)}.")
    if padding == "valid" or not pixels:
        return x
    sides = [[0, 0], [pixels, pixels], [pixels, pixels], [0, 0]]
    return tf.pad(x, sides, "REFLECT" if padding == "reflect" else "CONSTANT")


def convolution(
    values: Values,
    name: str,
    x: tf.Tensor,
    filters: int,
    size: int,
    stride: int = 1,
    padding: str = "reflect",
    bias: bool = True,
) -> tf.Tensor:
    """Pad by half the kernel, convolve, add a bias.

    Args:
        values: where its variables start.
        name: of its scope, which has ``kernel`` ``[size, size, c, filters]``.
        x: ``[b, h, w, c]``.
        filters: channels of the result.
        size: of the square kernel, odd.
        stride: pixels from one position to the next.
        padding: of `pad`.
        bias: False where a norm follows, which would take it away again.

    Returns:
        ``[b, h / stride, w / stride, filters]``, rounded up; with ``"valid"`` smaller.
    """
    with tf1.variable_scope(name):
        shape = [size, size, x.shape[-1], filters]
        kernel = values.variable("kernel", shape, "glorot", x.dtype)
        x = tf.nn.conv2d(pad(x, size // 2, padding), kernel, stride, "VALID")
        if bias:
            x += values.variable("bias", [filters], "zeros", x.dtype)
    return x


def resize_convolution(
    values: Values, name: str, x: tf.Tensor, filters: int, padding: str = "reflect"
) -> tf.Tensor:
    """Double height and width by repeating each pixel, then convolve 3x3, no bias.

    Every pixel of the result sees as many kernel entries as its neighbors, so no
    checkerboard is built in (Odena et al., "Deconvolution and checkerboard
    artifacts", Distill 2016).

    Args:
        values: where its variables start.
        name: of its scope.
        x: ``[b, h, w, c]``.
        filters: channels of the result.
        padding: of `pad`.

    Returns:
        ``[b, 2h, 2w, filters]``.
    """
    x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
    return convolution(values, name, x, filters, 3, padding=padding, bias=False)


def transposed_convolution(
    values: Values, name: str, x: tf.Tensor, filters: int
) -> tf.Tensor:
    """Double height and width with the gradient of a 3x3 convolution of stride 2.

    The paper's way up [8]. Neighboring pixels see 1, 2 and 4 entries of the kernel in
    turn; training has to even that out, and does so never quite.

    Args:
        values: where its variables start.
        name: of its scope, which has ``kernel`` ``[3, 3, filters, c]``.
        x: ``[b, h, w, c]``.
        filters: channels of the result.

    Returns:
        ``[b, 2h, 2w, filters]``.
    """
    with tf1.variable_scope(name):
        shape = [3, 3, filters, x.shape[-1]]
        kernel = values.variable("kernel", shape, "glorot", x.dtype)
    batch, height, width, _ = tf.unstack(tf.shape(x))
    size = [batch, 2 * height, 2 * width, filters]
    return tf.nn.conv2d_transpose(x, kernel, size, 2, "SAME")


# --- norms --------------------------------------------------------------------------


def normalize(x: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """Subtract the mean over ``axes``, divide by the standard deviation; in float32."""
    mean, variance = tf.nn.moments(tf.cast(x, tf.float32), axes, keepdims=True)
    return (tf.cast(x, tf.float32) - mean) * tf.math.rsqrt(variance + EPSILON)


def instance_norm(values: Values, name: str, x: tf.Tensor) -> tf.Tensor:
    """Normalize each channel of each picture over its own positions [7].

    ``y = scale * (x - mean) / sqrt(variance + epsilon) + shift``, in training as
    later: there are no running averages (Ulyanov et al., arXiv:1607.08022, eq. 4).

    Args:
        values: where its variables start.
        name: of its scope, which has ``scale`` and ``shift``, both ``[c]``.
        x: ``[b, h, w, c]``.

    Returns:
        ``[b, h, w, c]`` in the type of ``x``.
    """
    return _scale_and_shift(values, name, normalize(x, [1, 2]), x.dtype)


def batch_norm(values: Values, name: str, x: tf.Tensor) -> tf.Tensor:
    """Normalize each channel over the positions of the whole batch, as [8] did.

    For the comparison of notebook 3.0. It has no running averages: a picture's result
    depends on those beside it, in training as later.

    Args:
        values: where its variables start.
        name: of its scope, which has ``scale`` and ``shift``, both ``[c]``.
        x: ``[b, h, w, c]``.

    Returns:
        ``[b, h, w, c]`` in the type of ``x``.
    """
    return _scale_and_shift(values, name, normalize(x, [0, 1, 2]), x.dtype)


def _scale_and_shift(values, name, x, dtype) -> tf.Tensor:
    with tf1.variable_scope(name):
        scale = values.variable("scale", [x.shape[-1]], "ones", tf.float32)
        shift = values.variable("shift", [x.shape[-1]], "zeros", tf.float32)
    return tf.cast(scale * x + shift, dtype)


def conditional_instance_norm(
    values: Values, name: str, x: tf.Tensor, styles: tf.Tensor
) -> tf.Tensor:
    """Instance norm with a scale and a shift for each style (Dumoulin et al.) [9].

    The paper's equation 5; a mixture of styles mixes their scales and shifts
    (section 3.3 there).

    Args:
        values: where its variables start.
        name: of its scope, which has ``scale`` and ``shift``, both ``[styles, c]``.
        x: ``[b, h, w, c]``.
        styles: ``[b, styles]`` float32, how much of each style each picture gets.

    Returns:
        ``[b, h, w, c]`` in the type of ``x``.
    """
    with tf1.variable_scope(name):
        shape = [styles.shape[-1], x.shape[-1]]
        scale = values.variable("scale", shape, "ones", tf.float32)
        shift = values.variable("shift", shape, "zeros", tf.float32)
    # [b, styles] times [styles, c] is [b, c]: one pair of vectors for each picture.
    scale = tf.matmul(styles, scale)[:, None, None]
    shift = tf.matmul(styles, shift)[:, None, None]
    return tf.cast(scale * normalize(x, [1, 2]) + shift, x.dtype)


def residual_block(
    values: Values, name: str, x: tf.Tensor, norm, padding: str = "reflect"
) -> tf.Tensor:
    """Add to ``x`` what two convolutions make of it: conv, norm, ReLU, conv, norm.

    There is no ReLU after the addition ([8] follows Gross and Wilber).

    Args:
        values: where its variables start.
        name: of its scope, with ``conv_1``, ``norm_1``, ``conv_2`` and ``norm_2``.
        x: ``[b, h, w, c]``.
        norm: takes ``values``, a name and ``[b, h, w, c]``.
        padding: with ``"valid"`` (the paper's) the result loses 2 pixels on each side,
            and what it is added to is cropped.

    Returns:
        ``[b, h, w, c]``.
    """
    c = x.shape[-1]
    with tf1.variable_scope(name):
        y = convolution(values, "conv_1", x, c, 3, padding=padding, bias=False)
        y = tf.nn.relu(norm(values, "norm_1", y))
        y = convolution(values, "conv_2", y, c, 3, padding=padding, bias=False)
        y = norm(values, "norm_2", y)
    return y + (x[:, 2:-2, 2:-2] if padding == "valid" else x)
