"""The feed-forward networks: one for a style [8] with instance norm [7], or many [9].

A network is trained once (`training`), and then paints a photograph in one pass. A
trained one is one ``.npz`` file: float16 values and a card in JSON that says how it
came to be. Notebooks 3.0 and 3.1 take it apart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import tensorflow as tf

from style_workshop import WorkshopError, layers, scopes
from style_workshop.architecture import BORDER, WORKSHOP, Architecture, smallest_side
from style_workshop.files import load_arrays, save_arrays

#: Height and width are brought to a multiple of it, and cropped back.
MULTIPLE = 4


class TransformNetwork:
    """A feed-forward network, all calls of which share one set of variables.

    Attributes:
        architecture: how it is built.
        card: what is known of its training, as JSON has it; empty for a new one.
    """

    def __init__(
        self,
        architecture: Architecture = WORKSHOP,
        values: Mapping[str, np.ndarray] | None = None,
        *,
        seed: int = 0,
        card: Mapping | None = None,
    ):
        """Make the network and its variables.

        Args:
            architecture: how it is built.
            values: of the variables, by the names that `values` gives them; None draws
                the kernels at random.
            seed: of the random kernels.
            card: what is known of it.

        Raises:
            WorkshopError: the values are of another one.
        """
        self.architecture, self.card = architecture, dict(card or {})
        side = -(-smallest_side(architecture) // MULTIPLE) * MULTIPLE
        self._template = scopes.make_template(
            "transform",
            partial(_build, architecture),
            np.zeros([1, side, side, 3], np.float32),
            np.zeros([1, architecture.styles], np.float32),
            values=values,
            seed=seed,
        )

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self._template.variables)

    @property
    def norm_variables(self) -> list[tf.Variable]:
        """Scales and shifts alone: all that a new style needs [9]."""
        named = scopes.by_name(self.variables)
        return [v for name, v in named.items() if name.split("/")[-2][:4] == "norm"]

    def values(self) -> dict[str, np.ndarray]:
        """Give a copy of all variables, by names like ``block_1/conv_1/kernel``."""
        return {n: v.numpy() for n, v in scopes.by_name(self.variables).items()}

    def __call__(
        self,
        images: tf.Tensor,
        styles: tf.Tensor | Sequence[float] | None = None,
        dtype: str = "float32",
    ) -> tf.Tensor:
        """Paint a batch in one pass.

        Args:
            images: ``[b, h, w, 3]``, 0-255, of any size from `smallest_side` on.
            styles: ``[b, styles]`` or ``[styles]``, how much of each style; of a
                network of one style None.
            dtype: what it computes in, ``"float32"`` or ``"bfloat16"``.

        Returns:
            ``[b, h, w, 3]`` float32, about 0-255: a tanh that reaches 150 may leave
            that range by some gray levels, which `images.save` clips.

        Raises:
            WorkshopError: not a batch of pictures, too small, or other styles.
        """
        return self._paint(images, styles, dtype)[0]

    def activations(
        self,
        images: tf.Tensor,
        styles: tf.Tensor | Sequence[float] | None = None,
        dtype: str = "float32",
    ) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        """Paint a batch, and give what `perceptual` watches while a network learns.

        Args:
            images: as for a call.
            styles: as for a call.
            dtype: as for a call.

        Returns:
            What a call gives, and by name: ``out`` ``[b, h, w, 3]``, which goes into
            the tanh, and for each norm (``norm_down_1``, ``block_1/norm_1``) its
            normalized values before scale and shift, ``[b, h', w', c]`` float32.
        """
        seen: dict[str, tf.Tensor] = {}
        painted, seen["out"] = self._paint(images, styles, dtype, seen)
        return painted, seen

    def _paint(self, images, styles, dtype, seen=None) -> tuple[tf.Tensor, tf.Tensor]:
        _check_images(images, smallest_side(self.architecture))
        styles = self._mixture(styles, tf.shape(images)[0])
        height, width = tf.unstack(tf.shape(images)[1:3])
        # Without a remainder of negative numbers, which ONNX sees in another way.
        missing = [
            [0, (MULTIPLE - side % MULTIPLE) % MULTIPLE] for side in (height, width)
        ]
        x = tf.pad(images, [[0, 0], *missing, [0, 0]], "REFLECT")
        x = tf.cast(tf.cast(x, tf.float32) / 127.5 - 1, dtype)
        x = tf.cast(self._template(x, styles, seen), tf.float32)[:, :height, :width]
        return 127.5 + self.architecture.reach * tf.tanh(x), x

    def _mixture(self, styles, batch: tf.Tensor) -> tf.Tensor:
        count = self.architecture.styles
        if styles is None:
            if count > 1:
                raise WorkshopError(
                    f"This network has {count} styles: say how much of each, in "
                    f"{count} numbers."
                )
            styles = [1.0]
        styles = tf.cast(styles, tf.float32)
        if styles.shape[-1] != count or len(styles.shape) > 2:
            raise WorkshopError(
                f"styles must be [b, {count}] or [{count}]; this is {styles.shape}."
            )
        if len(styles.shape) == 1:
            styles = tf.repeat(styles[None], batch, axis=0)
        return styles


def with_styles(
    network: TransformNetwork, count: int, chosen: Sequence[int] | None = None
) -> TransformNetwork:
    """Make a network of ``count`` styles that starts from a trained one.

    Its kernels are those of ``network``; scales and shifts are those of its styles
    ``chosen``, and of what is missing their mean: a style in the middle of all.

    Args:
        network: a trained one.
        count: of styles.
        chosen: which styles it keeps, in this order; None keeps all if there are as
            many as ``count``, else none.

    Raises:
        WorkshopError: it keeps a style that is not there, or more than ``count``.
    """
    there = network.architecture.styles
    if chosen is None:
        chosen = range(there) if there == count else []
    if len(chosen) > count or not all(0 <= number < there for number in chosen):
        raise WorkshopError(
            f"Cannot keep the styles {list(chosen)} of {there} among {count}."
        )
    values = network.values()
    for name, array in values.items():
        if name.split("/")[-1] in ("scale", "shift"):
            rows = array.reshape(there, -1)
            mean = rows.mean(axis=0, keepdims=True)
            missing = np.repeat(mean, count - len(chosen), axis=0)
            rows = np.concatenate([rows[list(chosen)], missing])
            values[name] = rows if count > 1 else rows[0]
    architecture = replace(network.architecture, styles=count)
    return TransformNetwork(architecture, values, card=network.card)


def _check_images(images: tf.Tensor, least: int) -> None:
    if len(images.shape) != 4 or images.shape[3] != 3:
        raise WorkshopError(
            f"A network takes a batch [b, h, w, 3]; this is {images.shape}: "
            "images[None] makes a batch of one picture."
        )
    height, width = images.shape[1:3]
    if min(height or least, width or least) < least:
        raise WorkshopError(
            f"A picture of {height}x{width} pixels is too small: each side must be "
            f"{least} pixels or more."
        )


def _build(architecture: Architecture, x, styles, seen=None) -> tf.Tensor:
    """All layers, from ``[b, h, w, 3]`` in -1 to 1 to what goes into the tanh.

    ``seen`` is a dictionary that gets what each norm has normalized.
    """
    a = architecture
    norm = partial(_norm, a, styles, seen)
    inner = {"start": "valid"}.get(a.padding, a.padding)
    outer = {"start": "zero"}.get(a.padding, a.padding)
    if a.padding == "start":
        x = layers.pad(x, BORDER)
    for number, (times, size, stride) in enumerate(
        ((1, 9, 1), (2, 3, 2), (4, 3, 2)), 1
    ):
        x = layers.convolution(
            f"down_{number}",
            x,
            times * a.filters,
            size,
            stride=stride,
            padding=outer,
            bias=False,
        )
        x = tf.nn.relu(norm(f"norm_down_{number}", x))
    for number in range(1, a.blocks + 1):
        x = layers.residual_block(f"block_{number}", x, norm, padding=inner)
    for number, times in enumerate((2, 1), 1):
        up: Callable = layers.transposed_convolution
        if a.upsampling == "resize":
            up = partial(layers.resize_convolution, padding=outer)
        x = up(f"up_{number}", x, times * a.filters)
        x = tf.nn.relu(norm(f"norm_up_{number}", x))
    return layers.convolution("out", x, 3, 9, padding=outer)


def _norm(architecture, styles, seen, name, x) -> tf.Tensor:
    if seen is not None:
        axes = [0, 1, 2] if architecture.norm == "batch" else [1, 2]
        # The norm computes the same once more; XLA makes one of the two.
        seen[scopes.name_here(name)] = layers.normalize(x, axes)
    if architecture.styles > 1:
        return layers.conditional_instance_norm(name, x, styles)
    kind = {"instance": layers.instance_norm, "batch": layers.batch_norm}
    return kind[architecture.norm](name, x)


# --- a network in a file ------------------------------------------------------------


def save(network: TransformNetwork, path: str | Path) -> None:
    """Write a network into one ``.npz`` file: float16 values, and its card.

    Raises:
        WorkshopError: it cannot be written, or a value is not finite in float16.
    """
    with np.errstate(over="ignore"):  # it is refused below, by name
        arrays = {n: v.astype(np.float16) for n, v in network.values().items()}
    bad = [name for name, array in arrays.items() if not np.isfinite(array).all()]
    if bad:
        raise WorkshopError(
            f"{bad[0]} is not finite: train from an earlier checkpoint."
        )
    note = {"architecture": asdict(network.architecture), "card": network.card}
    save_arrays(path, arrays, note)


def load(path: str | Path) -> TransformNetwork:
    """Read a network that `save` wrote.

    Raises:
        WorkshopError: no such file, or it holds no such network.
    """
    values, note = load_arrays(path)
    try:
        architecture = Architecture(**note["architecture"])
        card = _card(note["card"])
    except (KeyError, TypeError, ValueError) as error:
        raise WorkshopError(f"{path} holds no feed-forward network.") from error
    if not all(np.isfinite(array).all() for array in values.values()):
        raise WorkshopError(
            f"{path} holds numbers that are not finite: fetch it again."
        )
    return TransformNetwork(architecture, values, card=card)


def _card(card: Mapping) -> dict:
    """Copy a card; what it is read for is checked, and safe to print to a terminal.

    Raises:
        TypeError: it is another thing than a card, or holds another thing.
    """
    card = {**card}
    for name, kind in (("styles", str), ("training", dict)):
        listed = card.get(name, [])
        if not isinstance(listed, list) or not all(isinstance(x, kind) for x in listed):
            raise TypeError(name)
    if "styles" in card:
        card["styles"] = [_printable(style) for style in card["styles"]]
    return card


def _printable(text: str) -> str:
    """Write what could move the cursor or change colors as ``\\x1b`` and the like."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
