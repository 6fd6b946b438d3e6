"""DeepDream: let a network draw into a picture what it believes to see there.

Mordvintsev, Olah and Tyka, "Inceptionism" and "DeepDream - a code example" (Google
Research blog, June and July 2015) [2], with VGG in place of their GoogLeNet.
Notebook 1.0 begins with the plain step and adds the octaves.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from style_workshop import WorkshopError, checks, vgg
from style_workshop.features import features_of, receptive_field
from style_workshop.images import resize
from style_workshop.objectives import (
    energy,
    jittered,
    likeness,
    tiled_loss,
    whole_loss,
)
from style_workshop.optimize import Loss, Result, optimize
from style_workshop.stopping import stop_notebook


@dataclass(frozen=True)
class Settings:
    """All numbers of a dream. `dataclasses.replace` changes some of them.

    The values are those of [2], but for the layer, which is of VGG.

    Attributes:
        layers: the weight of each layer in the objective.
        octaves: sizes of the picture, from small to its own.
        octave_scale: each is so many times as large as the one before.
        steps: in each octave.
        step_size: mean change of a pixel in a step, in gray levels.
        jitter: the picture is rolled by up to so many pixels before each step.
        tile: side in pixels of the tiles that a picture is worked in; 0 takes it as a
            whole. Tiles need less memory, and more time the deeper the layers (they
            overlap by what these see), and give the same.
        seed: of the jitter.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    layers: Mapping[str, float] = field(default_factory=lambda: {"relu5_1": 1.0})
    _: KW_ONLY
    octaves: int = 4
    octave_scale: float = 1.4
    steps: int = 10
    step_size: float = 1.5
    jitter: int = 32
    tile: int = 512
    seed: int = 0

    def __post_init__(self):
        checks.layer_weights("layers", self.layers)
        checks.whole_number("octaves", self.octaves, least=1, most=100)
        checks.number("octave_scale", self.octave_scale, above=1, below=10, such_as=1.4)
        checks.whole_number("steps", self.steps, least=1)
        checks.number("step_size", self.step_size, above=0, such_as=1.5)
        checks.whole_number("jitter", self.jitter, most=16384)
        checks.whole_number("tile", self.tile)
        checks.seed(self.seed)


# --- octaves ------------------------------------------------------------------------


def check(
    settings: Settings,
    picture: np.ndarray,
    *,
    guide: np.ndarray | None = None,
    name: str = "vgg19",
) -> None:
    """Refuse pictures that do not go with the settings, before any work starts.

    ``name`` is that of the network.

    Raises:
        WorkshopError: says which, and what to use.
    """
    checks.picture("the picture", picture)
    if guide is not None:
        checks.picture("the guide", guide)
    _check_layers(settings, picture, guide, name)


def _check_layers(settings, picture, guide, name) -> None:
    smallest = octave_sizes(picture.shape[:2], settings)[0]
    try:
        vgg.check_request(name, settings.layers, *smallest)
    except WorkshopError as error:
        if settings.octaves == 1:
            raise
        raise WorkshopError(
            f"In the first of {settings.octaves} octaves: {error} Use fewer octaves "
            "or a larger picture."
        ) from error
    for layer in settings.layers:
        receptive_field(name, layer)  # refuses dense layers
    if guide is not None:
        vgg.check_request(name, settings.layers, *guide.shape[:2])


def octave_sizes(size: Sequence[int], settings: Settings) -> list[tuple[int, int]]:
    """Give (height, width) of each octave, from the smallest to ``size`` itself."""
    scales = [settings.octave_scale**k for k in reversed(range(settings.octaves))]
    height, width = size
    return [
        (max(1, round(height / scale)), max(1, round(width / scale)))
        for scale in scales
    ]


def dream_loss(
    network: vgg.Network, settings: Settings, *, guide: np.ndarray | None = None
) -> Loss:
    """Make the loss of a dream: `energy` or, with a guide, `likeness`; jittered.

    Pictures larger than a tile are worked in tiles. It is compiled once for each
    size, and can serve many runs.
    """
    features, layers = features_of(network), list(settings.layers)
    objective = energy(settings.layers)
    if guide is not None:
        objective = likeness(
            settings.layers, features(tf.constant(guide, tf.float32), layers)
        )
    whole = whole_loss(features, layers, objective)
    tiled = tiled_loss(
        network, features, layers, objective=objective, tile=settings.tile or 1
    )

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        large = settings.tile and max(image.shape[:2]) > settings.tile
        return (tiled if large else whole)(image)

    return tf.function(jittered(loss, settings.jitter, seed=settings.seed))


