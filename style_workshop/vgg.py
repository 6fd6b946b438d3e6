"""VGG16 and VGG19 (Simonyan and Zisserman, arXiv:1409.1556, table 1, D and E).

Built with ``tf.compat.v1.get_variable`` in a template of `scopes`. The first call of a
network makes its variables under ``vgg19/conv4_2/kernel`` and the like; every later
call, on other pictures, other layers or with the other pooling, uses them again.
Notebook 0.1 builds it by hand.
"""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from style_workshop import WorkshopError, checks, scopes
from style_workshop.vgg_layers import (
    CHANNELS,
    DENSE,
    check_request,
    layer_names,
    smallest_side,
)

#: Mean of the training pictures, in the order blue, green, red, 0-255.
MEAN_BGR = (103.939, 116.779, 123.68)

Endpoints = dict[str, tf.Tensor]


def preprocess(images: tf.Tensor, dtype: str = "float32") -> tf.Tensor:
    """Turn RGB 0-255 ``[b, h, w, 3]`` into what VGG was trained on: BGR minus mean.

    No division by 255. ``dtype`` is the type that the network then computes in.
    """
    images = tf.cast(images, tf.float32)
    return tf.cast(images[..., ::-1] - tf.constant(MEAN_BGR), dtype)


def deprocess(images: tf.Tensor) -> tf.Tensor:
    """Undo `preprocess`: BGR minus mean ``[b, h, w, 3]`` to RGB 0-255, float32."""
    return (tf.cast(images, tf.float32) + tf.constant(MEAN_BGR))[..., ::-1]


def fastest_dtype() -> str:
    """Name the type in which this processor computes VGG fastest.

    ``"bfloat16"`` where the processor has instructions for it (AVX512-BF16 or AMX):
    there it halves the time. Elsewhere it is emulated, and many times slower than
    ``"float32"``. On a GPU float32, whose units for it are fast as they are.
    """
    if tf.config.list_physical_devices("GPU"):
        return "float32"
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:  # not Linux
        return "float32"
    native = "avx512_bf16" in flags or "amx_bf16" in flags
    return "bfloat16" if native else "float32"


class Network:
    """VGG16 or VGG19, all calls of which share one set of variables.

    Attributes:
        name: ``vgg16`` or ``vgg19``.
        variables: those made so far, ``vgg19/conv1_1/kernel`` and so on; of a second
            network of the same name ``vgg19_1/conv1_1/kernel``.
    """

    def __init__(
        self,
        name: str,
        values: Mapping[str, np.ndarray] | None = None,
        seed: int = 0,
    ):
        """Make the network; variables are made when a layer is first asked for.

        Args:
            name: ``vgg16`` or ``vgg19``.
            values: the variables' values, ``conv4_2/kernel`` as ``[h, w, in, out]``
                and ``conv4_2/bias`` (see `weights`); None draws them at random.
            seed: of the random ones.

        Raises:
            WorkshopError: no such network, or values of another one.
        """
        layer_names(name)
        self.name, self._values = name, values
        # In a classic tf.Graph a template makes variables in its first call only.
        eager = tf1.executing_eagerly_outside_functions()
        first = "conv1_1" if eager else "pool5"
        self._template = scopes.make_template(
            name,
            partial(_endpoints, name, _convolution, _dense),
            *_smallest_call(first),
            values=values,
            seed=seed,
            trainable=False,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self._template.variables)

    def __call__(
        self,
        images: tf.Tensor,
        layers: str | Collection[str],
        pooling: str = "max",
        *,
        padding: str = "zero",
    ) -> Endpoints:
        """Give the feature maps of ``layers``; build no deeper than the deepest.

        Args:
            images: ``[b, h, w, 3]`` from `preprocess`, float32 or bfloat16.
            layers: names from `layer_names`.
            pooling: ``"max"``, as VGG was trained, or ``"average"``, which Gatys [4]
                found to look a little smoother.
            padding: of each convolution, ``"zero"``, as VGG was trained, or
                ``"reflect"``, as the authors of AdaIN [11] have it: a frame of zeros is
                something that a decoder would paint. The sides of the deepest feature
                map are then 2 or more.

        Returns:
            Each of ``layers`` with its feature map ``[b, h', w', c]``, or ``[b, c]``
            of a dense layer, in the type of ``images``.

        Raises:
            WorkshopError: no such layer, pooling or padding, dense layers without their
                weights, not a batch, or a picture that is too small.
        """
        layers = [layers] if isinstance(layers, str) else list(layers)
        _check_call(self.name, images, layers, pooling, padding)
        dense = any(smallest_side(layer) == 224 for layer in layers)
        if dense and self._values is not None and "fc6/kernel" not in self._values:
            raise WorkshopError(
                f"These weights of {self.name} end before the dense layers: get those "
                f"with `python -m style_workshop weights {self.name} --classifier`, "
                "and load them with classifier=True."
            )
        if not tf.executing_eagerly() and tf1.executing_eagerly_outside_functions():
            # A tf.function may make variables in its first trace only, and a later
            # trace may ask for a deeper layer: make them all before.
            self._make_variables("fc8" if dense else "pool5")
        return self._template(images, layers, pooling, padding)

    def freeze(self) -> Callable[..., Endpoints]:
        """Give the network as it is now, with a faster gradient for the picture.

        The gradient of a convolution with respect to its input is a convolution too:
        with the kernel turned by 180 degrees, and its input and output channels
        exchanged. TensorFlow's own operation for it takes half as long again on a
        processor; with kernels turned once, beforehand, a step of the Gatys method
        takes about 13 % less of its time (``benchmarks/README.md``).

        Returns:
            A function that is called like the network. It holds a copy of the
            weights: later changes to the variables do not reach it, and there is no
            gradient for them. It ends with ``pool5``.
        """
        self._make_variables("pool5")
        weights = {}
        for name, variable in scopes.by_name(self.variables).items():
            weights[name] = value = tf.identity(variable)
            layer, kind = name.split("/")
            if kind == "kernel":  # [h, w, in, out] -> [h, w, out, in], turned
                turned = tf.einsum("hwio->hwoi", value[::-1, ::-1])
                weights[f"{layer}/turned"] = turned

        def frozen(images, layers, pooling="max", *, padding="zero") -> Endpoints:
            layers = [layers] if isinstance(layers, str) else list(layers)
            _check_call(self.name, images, layers, pooling, padding)
            if any(smallest_side(layer) == 224 for layer in layers):
                raise WorkshopError(
                    "A frozen network ends with pool5: ask the network itself for "
                    "its dense layers."
                )
            convolution = partial(_frozen_convolution, weights=weights)
            build = partial(_endpoints, self.name, convolution, None)
            return build(images, layers, pooling, padding)

        return frozen

    def _make_variables(self, deepest: str) -> None:
        """Send the smallest possible picture through, outside of any tf.function."""
        with tf.init_scope():
            self._template(*_smallest_call(deepest))


