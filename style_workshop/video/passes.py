"""Through a clip: frame after frame, or several times in alternating directions.

Frames are read and pictures are kept one by one, so that both may lie on a disk: what
is held in memory does not grow with the clip. A frame that is there already is not
painted again; that is how a run goes on where it was ended.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Protocol

import numpy as np
from tqdm.auto import tqdm

#: Pictures ``[h, w, 3]`` by the number of their frame, in memory (a dict) or elsewhere.
Pictures = MutableMapping[int, np.ndarray]


class Clip(Protocol):
    """Frames ``[h, w, 3]`` by number: a list, or what reads them one by one."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> np.ndarray: ...


class FramePainter(Protocol):
    """What a method gives: `method.Painter` is one."""

    #: How many frames back it wants to see.
    lags: Sequence[int]

    def steps(self, first: bool) -> int:
        """Say how many steps a frame takes."""

    def paint(
        self, frame: np.ndarray, past: Mapping, step_done: Callable[[], object]
    ) -> np.ndarray:
        """Paint one frame, see `method.Painter.paint`."""


def paint_clip(
    frames: Clip,
    painter: FramePainter,
    pictures: Pictures,
    *,
    progress: str | None = "frames",
) -> Pictures:
    """Paint a clip frame after frame, each with an eye on those before it.

    Args:
        frames: ``[h, w, 3]``, 0-255, all of one size.
        painter: of one frame.
        pictures: where they go; those that are there already stay.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        ``pictures``.

    Raises:
        KeyboardInterrupt: somebody stopped it; whole frames have been kept.
    """
    todo = [number for number in range(len(frames)) if number not in pictures]
    costs = {number: painter.steps(first=number == 0) for number in todo}
    with _Bar(costs, len(frames), progress) as bar:
        for number in todo:
            past = {
                lag: (frames[number - lag], pictures[number - lag])
                for lag in painter.lags
                if lag <= number
            }
            bar.begin(number)
            pictures[number] = painter.paint(frames[number], past, bar.step)
            bar.end(number)
    return pictures


def paint_in_passes(
    frames: Clip,
    painter,
    pictures_of: Callable[[int], Pictures],
    *,
    progress: str | None = "pass",
) -> Pictures:
    """Paint a clip in passes that go forwards and backwards (section 3.4 of [5]).

    So what a frame learns comes from both sides, and the last frame is as good as the
    first. Each pass takes a few steps at each frame; the temporal loss joins in the
    second half of the passes, from pass 8 of 15 in [5], where the frames have begun to
    agree.

    Args:
        frames: ``[h, w, 3]``, 0-255, all of one size.
        painter: `method.Painter`, whose settings say how many passes and steps.
        pictures_of: gives, by the number of a pass from 0, where its pictures go. Each
            pass needs those of the one before.
        progress: what the progress bar counts; None shows no bar.

    Returns:
        The pictures of the last pass.
    """
    settings, count = painter.settings, len(frames)
    for number in range(settings.passes):
        before = pictures_of(number - 1) if number else {}
        pictures, forwards = pictures_of(number), number % 2 == 0
        order = range(count) if forwards else range(count - 1, -1, -1)
        todo = [frame for frame in order if frame not in pictures]
        costs = dict.fromkeys(todo, settings.pass_steps)
        title = progress and f"{progress} {number + 1} of {settings.passes}"
        with _Bar(costs, count, title) as bar:
            for frame in todo:
                beside = frame - 1 if forwards else frame + 1
                neighbor = (
                    (frames[beside], pictures[beside]) if 0 <= beside < count else None
                )
                bar.begin(frame)
                pictures[frame] = painter.improve(
                    frames[frame],
                    before.get(frame),
                    neighbor,
                    temporal=number >= settings.passes // 2,
                    step_done=bar.step,
                )
                bar.end(frame)
    return pictures


class _Bar:
    """A progress bar of steps, since the first frame takes more than the others."""

    def __init__(self, costs: Mapping[int, int], count: int, title: str | None):
        self._costs, self._count, self._done = costs, count, 0
        self._bar = tqdm(
            total=sum(costs.values()), desc=title, unit="step", disable=title is None
        )

    def __enter__(self) -> "_Bar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    def begin(self, frame: int) -> None:
        self._bar.set_postfix_str(f"frame {frame + 1} of {self._count}")

    def step(self) -> None:
        self._bar.update()

    def end(self, frame: int) -> None:
        """Count all steps of a frame, also where it came to rest before."""
        self._done += self._costs[frame]
        self._bar.update(self._done - self._bar.n)
