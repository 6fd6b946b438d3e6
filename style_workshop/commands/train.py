"""``python -m style_workshop train``: from a style and photographs to a network."""

from dataclasses import replace
from pathlib import Path

from style_workshop import WorkshopError
from style_workshop.commands.shared import (
    LARGEST_SIDE,
    STARTS,
    add_dtype,
    add_output,
    dtype_of,
    file,
    network_path,
    number,
    one_of,
    require_folder,
    seed,
    side,
    weight,
    whole,
)

TEXT = "Train a network that paints in one pass (Johnson et al., 2016)."
EXAMPLE = "painting.jpg --photos FOLDER -o net.npz"


def add_options(parser) -> None:
    add = parser.add_argument
    add(
        "style",
        nargs="+",
        type=file,
        help="the picture whose style it learns, or several [9]",
    )
    add("--photos", required=True, type=file, help="folder to learn from")
    add_output(parser, "where the network goes, an .npz file")
    add("--steps", type=whole(1), default=4000, help="of the optimizer")
    add("--size", type=side, default=256, help="side of the windows, in pixels")
    add("--batch-size", type=whole(1), default=4, help="windows in a step")
    add(
        "--short-side",
        type=whole(0, LARGEST_SIDE),
        default=0,
        help="of the photographs before that; 0: an eighth more than --size",
    )
    _add_rate(parser)
    _add_network(parser)
    _add_loss(parser)
    _add_motion(parser)
    _add_watching(parser)
    add("--seed", type=seed, default=0, help="of the numbers that it starts from")


def _add_rate(parser) -> None:
    add = parser.add_argument
    add(
        "--learning-rate",
        type=number(above=0, such_as=1e-3),
        default=1e-3,
        help="of Adam",
    )
    add(
        "--schedule",
        default="constant",
        **one_of(["constant", "cosine"]),
        help="whether the rate stays, or falls to 0 at the last step",
    )
    add(
        "--average",
        type=number(least=0, below=1, such_as=0.99),
        default=0.0,
        help="of the moving average of the weights; 0.99: over about 100 steps",
    )


def _add_network(parser) -> None:
    add = parser.add_argument
    add(
        "--architecture",
        default="workshop",
        **one_of(["workshop", "paper", "public"]),
        help="half width, mirrored edges; the paper's; that of the authors' code",
    )
    add(
        "--pretrained",
        metavar="NETWORK",
        type=file,
        help="a trained network to go on from, in place of random numbers",
    )
    add(
        "--norms-only",
        action="store_true",
        help="with --pretrained: change scales and shifts alone; each style is new",
    )


def _add_loss(parser) -> None:
    add = parser.add_argument
    add("--content-weight", type=weight, default=1.0, help="of the content loss")
    add("--style-weight", type=weight, default=5.0, help="of the style loss")
    add(
        "--tile-share",
        type=number(least=0, most=1),
        default=0.3,
        help="how much of the style loss is taken tile by tile",
    )
    add("--range-weight", type=weight, default=1.0, help="against white blobs")
    add("--spike-weight", type=weight, default=10.0, help="against colored droplets")
    add("--tv-weight", type=weight, default=0.0, help="smoothness (total variation)")
    add("--style-size", type=side, default=384, help="longest side, sets the strokes")
    add("--network", default="vgg16", **one_of(["vgg16", "vgg19"]), help="of the loss")
    add_dtype(parser)


def _add_motion(parser) -> None:
    add = parser.add_argument
    add(
        "--temporal-weight",
        type=weight,
        default=0.0,
        help="for clips, such as 50: against flicker, on photographs that move",
    )
    add(
        "--clips",
        nargs="+",
        metavar="CLIP",
        type=file,
        default=[],
        help="with --temporal-weight: videos or folders of frames in whose way "
        "photographs move too, beside shifts and zooms",
    )


def _add_watching(parser) -> None:
    add = parser.add_argument
    add(
        "--credit",
        nargs="+",
        metavar="TEXT",
        help="for the card: who made each style, and its licence",
    )
    add(
        "--samples",
        nargs="+",
        metavar="PHOTO",
        type=file,
        help="painted at each checkpoint, to watch it learn",
    )
    add(
        "--every",
        type=whole(1),
        default=100,
        help="steps from checkpoint to checkpoint",
    )
    add(
        "--folder",
        type=file,
        help="of checkpoints, curves and samples; OUTPUT.training unless given",
    )
    add("--logs", type=file, help="folder for TensorBoard")


