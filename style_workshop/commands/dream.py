"""``python -m style_workshop dream``: DeepDream [2], a picture or a film."""

from dataclasses import asdict
from pathlib import Path

from style_workshop.commands.shared import (
    LARGEST_SIDE,
    STARTS,
    add_output,
    file,
    keep,
    number,
    one_of,
    seed,
    side,
    whole,
)
from style_workshop.vgg_layers import layer_names

TEXT = "Let a network draw into a photograph what it sees there (DeepDream, 2015)."
EXAMPLE = "photo.jpg -o dream.jpg --octaves 3"

_SETTINGS = ("octaves", "octave_scale", "steps", "step_size", "jitter", "tile", "seed")


def add_options(parser) -> None:
    add = parser.add_argument
    add("photo", type=file, help="the photograph")
    add_output(parser, "where it goes; with --zoom its name ends in .gif or .webp")
    add("--size", type=side, default=384, help="longest side of the result, in pixels")
    add(
        "--layer",
        default="relu5_1",
        type=one_of(layer_names("vgg19"))["type"],
        help="of VGG19; deeper ones draw larger things",
    )
    add(
        "--octaves",
        type=whole(1, 100),
        default=4,
        help="sizes of the picture to dream in",
    )
    add(
        "--octave-scale",
        type=number(above=1, below=10, such_as=1.4),
        default=1.4,
        help="from one size to the next",
    )
    add("--steps", type=whole(1), default=10, help="in each octave")
    add(
        "--step-size",
        type=number(above=0, such_as=1.5),
        default=1.5,
        help="in gray levels, on average",
    )
    add(
        "--jitter",
        type=whole(0, LARGEST_SIDE),
        default=32,
        help="random shift in each step, in pixels",
    )
    add("--tile", type=whole(), default=512, help="work in tiles, for memory; 0: never")
    add("--seed", type=seed, default=0, help="of the random shifts")
    add("--guide", metavar="PICTURE", type=file, help="a picture of what to dream of")
    add(
        "--zoom",
        metavar="FRAMES",
        type=whole(1),
        help="go into the picture, dream by dream, and write an animation",
    )


def run(options) -> int:
    from style_workshop import animations, images

    writer = images if options.zoom is None else animations
    writer.require_savable(options.output)
    photo = images.read(options.photo, options.size)
    guide = None if options.guide is None else images.read(options.guide, 224)
    height, width = photo.shape[:2]
    print(f"Dreaming {width}x{height} pixels; {STARTS}")

    from style_workshop import dream, weights

    settings = dream.Settings(
        layers={options.layer: 1.0},
        **{name: getattr(options, name) for name in _SETTINGS},
    )
    dream.check(settings, photo, guide=guide)
    network = weights.pretrained("vgg19")
    made = {
        "photo": Path(options.photo).name,
        "guide": options.guide and Path(options.guide).name,
        "size": options.size,
        **asdict(settings),
    }
    if options.zoom is not None:
        return _zoom(network, photo, options, settings, guide, made)
    return keep(
        lambda: dream.dream(network, photo, settings, guide=guide),
        options.output,
        made,
        settings.octaves * settings.steps,
    )


def _zoom(network, photo, options, settings, guide, made: dict) -> int:
    from style_workshop import animations, dream

    frames = dream.zoom(network, photo, options.zoom, settings=settings, guide=guide)
    if not frames:
        raise KeyboardInterrupt
    made["frames"] = len(frames)
    animations.save(frames, options.output, settings=made)
    print(f"Wrote {options.output} with {len(frames)} of {options.zoom} frames.")
    return 0 if len(frames) == options.zoom else 130
