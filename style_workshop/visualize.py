"""Draw what excites a channel most, by optimization.

The parametrization and the random transformations are those that Olah, Mordvintsev
and Schubert describe in "Feature visualization" (Distill, 2017,
doi:10.23915/distill.00007). Notebook 1.0 shows the noise that comes without them.
"""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from functools import lru_cache, partial

import numpy as np
import tensorflow as tf

from style_workshop import checks, vgg
from style_workshop.features import check_channel, features_of
from style_workshop.images import LARGEST, photographs
from style_workshop.optimize import Loss, Result, optimize

# --- a picture from Fourier coefficients --------------------------------------------


@lru_cache
def color_basis() -> np.ndarray:
    """Give a matrix ``[3, 3]`` that turns independent numbers into colors of a photo.

    A square root of the covariance of red, green and blue over the pixels of the
    photographs that come with the workshop, divided so that its longest row is 1.
    Most of it is light and dark; a little is orange against blue; less is green
    against purple.
    """
    pixels = np.concatenate([image.reshape(-1, 3) for image in photographs(128)])
    variances, axes = np.linalg.eigh(np.cov(pixels.T))
    root = axes * np.sqrt(variances)  # root @ root.T is the covariance
    return (root / np.linalg.norm(root, axis=1).max()).astype(np.float32)


