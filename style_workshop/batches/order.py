"""Which picture comes when: the endless sequence from which batches are cut."""

from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from style_workshop.batches.cache import PictureCache
from style_workshop.batches.decode import Decoder
from style_workshop.batches.files import BatchError, names
from style_workshop.images import PictureError


class PictureSequence:
    """Picture 0, 1, 2 ... of pass after pass; each follows from its number and `seed`.

    Threads share one; it holds nothing that depends on how far they are.
    """

    def __init__(
        self,
        files: list[str],
        decoder: Decoder,
        *,
        shuffle: bool,
        flip: bool,
        seed: int,
    ):
        self.files, self.decoder, self.seed = files, decoder, seed
        self._shuffle, self._flip = shuffle, flip
        self._cache: PictureCache | None = None
        self._unreadable: dict[int, str] = {}

    def settings(self) -> dict:
        """What decides, besides the files and the seed, which pictures come."""
        return {
            **self._view(),
            "short_side": self.decoder.short_side,
            "shuffle": self._shuffle,
            "flip": self._flip,
        }

    @cached_property  # a data set has many
    def names(self) -> list[str]:
        return names(self.files)

    def use_cache(self, path: str | Path, threads: int) -> None:
        """Take the pictures from a `PictureCache`, which is made if need be."""
        shape, load = self.decoder.shape, self.decoder.load
        self._cache = PictureCache(
            path,
            self.files,
            settings=self._view(),
            shape=shape,
            load=load,
            threads=threads,
        )
        self._unreadable.update(self._cache.skipped)

    def find_readable(self) -> dict[str, str]:
        """Look for one picture that can be read; say which others cannot, and why.

        Raises:
            BatchError: there is none.
        """
        for index in range(len(self.files)):
            if self._load(index, (0.5, 0.5)) is not None:
                return self._named(list(self._unreadable))
        why = next(iter(self._unreadable.values()))
        raise BatchError(
            f"None of the {len(self.files):,} files can be read; of the first: {why}"
        )

    def fill(self, number: int, picture: np.ndarray) -> dict[str, str]:
        """Write picture ``number`` of the sequence into ``[h, w, c]`` float32.

        Where it cannot be read, another of the same pass takes its place: the first
        readable one half a pass further on, so that the two do not share a batch.

        Returns:
            The files that were passed over, and why.

        Raises:
            BatchError: no picture can be read any more.
        """
        count = len(self.files)
        epoch, position = divmod(number, count)
        plan = _plan(self.seed, epoch, count, self._shuffle)
        passed_over: list[int] = []
        for tried in range(count + 1):
            place = position if not tried else position + count // 2 + tried - 1
            index = int(plan.order[place % count])
            pixels = self._load(index, tuple(plan.places[index]))
            if pixels is not None:
                if self._flip and plan.flips[index]:
                    pixels = cv2.flip(pixels, 1).reshape(pixels.shape)
                picture[:] = pixels
                return self._named(passed_over)
            passed_over.append(index)
        raise BatchError(
            f"None of the {count:,} files can be read any more: was the disk removed?"
        )

    def _load(self, index: int, place: tuple[float, float]) -> np.ndarray | None:
        if index in self._unreadable:
            return None
        if self._cache is not None:
            return self._cache.pictures[index]
        try:
            return self.decoder.load(self.files[index], place)
        except PictureError as error:
            self._unreadable[index] = str(error)
            return None

    def _named(self, indices: list[int]) -> dict[str, str]:
        return {self.files[index]: self._unreadable[index] for index in indices}

    def _view(self) -> dict:
        decoder = self.decoder
        return {
            "version": 1,  # of what `Decoder` makes of a file
            "reshape_mode": decoder.reshape_mode,
            "target_size": list(decoder.target_size),
            "color_mode": decoder.color_mode,
            "antialias": decoder.antialias,
        }


class _Plan(NamedTuple):
    """What chance decides for a pass; ``n`` pictures."""

    order: np.ndarray  # [n] int64, indices of files
    flips: np.ndarray  # [n] bool, by index
    places: np.ndarray  # [n, 2] float64 in [0, 1), by index: of the random window


@lru_cache(maxsize=8)
def _plan(seed: int, epoch: int, count: int, shuffle: bool) -> _Plan:
    random = np.random.Generator(
        np.random.Philox(np.random.SeedSequence([seed, epoch]))
    )
    order = random.permutation(count)
    flips, places = random.random(count) < 0.5, random.random((count, 2))
    return _Plan(order if shuffle else np.arange(count), flips, places)