def dream(
    network: vgg.Network,
    picture: np.ndarray,
    settings: Settings | None = None,
    *,
    guide: np.ndarray | None = None,
    callback: Callable | None = None,
    progress: str | None = "octave",
    loss: Loss | None = None,
) -> Result:
    """Let the network draw into a picture, in octaves from small to large.

    What was drawn in one octave is enlarged and added to the picture in the next:
    small octaves draw large things, and the details of the picture are not lost.

    Args:
        network: VGG.
        picture: ``[h, w, 3]``, 0-255.
        settings: None takes `Settings()`.
        guide: a picture ``[h', w', 3]`` whose features are to appear (`likeness`).
        callback: see `optimize.optimize`; called in each octave with its pictures.
        progress: what the progress bar of each octave says; None shows no bar.
        loss: of one's own, or from `dream_loss` for many runs; None makes it.

    Returns:
        The picture, as large as it was, and the history of all octaves. Interrupted,
        it returns what it has, enlarged.

    Raises:
        WorkshopError: settings or pictures that make no sense.
    """
    settings = settings or Settings()
    check(settings, picture, guide=guide, name=network.name)
    loss = loss or dream_loss(network, settings, guide=guide)
    sizes = octave_sizes(picture.shape[:2], settings)
    drawn, whole = np.zeros((*sizes[0], 3), np.float32), Result(picture)
    try:
        for number, size in enumerate(sizes, start=1):
            base, says = resize(picture, size), f"{progress} {number} of {len(sizes)}"
            result = optimize(
                loss,
                base + _enlarge(drawn, size),
                settings.steps,
                optimizer="descent",
                learning_rate=settings.step_size,
                callback=callback,
                progress=progress and says,
            )
            drawn, whole.interrupted = result.image - base, result.interrupted
            for name, values in result.history.items():
                # An octave starts where the last one ended, at another size.
                whole.history.setdefault(name, []).extend(values[number > 1 :])
            if result.interrupted:
                break
    except KeyboardInterrupt:  # between two octaves
        whole.interrupted = True
        stop_notebook()
    image = picture + _enlarge(drawn, sizes[-1])
    whole.image = np.clip(image, 0, 255).astype(np.float32)
    return whole


def _enlarge(drawn: np.ndarray, size: Sequence[int]) -> np.ndarray:
    """Resize ``[h, w, 3]``, signed, without clipping it."""
    return tf.image.resize(drawn, size, "bilinear").numpy()


# --- zoom ---------------------------------------------------------------------------


def zoom(
    network: vgg.Network,
    picture: np.ndarray,
    frames: int,
    *,
    settings: Settings | None = None,
    guide: np.ndarray | None = None,
    scale: float = 0.05,
    progress: str | None = "frames",
) -> list[np.ndarray]:
    """Dream, go a little into the picture, and dream again: the frames of a film.

    Args:
        network: VGG.
        picture: ``[h, w, 3]``, 0-255.
        frames: how many.
        settings: of each frame; None takes `Settings()`.
        guide: see `dream`.
        scale: each frame shows the one before enlarged by so much; 0.05 in [2].
        progress: what the progress bar counts; None shows no bar.

    Returns:
        Pictures ``[h, w, 3]``, 0-255, for `animations.save`; interrupted, fewer.

    Raises:
        WorkshopError: settings or pictures that make no sense.
    """
    checks.whole_number("frames", frames, least=1)
    checks.number("scale", scale, least=0, below=1, such_as=0.05)
    settings = settings or Settings()
    check(settings, picture, guide=guide, name=network.name)
    loss = dream_loss(network, settings, guide=guide)
    shown: list[np.ndarray] = []
    with tqdm(total=frames, desc=progress, disable=progress is None) as bar:
        try:
            while len(shown) < frames:
                result = dream(network, picture, settings, progress=None, loss=loss)
                if result.interrupted:
                    break
                shown.append(result.image)
                picture = go_in(result.image, scale)
                bar.update()
        except KeyboardInterrupt:  # between two dreams
            stop_notebook()
    return shown


def go_in(image: np.ndarray, scale: float) -> np.ndarray:
    """Cut out the middle of ``[h, w, 3]`` and enlarge it to the same size."""
    edge = (1 - 1 / (1 + scale)) / 2
    box = [[edge, edge, 1 - edge, 1 - edge]]
    return tf.image.crop_and_resize(image[None], box, [0], image.shape[:2])[0].numpy()