def _smallest_call(layer: str) -> tuple[np.ndarray, list[str], str]:
    """Arguments that take the smallest possible picture up to ``layer``."""
    side = smallest_side(layer)
    return np.zeros([1, side, side, 3], np.float32), [layer], "max"


_POOLING = {"max": tf.nn.max_pool2d, "average": tf.nn.avg_pool2d}
_PADDINGS = ("zero", "reflect")


def _check_call(name, images, layers, pooling, padding) -> None:
    if len(images.shape) != 4 or images.shape[3] != 3:
        raise WorkshopError(
            f"A network takes a batch [b, h, w, 3]; this is {images.shape}: "
            "images[None] makes a batch of one picture."
        )
    check_request(name, layers, *images.shape[1:3])
    if pooling not in _POOLING:
        raise WorkshopError(f"There is no pooling {pooling!r}: max or average.")
    checks.choice("padding", padding, _PADDINGS)
    least = 2 * max(map(smallest_side, layers))  # two pixels, to mirror one
    if padding == "reflect" and min(s or least for s in images.shape[1:3]) < least:
        raise WorkshopError(
            f"Mirrored borders need pictures of {least} pixels or more on each side, "
            f"for {', '.join(layers)}."
        )


def _endpoints(
    name, convolution, dense, x, layers, pooling, padding="zero"
) -> Endpoints:
    pool, found = _POOLING[pooling], {}
    if padding == "reflect":
        convolution = partial(_mirrored, convolution)
    for layer in layer_names(name, classifier=True):
        if layer.startswith("conv"):
            x = convolution(layer, x)
        elif layer.startswith("pool"):
            x = pool(x, ksize=2, strides=2, padding="VALID")
        elif layer.startswith("relu"):
            x = tf.nn.relu(x)
        elif layer == "prob":
            x = tf.nn.softmax(x)
        else:
            x = dense(layer, x)
        if layer in layers:
            found[layer] = x
        if len(found) == len(set(layers)):
            break
    return {layer: found[layer] for layer in layers}


def _mirrored(convolution: Callable, layer: str, x: tf.Tensor) -> tf.Tensor:
    """A convolution of what is mirrored at the borders, without its own zeros there."""
    x = tf.pad(x, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
    return convolution(layer, x)[:, 1:-1, 1:-1]


def _convolution(layer: str, x: tf.Tensor) -> tf.Tensor:
    channels = CHANNELS[int(layer[4]) - 1]
    with tf1.variable_scope(layer):
        kernel = tf1.get_variable("kernel", [3, 3, x.shape[-1], channels], x.dtype)
        bias = tf1.get_variable("bias", [channels], x.dtype, tf1.zeros_initializer())
    return tf.nn.bias_add(tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), bias)


def _frozen_convolution(layer: str, x: tf.Tensor, weights) -> tf.Tensor:
    kernel, turned, bias = (
        tf.cast(weights[f"{layer}/{kind}"], x.dtype)
        for kind in ("kernel", "turned", "bias")
    )
    batch, height, width, _ = x.shape
    x = _convolve(x, kernel, turned)
    return tf.nn.bias_add(tf.ensure_shape(x, [batch, height, width, *bias.shape]), bias)


# TensorFlow registers a custom gradient each time that it is traced, and keeps it, and
# the graph that it is in, for ever. So this one is traced by itself, once for each type
# and whatever the sizes: a graph that holds no weights, which come as arguments.
@tf.function(reduce_retracing=True)
@tf.custom_gradient
def _convolve(x: tf.Tensor, kernel: tf.Tensor, turned: tf.Tensor):
    """A convolution 3x3, with the gradient for ``x`` alone."""

    def gradient(upstream):
        slope = tf.nn.conv2d(upstream, turned, strides=1, padding="SAME")
        return slope, None, None

    return tf.nn.conv2d(x, kernel, strides=1, padding="SAME"), gradient


def _dense(layer: str, x: tf.Tensor) -> tf.Tensor:
    x = tf.reshape(x, [-1, np.prod(x.shape[1:])])  # [b, h, w, c] -> [b, h * w * c]
    units = DENSE[layer]
    with tf1.variable_scope(layer):
        kernel = tf1.get_variable("kernel", [x.shape[-1], units], x.dtype)
        bias = tf1.get_variable("bias", [units], x.dtype, tf1.zeros_initializer())
    return tf.nn.bias_add(tf.matmul(x, kernel), bias)
