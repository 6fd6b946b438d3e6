"""What AdaIN's decoder [11] is trained on: windows of photographs and of paintings.

What no step changes is computed once: feature maps of the photographs' windows, and the
statistics of the paintings' windows, about a third of a step's arithmetic.
"""

from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, asdict, dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf
from tqdm.auto import tqdm

from style_workshop import WorkshopError, checks
from style_workshop.adain import LAYERS, STRIDE, encode
from style_workshop.batches import BatchGenerator
from style_workshop.losses import mean_and_deviation

#: Windows that are encoded at once.
AT_ONCE = 4


@dataclass(frozen=True)
class AdainData:
    """What a decoder is trained on.

    Attributes:
        photos: folder of photographs.
        paintings: folder of style images.
        size: side in pixels of the windows cut out of both, a multiple of 8.
        batch_size: windows a step.
        short_side: to which pictures are made larger or smaller before that; 512 in
            [11], for windows of 256.
        windows: how many of each are cut, encoded and kept. A photograph's takes
            ``16 * size^2`` bytes of memory: 1,000 of 128 pixels take 260 MB.
        seed: of the windows and of the pairs.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    photos: str | Path
    paintings: str | Path
    _: KW_ONLY
    size: int = 128
    batch_size: int = 4
    short_side: int = 288
    windows: int = 1000
    seed: int = 0

    def __post_init__(self):
        checks.whole_number("size", self.size, least=32)
        if self.size % STRIDE:
            raise WorkshopError(f"size is {self.size}: use a multiple of {STRIDE}.")
        checks.whole_number("batch_size", self.batch_size, least=1)
        checks.whole_number("short_side", self.short_side, least=self.size)
        checks.whole_number("windows", self.windows, least=AT_ONCE)
        checks.seed(self.seed)

    def describe(self) -> dict:
        """All its numbers, as JSON has them, and of the folders their names."""
        names = {
            name: Path(getattr(self, name)).name for name in ("photos", "paintings")
        }
        return {**asdict(self), **names}


class FeatureWindows:
    """Encoded windows of photographs, each with the statistics of a painting's.

    Every step draws its pairs from the seed and its own number, so that a training
    that goes on from a checkpoint draws the same.
    """

    def __init__(self, data: AdainData, encoder: Callable, progress: str | None = None):
        """Cut and encode all windows.

        Args:
            data: folders and sizes.
            encoder: VGG19, or what its ``freeze`` gives.
            progress: what the progress bar counts; None shows no bar.
        """
        self._data, self._step = data, 0
        run = tf.function(lambda images: _both(encoder, images), reduce_retracing=True)
        with tqdm(total=2 * data.windows, desc=progress, disable=not progress) as bar:
            photos = _encoded(data, data.photos, 2 * data.seed, run, bar)
            #: ``[windows, size / 8, size / 8, 512]`` float16.
            self.features = np.concatenate([features for features, _ in photos])
            paintings = _encoded(data, data.paintings, 2 * data.seed + 1, run, bar)
        #: For each of `adain.LAYERS` ``[windows, 2, c]`` float32.
        self.statistics = [
            np.concatenate(layer)
            for layer in zip(*(statistics for _, statistics in paintings), strict=True)
        ]

    def next(self) -> tuple[np.ndarray, ...]:
        """Give feature maps ``[b, h, w, 512]``, and for each layer ``[b, 2, c]``."""
        random = np.random.default_rng([self._data.seed, self._step])
        shape = (2, self._data.batch_size)
        photos, paintings = random.integers(self._data.windows, size=shape)
        self._step += 1
        styles = [statistics[paintings] for statistics in self.statistics]
        return self.features[photos], *styles

    def state(self) -> dict:
        """Say which batch comes next."""
        return {"batches": self._step, "seed": self._data.seed}

    def restore(self, state: dict) -> None:
        """Go on from there."""
        self._step = checks.whole_number("batches", state["batches"])


def _both(encoder, images):
    found = encode(encoder, images, LAYERS)
    statistics = [mean_and_deviation(found[layer]) for layer in LAYERS]
    return tf.cast(found[LAYERS[-1]], tf.float16), statistics


def _encoded(data: AdainData, folder, seed: int, run, bar) -> Iterator[tuple]:
    """Encode ``data.windows`` random windows of a folder's pictures, some at once."""
    with BatchGenerator(
        folder,
        "random_crop",
        data.size,
        batch_size=AT_ONCE,
        short_side=data.short_side,
        seed=seed,
    ) as batches:
        for done in range(0, data.windows, AT_ONCE):
            images = batches.next()[: data.windows - done]
            features, statistics = run(tf.constant(images))
            yield features.numpy(), [layer.numpy() for layer in statistics]
            bar.update(len(images))