def run(options) -> int:
    """Train; the same command again goes on where an earlier one was stopped."""
    output = Path(options.output)
    styles, samples = _pictures(options)
    _require_sense(options, len(styles))
    for folder in (options.folder, options.logs):
        if folder is not None:
            require_folder(folder)
    print(STARTS)

    from style_workshop import fast, feedforward, training

    network = _network(options, len(styles))
    credit = options.credit or [""] * len(styles)
    network.card["credit"] = dict(zip(styles, credit, strict=True))
    folder = Path(options.folder or f"{output}.training")
    done = training.checkpoints(folder)
    if done:
        print(f"Going on from {done[-1]}.")
    history = fast.train(
        network,
        styles,
        **_settings(options),
        motion=_motion(options),
        norms_only=options.norms_only,
        folder=folder,
        samples=samples,
        logs=options.logs,
    )
    if history.interrupted:
        print(f"Stopped at step {history.steps}: the same command goes on from there.")
        return 130
    feedforward.save(network, output)
    print(f"{output}: {history.steps} steps, loss {_last(history):.3g}.")
    return 0


def _pictures(options) -> tuple[dict, list]:
    """Read the styles, by name, and the samples."""
    from style_workshop import images

    styles = {Path(path).stem: images.read(path) for path in options.style}
    if len(styles) < len(options.style):
        raise WorkshopError("Two styles have the same name: rename one file.")
    size = options.size * 3 // 2
    return styles, [images.read(path, size) for path in options.samples or []]


def _require_sense(options, count: int) -> None:
    """Refuse what can be refused before TensorFlow loads."""
    from style_workshop.batches.files import find
    from style_workshop.video import clips

    if Path(options.output).suffix != ".npz":
        raise WorkshopError(f"{options.output} should end in .npz: it holds a network.")
    if options.credit is not None and len(options.credit) != count:
        raise WorkshopError("--credit has other than one text for each style.")
    if options.pretrained is not None:
        network_path(options.pretrained)
    elif options.norms_only:
        raise WorkshopError("--norms-only needs a trained network: give --pretrained.")
    if options.clips and not options.temporal_weight:
        raise WorkshopError("--clips goes with --temporal-weight: give both.")
    for clip in options.clips:
        clips.require_readable(clip)
    find(options.photos)


def _settings(options) -> dict:
    """Give the three settings of `fast.train`: of the data, the steps, the loss."""
    from style_workshop import fast, perceptual, training

    return {
        "data": fast.TrainingData(
            Path(options.photos),
            options.size,
            batch_size=options.batch_size,
            short_side=options.short_side,
            seed=options.seed,
        ),
        "settings": training.TrainingSettings(
            options.steps,
            options.learning_rate,
            schedule=options.schedule,
            average=options.average,
            every=options.every,
        ),
        "loss_settings": perceptual.LossSettings(
            options.network,
            content_weight=options.content_weight,
            style_weight=options.style_weight,
            tile_share=options.tile_share,
            range_weight=options.range_weight,
            spike_weight=options.spike_weight,
            tv_weight=options.tv_weight,
            style_size=options.style_size,
            dtype=dtype_of(options),
        ),
    }


def _motion(options):
    """Read the motion that photographs are to have; None without a weight of it."""
    if not options.temporal_weight:
        return None
    import numpy as np

    from style_workshop.video.motion import Motion, flows_of

    flows = [flows_of(clip, options.size) for clip in options.clips]
    return Motion(
        options.temporal_weight, flows=np.concatenate(flows) if flows else None
    )


def _last(history) -> float:
    recent = history.losses["total"][-100:]
    return sum(recent) / len(recent)


def _network(options, count: int):
    """A new network, or a trained one, with as many styles as are asked for."""
    from style_workshop import architecture, feedforward

    if options.pretrained is not None:
        network = feedforward.load(network_path(options.pretrained))
        return feedforward.with_styles(network, count)
    kind = replace(architecture.ARCHITECTURES[options.architecture], styles=count)
    return feedforward.TransformNetwork(kind, seed=options.seed)
