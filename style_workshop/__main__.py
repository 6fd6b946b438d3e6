"""The command line: ``python -m style_workshop COMMAND``, one method a command."""

import argparse
import sys
from dataclasses import asdict, replace
from pathlib import Path

from style_workshop import DATA, WorkshopError, __version__


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 with a sentence when it did not."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except WorkshopError as error:
        print(f"style_workshop: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("style_workshop: interrupted; nothing was written.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m style_workshop",
        description="Style transfer by deep learning, one method a command.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_weights(commands)
    _add_stylize(commands)
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
    from style_workshop import weight_check, weights

    for name in options.names:
        weights.fetch(name)
        if options.classifier:
            weights.fetch(name, classifier=True)
        weight_check.self_check(weights.pretrained(name), name)
        print(f"{name} sees what it should.")
    return 0


def _add_stylize(commands) -> None:
    command = _add(
        commands,
        "stylize",
        _stylize,
        "Paint a photograph in the style of a picture (Gatys et al., 2016).",
    )
    add = command.add_argument
    add("content", help="the photograph")
    add("style", help="the picture whose style it takes")
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
        "--init",
        default="settings",
        choices=["settings", "content", "noise", "style"],
        help="what the picture starts from",
    )
    add("--optimizer", default="lbfgs", choices=["lbfgs", "adam"])
    add("--learning-rate", type=float, default=5.0, help="of Adam, in gray levels")
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
    style = images.read(options.style)
    height, width = content.shape[:2]
    if options.side_by_side:  # now, because a very long picture does not fit in a row
        wide = max(1, round(style.shape[1] * height / style.shape[0]))
        left = images.side_by_side([content, images.resize(style, (height, wide))])
    print(f"Painting {width}x{height} pixels; TensorFlow takes some seconds to start.")

    from style_workshop import gatys
    from style_workshop.optimize import NotFinite

    settings = _gatys_settings(options)

    def save(result) -> None:
        picture = result.image
        if options.side_by_side:
            picture = images.side_by_side([left, picture])
        images.save(
            picture,
            options.output,
            {
                "content": Path(options.content).name,
                "style": Path(options.style).name,
                "size": options.size,
                "steps_taken": result.steps,
                **asdict(settings),
            },
        )
        print(f"Wrote {options.output} after {result.steps} of {settings.steps} steps.")

    try:
        result = gatys.stylize(content, style, settings)
    except NotFinite as error:
        save(error.result)
        raise
    save(result)
    return 130 if result.interrupted else 0


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
        "start": options.init,
        "optimizer": options.optimizer,
        "learning_rate": options.learning_rate,
        "pooling": options.pooling,
        "seed": options.seed,
        "dtype": fastest if options.dtype == "auto" else options.dtype,
    }
    given = {name: value for name, value in changes.items() if value != "settings"}
    return replace(settings, **given)


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
    from style_workshop import paintings

    if options.list:
        for name, painting in paintings.PAINTINGS.items():
            print(f"{name:26}{painting.artist}, {painting.year}")
        return 0
    names = () if options.names == "all" else options.names
    try:
        paths = paintings.fetch(names, options.output, options.size)
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
            from style_workshop import paintings

            paintings.fetch(folder=folder / "paintings")
        else:
            from style_workshop import datasets

            archive = getattr(options, "archive", None)
            datasets.fetch(options.name, folder, archive, options.keep)
    except KeyboardInterrupt:
        print("Interrupted: the same command goes on from here.", file=sys.stderr)
        return 130
    return 0


def _list_data() -> int:
    from style_workshop import datasets

    for name, dataset in datasets.DATASETS.items():
        size = f"{dataset.size / 1e9:.1f} GB" if dataset.url else "by hand"
        print(f"{name:14}{size:9}{dataset.terms}")
    print(
        "weights       0.1 GB   VGG16 and VGG19 of Simonyan and Zisserman, CC BY 4.0."
    )
    print("paintings     small    Wikimedia Commons, public domain or CC0.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