def fourier_start(height: int, width: int, *, seed: int = 0) -> np.ndarray:
    """Draw the coefficients that an optimization starts from: nearly a gray picture.

    Returns:
        ``[2, 3, h, w // 2 + 1]`` float32: real and imaginary part, channel, frequency.
    """
    shape = (2, 3, height, width // 2 + 1)
    return np.random.default_rng(seed).normal(0, 0.01, shape).astype(np.float32)


def fourier_picture(coefficients: tf.Tensor, width: int) -> tf.Tensor:
    """Make a picture of independent coefficients.

    Each is divided by its frequency, as natural pictures have it; an inverse Fourier
    transform gives three maps, `color_basis` mixes them to colors, and a sigmoid
    brings those into 0-255.

    Args:
        coefficients: ``[2, 3, h, width // 2 + 1]``, see `fourier_start`.
        width: of the picture, which its coefficients leave open by one pixel.

    Returns:
        ``[h, width, 3]`` float32, 0-255.
    """
    height = coefficients.shape[2]
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    frequency = np.hypot(down, across)  # [h, w // 2 + 1], cycles a pixel
    # The mean of the picture, of frequency 0, is treated as the slowest wave is.
    scale = np.sqrt(height * width) / np.maximum(frequency, 1 / max(height, width))
    spectrum = tf.complex(coefficients[0], coefficients[1])
    spectrum *= tf.constant(scale, tf.complex64)
    maps = tf.signal.irfft2d(spectrum, [height, width])  # [3, h, w]
    colors = tf.einsum("khw,ck->hwc", maps, tf.constant(color_basis()))
    return 255 * tf.sigmoid(colors)


# --- random transformations ---------------------------------------------------------


@dataclass(frozen=True)
class Transformation:
    """How far a picture is moved at random before each step.

    What excites a channel only at one place, in one size and at one angle to the
    pixel is noise; what survives being moved is a pattern.

    Attributes:
        jitter: shift, in pixels, at most, each way.
        scale: larger or smaller, at most: 0.1 is from 90 to 110 %.
        rotation: in degrees, at most, each way.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    _: KW_ONLY

    jitter: float = 8
    scale: float = 0.1
    rotation: float = 10

    def __post_init__(self):
        checks.number("jitter", self.jitter, least=0, most=16384)
        checks.number("scale", self.scale, least=0, below=1, such_as=0.1)
        checks.number("rotation", self.rotation, least=0, most=360)


#: Nothing is moved.
STILL = Transformation(jitter=0, scale=0, rotation=0)


def transform(
    image: tf.Tensor, transformation: Transformation, random: tf.random.Generator
) -> tf.Tensor:
    """Turn, scale and shift ``[h, w, c]`` about its center, at random.

    What comes from outside of the picture is its nearest pixel of the border.
    """
    height, width = image.shape[:2]
    turn, size, down, across = tf.unstack(random.uniform([4], -1, 1))
    angle = turn * transformation.rotation * np.pi / 180
    zoom = 1 + size * transformation.scale
    cos, sin = tf.cos(angle) / zoom, tf.sin(angle) / zoom
    y, x = tf.meshgrid(
        tf.range(height, dtype=tf.float32) - (height - 1) / 2,
        tf.range(width, dtype=tf.float32) - (width - 1) / 2,
        indexing="ij",
    )
    rows = cos * y - sin * x + (height - 1) / 2 + down * transformation.jitter
    columns = sin * y + cos * x + (width - 1) / 2 + across * transformation.jitter
    return sample(image, rows, columns)


def sample(image: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Read ``[h, w, c]`` between its pixels, by the four around each place (bilinear).

    Args:
        image: ``[h, w, c]`` float32.
        rows: ``[h', w']``; what lies outside is moved to the border.
        columns: ``[h', w']``, likewise.

    Returns:
        ``[h', w', c]``.
    """
    last = [side - 1 for side in image.shape[:2]]
    rows = tf.clip_by_value(rows, 0.0, float(last[0]))
    columns = tf.clip_by_value(columns, 0.0, float(last[1]))
    top, left = tf.floor(rows), tf.floor(columns)
    down, right = (rows - top)[..., None], (columns - left)[..., None]
    top, left = tf.cast(top, tf.int32), tf.cast(left, tf.int32)
    bottom, beyond = tf.minimum(top + 1, last[0]), tf.minimum(left + 1, last[1])

    def at(row, column):
        return tf.gather_nd(image, tf.stack([row, column], -1))

    upper = (1 - right) * at(top, left) + right * at(top, beyond)
    lower = (1 - right) * at(bottom, left) + right * at(bottom, beyond)
    return (1 - down) * upper + down * lower


# --- channels -----------------------------------------------------------------------


def channel_loss(
    features: Callable,
    layer: str,
    channel: int,
    *,
    transformation: Transformation = STILL,
    seed: int = 0,
) -> Loss:
    """Make the loss that falls as a channel is excited: minus its mean.

    Args:
        features: from `features.features_of`.
        layer: before the ReLU (``conv4_2``) a silent channel has a gradient too.
        channel: counted from 0.
        transformation: of the picture, drawn anew at each call.
        seed: of the transformations.

    Returns:
        A function from ``[h, w, 3]`` to the total and its term ``channel``.
    """
    random = tf.random.Generator.from_seed(seed)

    def loss(image: tf.Tensor) -> tuple[tf.Tensor, dict[str, tf.Tensor]]:
        if transformation != STILL:
            image = transform(image, transformation, random)
        maps = features(image, layer)[layer]
        total = -tf.reduce_mean(maps[..., channel])
        return total, {"channel": total}

    return loss


def visualize(
    network: vgg.Network,
    layer: str,
    channel: int,
    *,
    size: int = 128,
    steps: int = 80,
    learning_rate: float = 0.03,
    fourier: bool = True,
    transformation: Transformation | None = None,
    seed: int = 0,
    callback: Callable | None = None,
    progress: str | None = "steps",
) -> Result:
    """Draw the picture that excites a channel most, with Adam.

    Args:
        network: VGG.
        layer: before the ReLU (``conv4_2``) a silent channel has a gradient too.
        channel: counted from 0.
        size: of the picture, height and width in pixels.
        steps: of Adam.
        learning_rate: of the Fourier coefficients; of pixels it is in units of 100
            gray levels, so that one value serves both.
        fourier: change Fourier coefficients; else the pixels themselves.
        transformation: of the picture in each step; None takes `Transformation()`,
            and `STILL` leaves it where it is.
        seed: of the start and of the transformations.
        callback: see `optimize.optimize`.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The picture ``[size, size, 3]``, 0-255, and the history of ``channel``.
        Interrupted, it returns what it has.

    Raises:
        WorkshopError: no such layer or channel, or a picture too small for it.
    """
    checks.whole_number("steps", steps, least=1)
    checks.number("learning_rate", learning_rate, above=0, such_as=0.03)
    checks.seed(seed)
    check_channel(network.name, layer, channel)
    checks.whole_number("size", size, least=1, most=LARGEST)
    vgg.check_request(network.name, [layer], size, size)
    moved = Transformation() if transformation is None else transformation
    loss = channel_loss(
        features_of(network), layer, channel, transformation=moved, seed=seed
    )
    if fourier:
        start, decode = (
            fourier_start(size, size, seed=seed),
            partial(fourier_picture, width=size),
        )
    else:
        noise = np.random.default_rng(seed).normal(127.5, 10, (size, size, 3))
        start, decode, learning_rate = noise, None, 100 * learning_rate
    return optimize(
        loss,
        start,
        steps,
        optimizer="adam",
        learning_rate=learning_rate,
        callback=callback,
        progress=progress,
        decode=decode,
    )
