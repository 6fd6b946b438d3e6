"""``python -m style_workshop train-adain``: train a decoder for any style [11]."""

from pathlib import Path

from style_workshop import WorkshopError, division
from style_workshop.commands.shared import (
    STARTS,
    add_output,
    file,
    number,
    one_of,
    require_folder,
    seed,
    side,
    weight,
    whole,
)

TEXT = "Train a decoder that paints in any style (Huang and Belongie, 2017)."
EXAMPLE = "--photos FOLDER --paintings FOLDER -o decoder.npz"


def add_options(parser) -> None:
    add = parser.add_argument
    add("--photos", required=True, type=file, help="folder of photographs")
    add("--paintings", required=True, type=file, help="folder of style images")
    add_output(parser, "where the decoder goes, an .npz file")
    add("--decoder", type=file, help="to go on from, in place of random numbers")
    add("--steps", type=whole(1), default=4000, help="of the optimizer")
    add("--size", type=side, default=128, help="side of the windows, a multiple of 8")
    add("--batch-size", type=whole(1), default=4, help="windows in a step")
    add("--short-side", type=side, default=288, help="of the pictures before that")
    add("--windows", type=whole(4), default=1000, help="that are encoded and kept")
    rate = number(above=0, such_as=1e-4)
    add("--learning-rate", type=rate, default=5e-4, help="of Adam, falling to 0")
    add("--style-weight", type=weight, default=10.0, help="0: as an autoencoder")
    add("--drawing-weight", type=weight, default=1.0, help="of the drawing")
    add("--folder", type=file, help="of checkpoints; OUTPUT.training unless given")
    add("--logs", type=file, help="folder for TensorBoard")
    add("--seed", type=seed, default=0, help="of the windows, and of a new decoder")
    _add_devices(parser.add_argument_group("many devices"))


def _add_devices(group) -> None:
    add = group.add_argument
    add(
        "--strategy",
        default="mirrored",
        **one_of(division.STRATEGIES),
        help="a copy on each device; on each of several machines; or each network "
        "on a device of its own",
    )
    add("--devices", type=whole(1), default=1, help="of this machine")
    add(
        "--workers",
        nargs="+",
        default=[],
        metavar="HOST:PORT",
        help="of multiworker: all of them, in one order",
    )
    add("--worker", type=whole(), default=0, help="which of them this one is, from 0")


def run(options) -> int:
    """Train; the same command again goes on where an earlier one was stopped."""
    output = Path(options.output)
    divided = division.Division(
        options.strategy,
        options.devices,
        workers=tuple(options.workers),
        worker=options.worker,
    )
    _require_sense(options, divided)
    folder = Path(options.folder or f"{output}.training")
    print(STARTS)

    from style_workshop import adain, adain_training, parallel, training

    def make_decoder():
        if options.decoder:
            return adain.load(options.decoder)
        return adain.Decoder(scale=1000.0, seed=options.seed)

    decoder, history = parallel.train(
        make_decoder,
        adain_training.AdainData(
            options.photos,
            options.paintings,
            size=options.size,
            batch_size=options.batch_size,
            short_side=options.short_side,
            windows=options.windows,
            seed=options.seed,
        ),
        adain_training.AdainLoss(
            style_weight=options.style_weight, drawing_weight=options.drawing_weight
        ),
        divided,
        settings=training.TrainingSettings(
            options.steps, options.learning_rate, schedule="cosine", average=0.99
        ),
        folder=folder,
        logs=options.logs,
    )
    if history.interrupted:
        print(f"Stopped at step {history.steps}: the same command goes on from there.")
        return 130
    if divided.writes:
        adain.save(decoder, output)
        print(f"{output}: {history.steps} steps.")
    return 0


def _require_sense(options, divided: division.Division) -> None:
    """Refuse what can be refused before TensorFlow loads."""
    from style_workshop.batches.files import find

    if Path(options.output).suffix != ".npz":
        raise WorkshopError(f"{options.output} should end in .npz: it holds a decoder.")
    if options.size % 8 or not 32 <= options.size <= options.short_side:
        raise WorkshopError(
            f"--size is {options.size}: use a multiple of 8, 32 or more, and no more "
            f"than --short-side, {options.short_side}."
        )
    divided.require_batch(options.batch_size)
    if options.decoder and not Path(options.decoder).is_file():
        raise WorkshopError(f"There is no file {options.decoder}.")
    for folder in (options.photos, options.paintings):
        find(folder)
    for folder in (options.folder, options.logs):
        if folder is not None:
            require_folder(folder)
