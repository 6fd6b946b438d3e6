"""The layers of feed-forward networks, each in a variable scope of its own.

Every function that has variables makes them with ``tf.compat.v1.get_variable``, so a
network that is built of them inside a template of `scopes` shares them between its
calls, as `vgg` does. Variables are float32; a layer computes in the type of what it
is given. Notebook 3.0 builds each by hand.
"""

import tensorflow as tf
import tensorflow.compat.v1 as tf1

from style_workshop import WorkshopError

#: Fills what lies beyond the edge: the picture mirrored, or zeros, or nothing, which
#: makes the result smaller.
PADDINGS = ("reflect", "zero", "valid")
#: Added to a variance before its root, which has no slope at 0.
EPSILON = 1e-5


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
    name: str,
    x: tf.Tensor,
    filters: int,
    size: int,
    *,
    stride: int = 1,
    padding: str = "reflect",
    bias: bool = True,
) -> tf.Tensor:
    """Pad by half the kernel, convolve, add a bias.

    Args:
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
        kernel = tf1.get_variable("kernel", shape, x.dtype)
        x = tf.nn.conv2d(pad(x, size // 2, padding), kernel, stride, "VALID")
        if bias:
            x += tf1.get_variable("bias", [filters], x.dtype, tf1.zeros_initializer())
    return x


def resize_convolution(
    name: str, x: tf.Tensor, filters: int, *, padding: str = "reflect"
) -> tf.Tensor:
    """Double height and width by repeating each pixel, then convolve 3x3, no bias.

    Every pixel of the result sees as many kernel entries as its neighbors, so no
    checkerboard is built in (Odena et al., "Deconvolution and checkerboard
    artifacts", Distill 2016).

    Args:
        name: of its scope.
        x: ``[b, h, w, c]``.
        filters: channels of the result.
        padding: of `pad`.

    Returns:
        ``[b, 2h, 2w, filters]``.
    """
    x = tf.repeat(tf.repeat(x, 2, axis=1), 2, axis=2)
    return convolution(name, x, filters, 3, padding=padding, bias=False)


def transposed_convolution(name: str, x: tf.Tensor, filters: int) -> tf.Tensor:
    """Double height and width with the gradient of a 3x3 convolution of stride 2.

    The paper's way up [8]. Neighboring pixels see 1, 2 and 4 entries of the kernel in
    turn; training has to even that out, and does so never quite.

    Args:
        name: of its scope, which has ``kernel`` ``[3, 3, filters, c]``.
        x: ``[b, h, w, c]``.
        filters: channels of the result.

    Returns:
        ``[b, 2h, 2w, filters]``.
    """
    with tf1.variable_scope(name):
        shape = [3, 3, filters, x.shape[-1]]
        kernel = tf1.get_variable("kernel", shape, x.dtype)
    batch, height, width, _ = tf.unstack(tf.shape(x))
    size = [batch, 2 * height, 2 * width, filters]
    return tf.nn.conv2d_transpose(x, kernel, size, 2, "SAME")


# --- norms --------------------------------------------------------------------------


def normalize(x: tf.Tensor, axes: list[int]) -> tf.Tensor:
    """Subtract the mean over ``axes``, divide by the standard deviation; in float32."""
    mean, variance = tf.nn.moments(tf.cast(x, tf.float32), axes, keepdims=True)
    return (tf.cast(x, tf.float32) - mean) * tf.math.rsqrt(variance + EPSILON)


def instance_norm(name: str, x: tf.Tensor) -> tf.Tensor:
    """Normalize each channel of each picture over its own positions [7].

    ``y = scale * (x - mean) / sqrt(variance + epsilon) + shift``, in training as
    later: there are no running averages (Ulyanov et al., arXiv:1607.08022, eq. 4).

    Args:
        name: of its scope, which has ``scale`` and ``shift``, both ``[c]``.
        x: ``[b, h, w, c]``.

    Returns:
        ``[b, h, w, c]`` in the type of ``x``.
    """
    return _scale_and_shift(name, normalize(x, [1, 2]), x.dtype)


def batch_norm(name: str, x: tf.Tensor) -> tf.Tensor:
    """Normalize each channel over the positions of the whole batch, as [8] did.

    For the comparison of notebook 3.0. It has no running averages: a picture's result
    depends on those beside it, in training as later.

    Args:
        name: of its scope, which has ``scale`` and ``shift``, both ``[c]``.
        x: ``[b, h, w, c]``.

    Returns:
        ``[b, h, w, c]`` in the type of ``x``.
    """
    return _scale_and_shift(name, normalize(x, [0, 1, 2]), x.dtype)


def _scale_and_shift(name, x, dtype) -> tf.Tensor:
    with tf1.variable_scope(name):
        scale, shift = _variables([x.shape[-1]])
    return tf.cast(scale * x + shift, dtype)


def _variables(shape: list[int]) -> tuple[tf.Tensor, tf.Tensor]:
    """A scale of ones and a shift of zeros, in the scope that is open."""
    scale = tf1.get_variable("scale", shape, initializer=tf1.ones_initializer())
    return scale, tf1.get_variable("shift", shape, initializer=tf1.zeros_initializer())


def conditional_instance_norm(name: str, x: tf.Tensor, styles: tf.Tensor) -> tf.Tensor:
    """Instance norm with a scale and a shift for each style (Dumoulin et al.) [9].

    The paper's equation 5; a mixture of styles mixes their scales and shifts
    (section 3.3 there).

    Args:
        name: of its scope, which has ``scale`` and ``shift``, both ``[styles, c]``.
        x: ``[b, h, w, c]``.
        styles: ``[b, styles]`` float32, how much of each style each picture gets.

    Returns:
        ``[b, h, w, c]`` in the type of ``x``.
    """
    with tf1.variable_scope(name):
        scale, shift = _variables([styles.shape[-1], x.shape[-1]])
    # [b, styles] times [styles, c] is [b, c]: one pair of vectors for each picture.
    scale = tf.matmul(styles, scale)[:, None, None]
    shift = tf.matmul(styles, shift)[:, None, None]
    return tf.cast(scale * normalize(x, [1, 2]) + shift, x.dtype)


def residual_block(
    name: str, x: tf.Tensor, norm, *, padding: str = "reflect"
) -> tf.Tensor:
    """Add to ``x`` what two convolutions make of it: conv, norm, ReLU, conv, norm.

    There is no ReLU after the addition ([8] follows Gross and Wilber).

    Args:
        name: of its scope, with ``conv_1``, ``norm_1``, ``conv_2`` and ``norm_2``.
        x: ``[b, h, w, c]``.
        norm: takes a name and ``[b, h, w, c]``.
        padding: with ``"valid"`` (the paper's) the result loses 2 pixels on each side,
            and what it is added to is cropped.

    Returns:
        ``[b, h, w, c]``.
    """
    c = x.shape[-1]
    with tf1.variable_scope(name):
        y = convolution("conv_1", x, c, 3, padding=padding, bias=False)
        y = tf.nn.relu(norm("norm_1", y))
        y = convolution("conv_2", y, c, 3, padding=padding, bias=False)
        y = norm("norm_2", y)
    return y + (x[:, 2:-2, 2:-2] if padding == "valid" else x)
