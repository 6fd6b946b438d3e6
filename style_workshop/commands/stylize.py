"""``python -m style_workshop stylize``: paint a photograph, by one of the methods."""

from types import ModuleType

from style_workshop.commands import adain, fast, gatys
from style_workshop.commands.shared import (
    add_alpha,
    add_color,
    add_dtype,
    add_output,
    file,
    number,
    one_of,
    seed,
    share,
    side,
    weight,
    whole,
)

TEXT = (
    "Paint a photograph in the style of a picture: step by step (Gatys et al., 2016), "
    "with a trained network (Johnson et al., 2016), or with one for any style (AdaIN)."
)
EXAMPLE = "photo.jpg painting.jpg -o result.jpg"

#: Each has ``run(options, content)``, which gives the exit status.
METHODS: dict[str, ModuleType] = {"gatys": gatys, "fast": fast, "adain": adain}


def add_options(parser) -> None:
    parser.add_argument("content", type=file, help="the photograph")
    parser.add_argument(
        "style",
        nargs="+",
        type=file,
        help="the picture whose style it takes, or several; with --method fast the "
        "name of a network that comes with the workshop, or its .npz file",
    )
    _add_what(parser.add_argument_group("what it makes"))
    _add_how_long(parser.add_argument_group("how long and how large"))
    add_color(
        parser.add_argument_group("color"),
        "keep the photograph's colors: paint its luminance only, or give the "
        "style its colors first",
    )
    _add_several(parser.add_argument_group("several styles"))
    _add_expert(parser.add_argument_group("expert"))


def _add_what(group) -> None:
    add = group.add_argument
    add_output(group)
    add(
        "--method",
        default="gatys",
        **one_of(list(METHODS)),
        help="fast: one pass of a trained network, which knows --blend, --size, "
        "--color luminance and --side-by-side; adain: one pass in the style of any "
        "picture, which knows these, --alpha, --masks and --style-scale",
    )
    add_alpha(group, "of --method adain: how much style, 0 (the photograph) to 1")
    add(
        "--style-weight",
        type=weight,
        default=1.0,
        help="more style and less content: times the weight of the settings",
    )
    add(
        "--style-scale",
        type=number(above=0, most=1e6, such_as=1),
        default=1.0,
        help="size of the strokes: longest side of style over content",
    )
    add(
        "--side-by-side",
        action="store_true",
        help="write content, style and result into one picture",
    )


def _add_how_long(group) -> None:
    add = group.add_argument
    add("--size", type=side, default=384, help="longest side of the result, in pixels")
    add("--steps", type=whole(1), default=200, help="steps of the optimizer")
    add(
        "--scales",
        type=whole(1, 8),
        default=1,
        help="paint small first, and larger in so many sizes, with the steps in each",
    )
    add(
        "--tile",
        type=whole(),
        default=0,
        help="work in tiles of so many pixels: large pictures in bounded memory",
    )


def _add_several(group) -> None:
    group.add_argument(
        "--blend",
        type=share,
        nargs="+",
        metavar="WEIGHT",
        help="how much of each, in their order, or NAME=WEIGHT of some; equal unless "
        "given",
    )
    group.add_argument(
        "--masks",
        type=file,
        nargs="+",
        metavar="PICTURE",
        help="one for each style: white where it goes, black where it does not",
    )


def _add_expert(group) -> None:
    add = group.add_argument
    add(
        "--settings",
        default="workshop",
        **one_of(["workshop", "notebook", "paper"]),
        help="made for few steps; the authors' notebook; the paper (from noise)",
    )
    add("--tv-weight", type=weight, default=0.0, help="smoothness (total variation)")
    add(
        "--init",
        **one_of(["content", "noise", "style", *gatys.STARTS_FROM]),
        help="what the picture starts from; adain and fast: the picture of that "
        "method; that of the settings unless given",
    )
    add(
        "--decoder",
        type=file,
        help="of AdaIN, an .npz file; the one that ships unless given",
    )
    add(
        "--optimizer",
        default="lbfgs",
        **one_of(["lbfgs", "adam"]),
        help="lbfgs takes fewer steps, adam less memory",
    )
    add(
        "--learning-rate",
        type=number(above=0, such_as=5),
        default=5.0,
        help="of Adam, in gray levels",
    )
    add(
        "--falloff",
        type=number(least=0, most=2, such_as=0.5),
        help="of L-BFGS: 0.5 takes half the steps, 0 is the authors' way; that of the "
        "settings unless given",
    )
    add(
        "--pooling",
        **one_of(["max", "average"]),
        help="of VGG; that of the settings unless given",
    )
    add("--seed", type=seed, default=0, help="of the noise")
    add_dtype(group)


def run(options) -> int:
    from style_workshop import images

    # What can be refused is refused before TensorFlow takes its seconds to load.
    images.require_savable(options.output)
    content = images.read(options.content, options.size)
    return METHODS[options.method].run(options, content)
