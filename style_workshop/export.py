"""Take a trained network elsewhere: SavedModel, ONNX, TFLite.

TensorFlow writes the first and the last, tf2onnx the other. All take ``images``
``[b, h, w, 3]``, 0-255, and a network of several styles also ``styles`` ``[styles]``;
all give ``painted``, which may leave 0-255 by some gray levels. ONNX also carries the
names of the styles, as a JSON list in its metadata ``styles``.
"""

import json
from collections.abc import Sequence
from pathlib import Path

import onnx
import tensorflow as tf

from style_workshop import WorkshopError
from style_workshop.feedforward import TransformNetwork, smallest_side
from style_workshop.files import atomic_write

#: Of ONNX; what the runtimes of the last years read.
OPSET = 18


def export(
    network: TransformNetwork, path: str | Path, size: Sequence[int] | None = None
) -> None:
    """Write a network in the format that the ending of ``path`` says.

    Args:
        network: a trained one.
        path: ``.onnx``, ``.tflite``, or without an ending for a folder, a SavedModel.
        size: height and width of the one picture that it will take; None leaves
            number and size open, which TFLite cannot.

    Raises:
        WorkshopError: another ending, TFLite without a size, tf2onnx is missing, or
            it cannot be written.
    """
    path = Path(path)
    write = {"": _saved_model, ".onnx": _onnx, ".tflite": _tflite}.get(path.suffix)
    if write is None:
        raise WorkshopError(
            f"{path} does not say what to write: end it in .onnx or .tflite, or in "
            "nothing for a SavedModel."
        )
    if size is None and write is _tflite:
        raise WorkshopError("TFLite needs a fixed size: give height and width.")
    least = smallest_side(network.architecture)
    if size is not None and (len(size) != 2 or min(size) < least):
        raise WorkshopError(
            f"A size of {list(size)} does not work: give height and width of {least} "
            "pixels or more."
        )
    write(network, path, _function(network, size))


def _function(network: TransformNetwork, size) -> tf.Module:
    """Give the module whose ``paint`` is to be written, with its variables."""
    batch, (height, width) = (None, (None, None)) if size is None else (1, size)
    inputs = [tf.TensorSpec([batch, height, width, 3], tf.float32, "images")]
    count = network.architecture.styles
    if count > 1:
        inputs.append(tf.TensorSpec([count], tf.float32, "styles"))

    def paint_styles(images, styles):
        return {"painted": network(images, styles)}

    def paint_one_style(images):
        return {"painted": network(images)}

    paint = paint_styles if count > 1 else paint_one_style
    module = tf.Module()
    module.kept = network.variables
    module.paint = tf.function(paint, input_signature=inputs, autograph=False)
    return module


def _saved_model(network, path: Path, module: tf.Module) -> None:
    if path.exists():
        raise WorkshopError(f"{path} is there already: choose another name.")
    with atomic_write(path) as part:
        tf.saved_model.save(module, str(part), signatures=module.paint)


def _onnx(network, path: Path, module: tf.Module) -> None:
    try:
        import tf2onnx
    except ImportError as error:
        raise WorkshopError(
            'ONNX needs tf2onnx: .venv/bin/pip install -e ".[export]"'
        ) from error
    model, _ = tf2onnx.convert.from_function(
        module.paint, input_signature=module.paint.input_signature, opset=OPSET
    )
    names = network.card.get("styles", [])
    onnx.helper.set_model_props(model, {"styles": json.dumps(names)})
    with atomic_write(path) as part:
        onnx.save(model, str(part))


def _tflite(network, path: Path, module: tf.Module) -> None:
    concrete = module.paint.get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]  # weights; it computes in 32
    with atomic_write(path) as part:
        part.write_bytes(converter.convert())
