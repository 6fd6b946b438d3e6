"""``python -m style_workshop reconstruct``: what layers keep of a picture [12, 13]."""

from pathlib import Path

from style_workshop import WorkshopError
from style_workshop.commands.shared import (
    STARTS,
    add_output,
    file,
    keep,
    one_of,
    seed,
    side,
    weight,
    whole,
)
from style_workshop.vgg_layers import layer_names

TEXT = "Show what layers keep of a picture: find another one that they take for it."
EXAMPLE = "photo.jpg -o rebuilt.png --layers conv4_2"


def add_options(parser) -> None:
    add = parser.add_argument
    add("picture", type=file, help="the picture")
    add_output(parser)
    add(
        "--keep", default="content", **one_of(["content", "style"]), help="what to keep"
    )
    add(
        "--layers",
        nargs="+",
        metavar="LAYER",
        type=one_of(layer_names("vgg19"))["type"],
        help="of VGG19; by default conv4_2 for content, conv1_1 to conv5_1 for style",
    )
    add("--size", type=side, default=256, help="longest side of the picture, in pixels")
    add("--steps", type=whole(1), default=100, help="of the optimizer")
    add("--alpha-weight", type=weight, default=0.0, help="keeps pixels in range")
    add("--tv-weight", type=weight, default=0.0, help="smoothness (total variation)")
    add(
        "--result",
        nargs=2,
        type=side,
        metavar=("HEIGHT", "WIDTH"),
        help="size of the result, if only the style is kept",
    )
    add(
        "--statistics",
        default="gram",
        **one_of(["gram", "moments", "mean"]),
        help="what the style is; moments: mean and deviation of each channel",
    )
    add(
        "--pooling",
        **one_of(["max", "average"]),
        help="of VGG (default: max for a content, average for a style)",
    )
    add("--seed", type=seed, default=0, help="of the noise that it starts from")


def run(options) -> int:
    from style_workshop import images

    images.require_savable(options.output)
    picture = images.read(options.picture, options.size)
    if options.keep == "content":
        if options.layers is not None and len(options.layers) != 1:
            raise WorkshopError("The content is taken from one layer: name one.")
        if options.result is not None:
            raise WorkshopError("A content has the picture's size: add --keep style.")
    print(f"Finding the picture; {STARTS}")

    from style_workshop import reconstruct, weights

    of_content = options.keep == "content"
    find = (
        reconstruct.reconstruct_content if of_content else reconstruct.reconstruct_style
    )
    named = _of_content(options) if of_content else _of_style(options)
    named |= {"steps": options.steps, "seed": options.seed}
    if options.pooling is not None:
        named["pooling"] = options.pooling
    network = weights.pretrained("vgg19")
    made = {"picture": Path(options.picture).name, "keep": options.keep, **named}
    return keep(
        lambda: find(network, picture, **named), options.output, made, options.steps
    )


def _of_content(options) -> dict:
    return {
        "layer": (options.layers or ["conv4_2"])[0],
        "alpha_weight": options.alpha_weight,
        "tv_weight": options.tv_weight,
        "pooling": "max",
    }


def _of_style(options) -> dict:
    from style_workshop import reconstruct

    return {
        "layers": options.layers or reconstruct.STYLE_LAYERS,
        "size": options.result,
        "statistics": options.statistics,
        # Notebook 1.2 shows what these do: no speckles, and panes of one color.
        "pooling": "average",
        "deviation": 8.0,
        "falloff": 0.25,
    }
