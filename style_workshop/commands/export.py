"""``python -m style_workshop export``: a trained network for other programs."""

from pathlib import Path

from style_workshop import WorkshopError
from style_workshop.commands.shared import STARTS, add_output, file, network_path, side

TEXT = "Write a trained network as SavedModel, ONNX or TFLite."
EXAMPLE = "net.npz -o net.onnx"


def add_options(parser) -> None:
    parser.add_argument("network", type=file, help="its name, or its .npz file")
    add_output(parser, ".onnx, .tflite, or a folder without an ending for a SavedModel")
    parser.add_argument(
        "--size",
        type=side,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="of the one picture it takes; any unless given (TFLite needs it)",
    )


def run(options) -> int:
    path = network_path(options.network)
    if Path(options.output).suffix == ".tflite" and options.size is None:
        raise WorkshopError("TFLite needs a fixed size: give --size HEIGHT WIDTH.")
    print(STARTS)

    from style_workshop import export, feedforward

    export.export(feedforward.load(path), options.output, options.size)
    print(f"{options.output} is ready.")
    return 0
