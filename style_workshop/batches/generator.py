"""Endless batches of pictures from a folder, read ahead in the background."""

import hashlib
import json
import math
import os
import threading
import warnings
import weakref
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from style_workshop import WorkshopError, checks
from style_workshop.batches.files import BatchError, find
from style_workshop.batches.order import PictureSequence
from style_workshop.batches.read_ahead import ReadAhead
from style_workshop.batches.settings import check_batch, check_decoder


class BatchGenerator:
    """Endless batches, ``[b, h, w, c]`` float32, 0-255.

    ```
    generator = BatchGenerator('data/COCO/train2014/', batch_size=32)
    batch = generator.next()  # [32, 256, 256, 3]
    for it, batch in enumerate(generator): ...
    ```

    All batches are full: where a pass through the pictures ends within one, the next
    pass goes on in it. In every pass each picture comes once. A file that cannot be
    read is skipped, with one warning; another picture of the pass takes its place,
    which then comes twice. With the same files, settings and ``seed`` the batches are
    the same, whatever the number of threads.

    Each process makes its own generator; one made before a fork refuses to work in it.

    Args:
        source: a folder (all below it), a list of files, or a pattern; see
            `files.find`.
        reshape_mode: ``'resize'`` to the target, the aspect changes; ``'crop'`` the
            middle to the target's aspect, then resize; ``'random_crop'``: short side
            to ``short_side``, then another window each time, as AdaIN [11] trains.
        target_size: ``(h, w)``, or one number for both.
        color_mode: ``'rgb'``, ``'bgr'``, or ``'grayscale'`` (``c`` = 1).
        batch_size: ``b``.
        shuffle: another order in each pass; False keeps that of the files.
        seed: of the order, the windows and the flips; None takes a new one.
        short_side: for ``'random_crop'``; None is twice the target's longer side,
            512 for 256 pixels, as in [11].
        flip: mirror every second picture, by chance, left to right.
        antialias: False samples as `tf.image.resize` does by default.
        threads: None is one for each processor core.
        ahead: batches that are made before they are asked for.
        cache: a file that keeps the pictures decoded. Making it takes as long as one
            pass; every pass is then many times faster. Not with ``'random_crop'``.

    Raises:
        BatchError: nothing to read.
        WorkshopError: settings that cannot work.
    """

    def __init__(
        self,
        source: str | Path | Iterable[str | Path],
        reshape_mode: str = "resize",
        target_size: int | tuple[int, int] = (256, 256),
        *,
        color_mode: str = "rgb",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: int | None = None,
        short_side: int | None = None,
        flip: bool = False,
        antialias: bool = True,
        threads: int | None = None,
        ahead: int = 2,
        cache: str | Path | None = None,
    ):
        decoder = check_decoder(
            reshape_mode=reshape_mode,
            target_size=target_size,
            color_mode=color_mode,
            short_side=short_side,
            antialias=antialias,
        )
        checks.flag("shuffle", shuffle)
        checks.flag("flip", flip)
        threads = _cores() if threads is None else threads
        self._threads = checks.whole_number("threads", threads, least=1)
        self._ahead = checks.whole_number("ahead", ahead, least=1)
        self._closed, self._lock = False, threading.Lock()
        self._reader: ReadAhead | None = None
        files = find(source)
        self._shape = check_batch(batch_size, decoder, len(files))
        if cache is not None and reshape_mode == "random_crop":
            raise WorkshopError(
                "A cache keeps one view of each picture, and random_crop takes another "
                "each time: leave out cache, or use reshape_mode='crop'."
            )
        self._given = 0  # batches
        self._chosen = seed is not None
        seed = _new_seed() if seed is None else checks.whole_number("seed", seed)
        self._pictures = PictureSequence(
            files, decoder, shuffle=shuffle, flip=flip, seed=seed
        )
        #: Which files were skipped so far, and why.
        self.skipped_files: dict[str, str] = {}
        if cache is not None:
            self._pictures.use_cache(cache, self._threads)
        self._note(self._pictures.find_readable())

    @property
    def skipped(self) -> int:
        """How many files were skipped so far because they cannot be read."""
        return len(self.skipped_files)

    @property
    def epoch(self) -> int:
        """The pass, from 0, of the last picture of the batch given last."""
        last = self._given * self._shape[0] - 1
        return max(0, last) // len(self._pictures.files)

    def __len__(self) -> int:
        """Batches in one pass, the last of which may reach into the next pass."""
        return math.ceil(len(self._pictures.files) / self._shape[0])

    def __iter__(self) -> Iterator[np.ndarray]:
        return self

    def __next__(self) -> np.ndarray:
        with self._lock:
            if self._reader is None and not self._closed:
                self._start()
            reader = self._reader
            if reader is None or self._closed:  # perhaps meanwhile, by another thread
                self._stop()
                raise BatchError("This generator is closed: make another one.")
            try:
                batch, skipped = reader.get()
                self._given += 1
            except BaseException:  # Ctrl-C, too: the next call begins where this did
                self._stop()
                raise
        self._note(skipped)
        return batch

    def next(self) -> np.ndarray:
        """Give the next batch, ``[b, h, w, c]`` float32, 0-255; it is the caller's.

        Raises:
            BatchError: no picture is readable any more, or the generator is closed.
        """
        return self.__next__()

    def state(self) -> dict:
        """Say in words that JSON knows where it stands; `restore` goes on from there.

        Batches that were read ahead, but not given, do not count.
        """
        return {
            "batches": self._given,
            "seed": self._pictures.seed,
            "made_for": self._fingerprint(),
        }

    def restore(self, state: dict) -> None:
        """Go on exactly after the batch at which `state` was called.

        Raises:
            BatchError: the files or the settings are not those of ``state``.
        """
        try:
            batches = checks.whole_number("batches", state["batches"])
            seed = checks.whole_number("seed", state["seed"])
            made_for = {**state["made_for"]}
        except (KeyError, TypeError, WorkshopError) as error:
            raise BatchError("This is no state of a BatchGenerator.") from error
        ours = self._fingerprint()
        for kind, what in {
            "files": "other files",
            "settings": "other settings",
        }.items():
            if made_for.get(kind) != ours[kind]:
                raise BatchError(
                    f"This state is of a generator with {what}: make the generator "
                    "with the same files and settings as then, or start anew."
                )
        if self._chosen and seed != self._pictures.seed:
            raise BatchError(
                f"This state is of a generator with seed {seed}, not "
                f"{self._pictures.seed}: give that seed, or none."
            )
        with self._lock:
            self._stop()
            self._given, self._pictures.seed = batches, seed

    def as_dataset(self):
        """Give the batches as an endless `tf.data.Dataset` of ``[b, h, w, c]`` float32.

        It takes them from this generator, and so moves its `epoch` and `state`.
        """
        import tensorflow as tf  # only here, so that the rest works without

        # TensorFlow never lets go of a function; it must not hold the generator, too.
        us = weakref.ref(self)

        def batches():
            while (generator := us()) is not None:
                batch = generator.next()
                del generator
                yield batch
            raise BatchError("The generator of this dataset was deleted: keep it.")

        spec = tf.TensorSpec(self._shape, tf.float32)
        dataset = tf.data.Dataset.from_generator(batches, output_signature=spec)
        dataset._batch_generator = self  # which lives as long as the dataset
        return dataset

    def close(self) -> None:
        """End the threads; so does leaving a ``with``, or deleting the generator."""
        self._closed = True
        self._stop()

    def __enter__(self) -> "BatchGenerator":
        return self

    def __exit__(self, *_error) -> None:
        self.close()

    def _start(self) -> None:
        reader = ReadAhead(
            self._pictures.fill,
            self._shape,
            first=self._given,
            threads=self._threads,
            ahead=self._ahead,
        )
        self._end = weakref.finalize(self, reader.stop)
        self._reader = reader  # last: `close` may look at it from another thread

    def _stop(self) -> None:
        if self._reader is not None:
            self._end()  # does nothing the second time
            self._reader = None

    def _note(self, skipped: dict[str, str]) -> None:
        for file, why in skipped.items():
            if file not in self.skipped_files:
                self.skipped_files[file] = why
                warnings.warn(f"Skipped: {why}", stacklevel=3)

    def _fingerprint(self) -> dict[str, str]:
        settings = {**self._pictures.settings(), "batch_size": self._shape[0]}
        made_for = {"files": self._pictures.names, "settings": settings}
        return {key: _digest(value) for key, value in made_for.items()}


def _digest(value) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _new_seed() -> int:
    """Draw 53 bits, which every reader of JSON keeps."""
    return int(np.random.SeedSequence().generate_state(1, np.uint64)[0]) >> 11
