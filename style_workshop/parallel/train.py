"""Train the decoder of AdaIN on many devices, with the one loop of `training`."""

import tensorflow as tf

from style_workshop import WorkshopError, adain_training, training, vgg, weights
from style_workshop.adain import LAYERS, Decoder, encode
from style_workshop.adain_data import AdainData, FeatureWindows
from style_workshop.adain_training import AdainLoss
from style_workshop.division import PLACES, Division
from style_workshop.losses import mean_and_deviation
from style_workshop.parallel.devices import devices, placed
from style_workshop.parallel.pairs import PicturePairs
from style_workshop.parallel.pipeline import JOBS, Pipeline, Stages
from style_workshop.parallel.strategies import mirrored, multiworker


def train(
    make_decoder,
    data: AdainData,
    loss: AdainLoss,
    division: Division,
    *,
    progress: str | None = "training",
    **options,
) -> tuple[Decoder, training.History]:
    """Train a decoder on many devices; write what it learned into its card.

    Call it before anything else is computed: devices are split, and workers meet, at
    the start of TensorFlow.

    Args:
        make_decoder: called without arguments where its variables should go.
        data: photographs and paintings. A pipeline cuts new windows for every step,
            and encodes them in its stages; the others keep ``data.windows``.
        loss: weights.
        division: who does what.
        progress: what the progress bar counts; None, and of several workers all but
            the first, show no bar.
        options: ``settings``, ``folder`` and ``logs`` as in `training.train`. All
            workers must see the folder.

    Returns:
        The decoder, and the history of its training.

    Raises:
        WorkshopError: something that cannot work, or another worker has gone.
    """
    division.require_batch(data.batch_size)
    progress = progress if division.writes else None
    if not division.writes:
        options["logs"] = None
    divided = _pipelined if division.strategy == "pipeline" else _replicated
    try:
        return divided(make_decoder, data, loss, division, progress, options)
    except (tf.errors.UnavailableError, tf.errors.AbortedError) as error:
        raise WorkshopError(
            "Another worker has gone: give the same command again to all of them, and "
            "the training goes on from its last checkpoint."
        ) from error


def _replicated(make_decoder, data, loss, division, progress, options):
    """A copy of everything on each device, and a part of the batch."""
    if division.strategy == "multiworker":
        strategy = multiworker(division.workers, division.worker)
    else:
        strategy = mirrored(devices(division.devices))
    encoder = weights.pretrained("vgg19").freeze()  # constants: nobody's copies
    windows = FeatureWindows(data, encoder, progress and "windows")
    with strategy.scope():
        decoder = make_decoder()
        history = adain_training.train_on(
            decoder,
            windows,
            data,
            loss,
            losses=loss.of(decoder, encoder),
            progress=progress,
            **options,
        )
    return decoder, history


def _pipelined(make_decoder, data, loss, division, progress, options):
    """Each network on a device of its own."""
    places = on_devices(devices(division.devices))
    with placed({"decoder": places["decode"]}):
        decoder = make_decoder()
    network = weights.pretrained("vgg19")
    pipeline = Pipeline(
        adain_stages(decoder, network, loss, places),
        decoder.variables,
        places,
        micro_batches=division.micro_batches,
        in_flight=division.in_flight,
    )
    with PicturePairs(data) as pairs:
        history = adain_training.train_on(
            decoder,
            pairs,
            data,
            loss,
            gradients=pipeline,
            made_for={"windows": "new ones for every step"},
            progress=progress,
            **options,
        )
    return decoder, history


def on_devices(names: list[str]) -> dict[str, str]:
    """Give each job of a pipeline one of 1 to 4 devices (`division.PLACES`)."""
    places = PLACES[len(names)]
    return {job: names[place] for job, place in zip(JOBS, places, strict=False)}


def adain_stages(
    decoder: Decoder, network: vgg.Network, loss: AdainLoss, places: dict[str, str]
) -> Stages:
    """Give the networks of AdaIN as stages, VGG's weights on each of its devices.

    Args:
        decoder: that is trained.
        network: VGG19.
        loss: weights.
        places: the device of each job, as `on_devices` gives them.
    """
    frozen = {}
    for device in {places[job] for job in ("content", "style", "compare")}:
        with tf.device(device):
            frozen[device] = network.freeze()

    def content(photographs):
        return encode(frozen[places["content"]], photographs)[LAYERS[-1]]

    def style(images):
        found = encode(frozen[places["style"]], images, LAYERS)
        return [mean_and_deviation(found[layer]) for layer in LAYERS]

    def decode(features, statistics):
        return decoder(loss.target(features, statistics))

    def compare(painted, features, statistics, step):
        of_painted = loss.of(lambda _target: painted, frozen[places["compare"]])
        return of_painted((features, *statistics), step)

    return Stages(content, style, decode, compare)
