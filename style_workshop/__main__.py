"""The command line: ``python -m style_workshop COMMAND``, one method a command."""

import argparse
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from style_workshop import DATA, WorkshopError, __version__, checks


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 with a sentence when it did not."""
    options = _parser().parse_args(arguments)
    # Pillow warns of odd metadata, which is no reason to worry.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        return options.run(options)
    except WorkshopError as error:
        print(f"style_workshop: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemError) as error:
        if not _is_interrupt(error):
            raise
        print("style_workshop: interrupted; nothing was written.", file=sys.stderr)
        return 130


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it; C code that was hit raises SystemError for it."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m style_workshop",
        description="Style transfer by deep learning, one method a command.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_weights(commands)
    _add_stylize(commands)
    _add_train(commands)
    _add_export(commands)
    _add_dream(commands)
    _add_reconstruct(commands)
    _add_paintings(commands)
    _add_data(commands)
    return parser


def _add(commands, name: str, run, text: str) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name,
        help=text,
        description=text,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    command.set_defaults(run=run)
    return command


def _add_weights(commands) -> None:
    command = _add(
        commands, "weights", _weights, "Fetch and check pre-trained weights of VGG."
    )
    command.add_argument("names", nargs="+", choices=["vgg16", "vgg19"])
    command.add_argument(
        "--classifier",
        action="store_true",
        help="also the three dense layers, to name ImageNet classes (over 550 MB)",
    )


def _weights(options) -> int:
    from style_workshop import weights

    for name in options.names:
        weights.fetch(name)
        if options.classifier:
            weights.fetch(name, classifier=True)
        weights.self_check(weights.pretrained(name), name)
        print(f"{name} sees what it should.")
    return 0


def _add_stylize(commands) -> None:
    command = _add(
        commands,
        "stylize",
        _stylize,
        "Paint a photograph in the style of a picture (Gatys et al., 2016), or with a "
        "trained network (Johnson et al., 2016).",
    )
    add = command.add_argument
    add("content", help="the photograph")
    add(
        "style",
        nargs="+",
        help="the picture whose style it takes, or several; with --method fast the "
        "name of a network that comes with the workshop, or its .npz file",
    )
    add(
        "--method",
        default="gatys",
        choices=["gatys", "fast"],
        help="fast: one pass of a trained network, which knows --blend, --size, "
        "--color luminance and --side-by-side",
    )
    add(
        "-o", "--output", required=True, default=argparse.SUPPRESS, help="where it goes"
    )
    add("--size", type=int, default=384, help="longest side of the result, in pixels")
    add("--steps", type=int, default=200, help="steps of the optimizer")
    add(
        "--settings",
        default="workshop",
        choices=["workshop", "notebook", "paper"],
        help="made for few steps; the authors' notebook; the paper (from noise)",
    )
    add(
        "--style-weight",
        type=float,
        default=1.0,
        help="more style and less content: times the weight of the settings",
    )
    add(
        "--style-scale",
        type=float,
        default=1.0,
        help="size of the strokes: longest side of style over content",
    )
    add("--tv-weight", type=float, default=0.0, help="smoothness (total variation)")
    add(
        "--blend",
        type=_share,
        nargs="+",
        metavar="WEIGHT",
        default=argparse.SUPPRESS,
        help="of several styles: how much of each, in their order, or NAME=WEIGHT of "
        "some; equal unless given",
    )
    add(
        "--masks",
        nargs="+",
        metavar="PICTURE",
        default=argparse.SUPPRESS,
        help="one for each style: white where it goes, black where it does not",
    )
    add(
        "--color",
        default="none",
        choices=["none", "luminance", "linear"],
        help="keep the photograph's colors: paint its luminance only, or give the "
        "style its colors first",
    )
    add(
        "--scales",
        type=int,
        default=1,
        help="paint small first, and larger in so many sizes, with the steps in each",
    )
    add(
        "--tile",
        type=int,
        default=0,
        help="work in tiles of so many pixels: large pictures in bounded memory",
    )
    add(
        "--init",
        default="settings",
        choices=["settings", "content", "noise", "style"],
        help="what the picture starts from",
    )
    add("--optimizer", default="lbfgs", choices=["lbfgs", "adam"])
    add("--learning-rate", type=float, default=5.0, help="of Adam, in gray levels")
    add(
        "--falloff",
        type=float,
        default=argparse.SUPPRESS,
        help="of L-BFGS: 0.5 takes half the steps, 0 is the authors' way",
    )
    add(
        "--pooling",
        default="settings",
        choices=["settings", "max", "average"],
        help="of VGG",
    )
    add("--seed", type=int, default=0, help="of the noise")
    add(
        "--dtype",
        default="auto",
        choices=["auto", "float32", "bfloat16"],
        help="of VGG; auto: bfloat16 where the processor computes with it",
    )
    add(
        "--side-by-side",
        action="store_true",
        help="write content, style and result into one picture",
    )


def _stylize(options) -> int:
    from style_workshop import images

    # What can be refused is refused before TensorFlow takes its seconds to load.
    images.require_savable(options.output)
    images.require_size(options.size)
    content = images.read(options.content, options.size)
    if options.method == "fast":
        return _stylize_fast(options, content)
    scale = checks.number("--style-scale", options.style_scale, above=0, most=1e6)
    longest = max(1, round(scale * max(content.shape[:2])))
    styles = [images.read(path, longest) for path in options.style]
    share = 1 if "masks" in options else 1 / len(styles)
    if "blend" in options:
        names = [Path(path).stem for path in options.style]
        options.blend = _mixture(options.blend, names)
    weights = _one_each(options, "blend", [share] * len(styles))
    masks = _one_each(options, "masks", [None] * len(styles))
    masks = [path and images.read(path)[..., :3].mean(-1) / 255 for path in masks]
    height, width = content.shape[:2]
    if options.side_by_side:  # now, because a very long picture does not fit in a row
        row = [content]
        for path, style in zip(options.style, styles, strict=True):
            wide = max(1, round(style.shape[1] * height / style.shape[0]))
            row.append(images.read(path, (height, wide)))
        left = images.side_by_side(row)
    print(f"Painting {width}x{height} pixels; TensorFlow takes some seconds to start.")

    from style_workshop import gatys

    settings = _gatys_settings(options)
    given = zip(styles, weights, masks, strict=True)
    styles = [gatys.Style(s, weight=w, where=mask) for s, w, mask in given]
    gatys.check(settings, content, styles)
    memory = gatys.require_memory(content.shape[:2], styles, settings)
    print(f"It will take about {memory / 1e9:.1f} GB of memory.")
    made = {
        "content": Path(options.content).name,
        "style": ", ".join(Path(path).name for path in options.style),
        "size": options.size,
        **asdict(settings),
    }
    return _keep(
        lambda: gatys.stylize(content, styles, settings),
        options.output,
        made,
        settings.steps * settings.scales,
        before=[left] if options.side_by_side else [],
    )


def _stylize_fast(options, content) -> int:
    from style_workshop import color, images

    if len(options.style) > 1 or options.color == "linear" or "masks" in options:
        raise WorkshopError(
            "--method fast takes one network, no masks, and of the colors luminance."
        )
    path = _network_path(options.style[0])
    print("TensorFlow takes some seconds to start.")

    from style_workshop import fast, feedforward

    network = feedforward.load(path)
    names = network.card.get("styles", [])
    blend = _mixture(getattr(options, "blend", None), names)
    if blend is None and network.architecture.styles > 1:
        raise WorkshopError(
            f"{path.name} has the styles {', '.join(names)}: say with --blend how much "
            "of each, as 1 0 0 ... or NAME=1."
        )
    painted = fast.paint(network, content, blend)
    painted = color.restore(painted, content, options.color)
    if options.side_by_side:
        painted = images.side_by_side([content, painted])
    made = {"content": Path(options.content).name, "network": path.name, "blend": blend}
    images.save(painted, options.output, made)
    print(f"{options.output} is ready.")
    return 0


def _network_path(name: str) -> Path:
    """Find a network: a file, or by its name one of those that ship."""
    from style_workshop import NETWORKS, require_clone

    if not Path(name).is_file():
        require_clone()
    shipped = {path.stem: path for path in sorted(NETWORKS.glob("*.npz"))}
    path = shipped.get(name, Path(name))
    if not path.is_file():
        raise WorkshopError(
            f"There is no network {name}: give an .npz file, or one of "
            f"{', '.join(shipped) or 'those that ship (there are none)'}."
        )
    return path


def _share(text: str) -> float | tuple[str, float]:
    """Read ``0.5``, or ``great_wave=0.5``."""
    name, named, weight = text.rpartition("=")
    return (name, float(weight)) if named else float(weight)


def _mixture(shares: list | None, names: list[str]) -> list[float] | None:
    """Put weights that were given by name in the order of the styles."""
    named = dict(share for share in shares or [] if isinstance(share, tuple))
    if not named:
        return shares
    if len(named) < len(shares) or not set(named) <= set(names):
        raise WorkshopError(
            "--blend takes a number for each style, or NAME=WEIGHT once for each of "
            f"some; the styles are {', '.join(names)}."
        )
    return [named.get(name, 0.0) for name in names]


def _one_each(options, name: str, otherwise: list) -> list:
    """Give what was said of each style; as many as there are styles."""
    values = getattr(options, name, otherwise)
    if len(values) != len(options.style):
        raise WorkshopError(
            f"--{name} has {len(values)} values for {len(options.style)} styles: give "
            "one for each, in their order."
        )
    return values


def _gatys_settings(options):
    from style_workshop import gatys, vgg

    fastest = vgg.fastest_dtype()
    if options.dtype == "bfloat16" and fastest == "float32":
        print("bfloat16 is emulated on this machine: expect many times the time.")
    settings = gatys.SETTINGS[options.settings]
    changes = {
        "steps": options.steps,
        "style_weight": settings.style_weight * options.style_weight,
        "style_scale": options.style_scale,
        "tv_weight": options.tv_weight,
        "init": options.init,
        "optimizer": options.optimizer,
        "learning_rate": options.learning_rate,
        "falloff": getattr(options, "falloff", "settings"),
        "pooling": options.pooling,
        "seed": options.seed,
        "color": options.color,
        "scales": options.scales,
        "tile": options.tile,
        "dtype": fastest if options.dtype == "auto" else options.dtype,
    }
    given = {name: value for name, value in changes.items() if value != "settings"}
    return replace(settings, **given)


def _add_train(commands) -> None:
    from style_workshop import train_command

    command = _add(
        commands,
        "train",
        train_command.run,
        "Train a network that paints in one pass (Johnson et al., 2016).",
    )
    train_command.add_options(command)


def _add_export(commands) -> None:
    command = _add(
        commands,
        "export",
        _export,
        "Write a trained network as SavedModel, ONNX or TFLite.",
    )
    add = command.add_argument
    add("network", help="its name, or its .npz file")
    add(
        "-o",
        "--output",
        required=True,
        default=argparse.SUPPRESS,
        help=".onnx, .tflite, or a folder without an ending for a SavedModel",
    )
    add(
        "--size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        default=argparse.SUPPRESS,
        help="of the one picture it takes; any unless given (TFLite needs it)",
    )


def _export(options) -> int:
    path = _network_path(options.network)
    print("TensorFlow takes some seconds to start.")

    from style_workshop import export, feedforward

    network = feedforward.load(path)
    export.export(network, options.output, getattr(options, "size", None))
    print(f"{options.output} is ready.")
    return 0


def _add_dream(commands) -> None:
    command = _add(
        commands,
        "dream",
        _dream,
        "Let a network draw into a photograph what it sees there (DeepDream, 2015).",
    )
    add = command.add_argument
    add("photo", help="the photograph")
    add(
        "-o",
        "--output",
        required=True,
        default=argparse.SUPPRESS,
        help="where it goes; with --zoom its name ends in .gif or .webp",
    )
    add("--size", type=int, default=384, help="longest side of the result, in pixels")
    add("--layer", default="relu5_1", help="of VGG19; deeper ones draw larger things")
    add("--octaves", type=int, default=4, help="sizes of the picture to dream in")
    add("--octave-scale", type=float, default=1.4, help="from one size to the next")
    add("--steps", type=int, default=10, help="in each octave")
    add("--step-size", type=float, default=1.5, help="in gray levels, on average")
    add("--jitter", type=int, default=32, help="random shift in each step, in pixels")
    add("--tile", type=int, default=512, help="work in tiles, for memory; 0: never")
    add("--seed", type=int, default=0, help="of the random shifts")
    add(
        "--guide",
        metavar="PICTURE",
        default=argparse.SUPPRESS,
        help="a picture of what to dream of",
    )
    add(
        "--zoom",
        metavar="FRAMES",
        type=int,
        default=argparse.SUPPRESS,
        help="go into the picture, dream by dream, and write an animation",
    )


def _dream(options) -> int:
    from style_workshop import animations, images

    film = getattr(options, "zoom", None)
    writer = images if film is None else animations
    writer.require_savable(options.output)
    images.require_size(options.size)
    photo = images.read(options.photo, options.size)
    guide = getattr(options, "guide", None)
    picture = None if guide is None else images.read(guide, 224)
    height, width = photo.shape[:2]
    print(f"Dreaming {width}x{height} pixels; TensorFlow takes some seconds to start.")

    from style_workshop import dream, weights

    names = ["octaves", "octave_scale", "steps", "step_size", "jitter", "tile", "seed"]
    settings = dream.Settings(
        layers={options.layer: 1.0}, **{name: getattr(options, name) for name in names}
    )
    dream.check(settings, photo, guide=picture)
    network = weights.pretrained("vgg19")
    made = {"photo": Path(options.photo).name, "guide": guide and Path(guide).name}
    made |= {"size": options.size, **asdict(settings)}
    if film is not None:
        frames = dream.zoom(network, photo, film, settings=settings, guide=picture)
        if not frames:
            raise KeyboardInterrupt
        made["frames"] = len(frames)
        animations.save(frames, options.output, settings=made)
        print(f"Wrote {options.output} with {len(frames)} of {film} frames.")
        return 0 if len(frames) == film else 130
    return _keep(
        lambda: dream.dream(network, photo, settings, guide=picture),
        options.output,
        made,
        settings.octaves * settings.steps,
    )


def _keep(run, output, made: dict, steps: int, before: Sequence = ()) -> int:
    """Save the picture of an optimization, also of one that was stopped or broke.

    ``before`` are pictures to be put to the left of it.
    """
    from style_workshop import images
    from style_workshop.optimize import NotFinite

    def save(result) -> None:
        picture = (
            images.side_by_side([*before, result.image]) if before else result.image
        )
        images.save(picture, output, {**made, "steps_taken": result.steps})
        print(f"Wrote {output} after {result.steps} of {steps} steps.")

    try:
        result = run()
    except NotFinite as error:
        save(error.result)
        raise
    if result.interrupted and not result.steps:
        raise KeyboardInterrupt  # the picture is still what it started from
    save(result)
    return 130 if result.interrupted else 0


def _add_reconstruct(commands) -> None:
    command = _add(
        commands,
        "reconstruct",
        _reconstruct,
        "Show what layers keep of a picture: find another one that they take for it.",
    )
    add = command.add_argument
    add("picture", help="the picture")
    add(
        "-o", "--output", required=True, default=argparse.SUPPRESS, help="where it goes"
    )
    add("--keep", default="content", choices=["content", "style"], help="what to keep")
    add(
        "--layers",
        nargs="+",
        metavar="LAYER",
        default=argparse.SUPPRESS,
        help="of VGG19; by default conv4_2 for content, conv1_1 to conv5_1 for style",
    )
    add("--size", type=int, default=256, help="longest side of the picture, in pixels")
    add("--steps", type=int, default=100, help="of the optimizer")
    add("--alpha-weight", type=float, default=0.0, help="keeps pixels in range")
    add("--tv-weight", type=float, default=0.0, help="smoothness (total variation)")
    add(
        "--result",
        nargs=2,
        type=int,
        metavar=("HEIGHT", "WIDTH"),
        default=argparse.SUPPRESS,
        help="size of the result, if only the style is kept",
    )
    add(
        "--statistics",
        default="gram",
        choices=["gram", "moments", "mean"],
        help="what the style is; moments: mean and deviation of each channel",
    )
    add("--pooling", default="max", choices=["max", "average"], help="of VGG")
    add("--seed", type=int, default=0, help="of the noise that it starts from")


def _reconstruct(options) -> int:
    from style_workshop import images

    images.require_savable(options.output)
    images.require_size(options.size)
    result = getattr(options, "result", None)
    for side in result or ():
        images.require_size(side)
    picture = images.read(options.picture, options.size)
    layers = getattr(options, "layers", None)
    if options.keep == "content" and len(layers or "1") != 1:
        raise WorkshopError("The content is taken from one layer: name one.")
    if options.keep == "content" and result:
        raise WorkshopError("A content has the picture's size: add --keep style.")
    print("Finding the picture; TensorFlow takes some seconds to start.")

    from style_workshop import reconstruct, weights

    common = {name: getattr(options, name) for name in ("steps", "pooling", "seed")}
    if options.keep == "content":
        run = reconstruct.reconstruct_content
        named = {"layer": (layers or ["conv4_2"])[0], **common}
        named |= {
            name: getattr(options, name) for name in ("alpha_weight", "tv_weight")
        }
    else:
        run = reconstruct.reconstruct_style
        named = {"layers": layers or reconstruct.STYLE_LAYERS, "size": result, **common}
        named["statistics"] = options.statistics
    network = weights.pretrained("vgg19")
    made = {"picture": Path(options.picture).name, "keep": options.keep, **named}
    return _keep(
        lambda: run(network, picture, **named), options.output, made, options.steps
    )


def _add_paintings(commands) -> None:
    command = _add(
        commands,
        "paintings",
        _paintings,
        "Fetch public-domain paintings from Wikimedia Commons, to use as styles.",
    )
    add = command.add_argument
    add("names", nargs="*", metavar="NAME", default="all", help="which ones")
    add("--list", action="store_true", help="only name those there are")
    add("--size", type=int, default=1024, help="longest side, in pixels")
    add("-o", "--output", default=DATA / "paintings", help="folder to keep them in")


def _paintings(options) -> int:
    from style_workshop.fetch import paintings

    if options.list:
        for name, painting in paintings.PAINTINGS.items():
            print(f"{name:26}{painting.artist}, {painting.year}")
        return 0
    names = () if options.names == "all" else options.names
    try:
        paths = paintings.fetch(names, options.output, size=options.size)
    except KeyboardInterrupt:
        print("Interrupted: the same command fetches the rest.", file=sys.stderr)
        return 130
    print(f"Ready in {options.output}: {', '.join(paths)}.")
    return 0


def _add_data(commands) -> None:
    command = _add(
        commands, "data", _data, "Fetch a data set, or tell how (see data/README.md)."
    )
    add = command.add_argument
    add("name", nargs="?", metavar="NAME", default=argparse.SUPPRESS, help="which one")
    add("--list", action="store_true", help="only name those there are")
    add("-o", "--output", default=DATA, help="folder to keep them in, each in its own")
    add(
        "--archive",
        metavar="FILE",
        default=argparse.SUPPRESS,
        help="of COCO or WikiArt: a ZIP file that you have downloaded yourself",
    )
    add("--keep", action="store_true", help="keep the ZIP file of COCO too")


def _data(options) -> int:
    if options.list or "name" not in options:
        return _list_data()
    folder = Path(options.output)
    try:
        if options.name == "weights":
            from style_workshop import weights

            for name in ("vgg19", "vgg16"):
                weights.fetch(name, folder=folder / "weights")
        elif options.name == "paintings":
            from style_workshop.fetch import paintings

            paintings.fetch(folder=folder / "paintings")
        else:
            from style_workshop.fetch import datasets

            archive = getattr(options, "archive", None)
            datasets.fetch(options.name, folder, archive=archive, keep=options.keep)
    except KeyboardInterrupt:
        print("Interrupted: the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _list_data() -> int:
    from style_workshop.fetch import datasets

    for name, dataset in datasets.DATASETS.items():
        size = f"{dataset.size / 1e9:.1f} GB" if dataset.url else "by hand"
        print(f"{name:14}{size:9}{dataset.terms}")
    print(
        "weights       0.1 GB   VGG16 and VGG19 of Simonyan and Zisserman, CC BY 4.0."
    )
    print("paintings     small    Wikimedia Commons, public domain or CC0.")
    return 0


if __name__ == "__main__":
    # A line that announces minutes of work must not wait in a buffer, not in a pipe.
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(main())
