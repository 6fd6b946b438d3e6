"""``python -m style_workshop train``: from a style and photographs to a network."""

import argparse
from dataclasses import replace
from pathlib import Path

from style_workshop import WorkshopError


def add_options(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    add("style", nargs="+", help="the picture whose style it learns, or several [9]")
    add("--photos", required=True, default=argparse.SUPPRESS, help="folder")
    add(
        "-o",
        "--output",
        required=True,
        default=argparse.SUPPRESS,
        help="where the network goes, an .npz file",
    )
    add("--steps", type=int, default=4000, help="of the optimizer")
    add("--size", type=int, default=256, help="side of the windows, in pixels")
    add("--batch-size", type=int, default=4)
    add(
        "--short-side",
        type=int,
        default=0,
        help="of the photographs before that; 0: an eighth more than --size",
    )
    add("--learning-rate", type=float, default=1e-3, help="of Adam")
    add(
        "--schedule",
        default="constant",
        choices=["constant", "cosine"],
        help="whether the rate stays, or falls to 0 at the last step",
    )
    add(
        "--average",
        type=float,
        default=0.0,
        help="of the moving average of the weights; 0.99: over about 100 steps",
    )
    add(
        "--architecture",
        default="workshop",
        choices=["workshop", "paper", "public"],
        help="half width, mirrored edges; the paper's; that of the authors' code",
    )
    add(
        "--start",
        metavar="NETWORK",
        default=argparse.SUPPRESS,
        help="a trained network to go on from, in place of random numbers",
    )
    add(
        "--norms-only",
        action="store_true",
        help="with --start: change scales and shifts alone; each style is a new one",
    )
    add("--content-weight", type=float, default=1.0)
    add("--style-weight", type=float, default=5.0)
    add(
        "--tile-share",
        type=float,
        default=0.3,
        help="how much of the style loss is taken tile by tile",
    )
    add("--range-weight", type=float, default=1.0, help="against white blobs")
    add("--spike-weight", type=float, default=10.0, help="against colored droplets")
    add("--tv-weight", type=float, default=0.0, help="smoothness (total variation)")
    add("--style-size", type=int, default=384, help="longest side, sets the strokes")
    add("--network", default="vgg16", choices=["vgg16", "vgg19"], help="of the loss")
    add(
        "--credit",
        nargs="+",
        metavar="TEXT",
        default=argparse.SUPPRESS,
        help="for the card: who made each style, and its licence",
    )
    add(
        "--samples",
        nargs="+",
        metavar="PHOTO",
        default=[],
        help="painted at each checkpoint, to watch it learn",
    )
    add("--every", type=int, default=100, help="steps from checkpoint to checkpoint")
    add(
        "--folder",
        default=argparse.SUPPRESS,
        help="of checkpoints, curves and samples; OUTPUT.training unless given",
    )
    add("--logs", default=argparse.SUPPRESS, help="folder for TensorBoard")
    add("--seed", type=int, default=0)
    add(
        "--dtype",
        default="auto",
        choices=["auto", "float32", "bfloat16"],
        help="auto: bfloat16 where the processor computes with it",
    )


def run(options) -> int:
    """Train; the same command again goes on where an earlier one was stopped."""
    from style_workshop import images  # here: every command builds the parser above

    output = Path(options.output)
    if output.suffix != ".npz":
        raise WorkshopError(f"{output} should end in .npz: it holds a network.")
    styles = {Path(path).stem: images.read(path) for path in options.style}
    if len(styles) < len(options.style):
        raise WorkshopError("Two styles have the same name: rename one file.")
    credit = getattr(options, "credit", [""] * len(styles))
    if len(credit) != len(styles):
        raise WorkshopError("--credit has other than one text for each style.")
    samples = [images.read(path, options.size * 3 // 2) for path in options.samples]
    if options.norms_only and "start" not in options:
        raise WorkshopError("--norms-only needs a trained network: give --start.")
    print("TensorFlow takes some seconds to start.")

    from style_workshop import fast, feedforward, perceptual, training, vgg

    network = _network(options, len(styles))
    network.card["credit"] = dict(zip(styles, credit, strict=True))
    data = fast.TrainingData(
        Path(options.photos),
        options.size,
        batch_size=options.batch_size,
        short_side=options.short_side,
        seed=options.seed,
    )
    settings = training.TrainingSettings(
        options.steps,
        options.learning_rate,
        schedule=options.schedule,
        average=options.average,
        every=options.every,
    )
    loss_settings = perceptual.LossSettings(
        options.network,
        content_weight=options.content_weight,
        style_weight=options.style_weight,
        tile_share=options.tile_share,
        range_weight=options.range_weight,
        spike_weight=options.spike_weight,
        tv_weight=options.tv_weight,
        style_size=options.style_size,
        dtype=vgg.fastest_dtype() if options.dtype == "auto" else options.dtype,
    )
    folder = Path(getattr(options, "folder", f"{output}.training"))
    done = training.checkpoints(folder)
    if done:
        print(f"Going on from {done[-1]}.")
    history = fast.train(
        network,
        styles,
        data,
        settings=settings,
        loss_settings=loss_settings,
        norms_only=options.norms_only,
        folder=folder,
        samples=samples,
        logs=getattr(options, "logs", None),
    )
    if history.interrupted:
        print(f"Stopped at step {history.steps}: the same command goes on from there.")
        return 130
    feedforward.save(network, output)
    print(f"{output}: {history.steps} steps, loss {_last(history):.3g}.")
    return 0


def _last(history) -> float:
    recent = history.losses["total"][-100:]
    return sum(recent) / len(recent)


def _network(options, count: int):
    """A new network, or a trained one, with as many styles as are asked for."""
    from style_workshop import feedforward

    if "start" not in options:
        kind = feedforward.ARCHITECTURES[options.architecture]
        return feedforward.TransformNetwork(
            replace(kind, styles=count), None, options.seed
        )
    start = feedforward.load(options.start)
    return feedforward.with_styles(start, count)
