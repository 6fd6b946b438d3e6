"""Fill batches in background threads, a bounded number ahead of who asks for them."""

import os
import threading
import weakref
from collections import deque
from collections.abc import Callable

import numpy as np

from style_workshop.batches.files import BatchError

#: Pictures that a thread takes at a time: few enough that all threads share a batch.
CHUNK = 4


class _Batch:
    """A batch in the making."""

    def __init__(self, number: int, pictures: np.ndarray):
        self.number, self.pictures = number, pictures
        self.taken = self.done = 0  # pictures
        self.notes: dict[int, str] = {}
        self.error: BaseException | None = None


class ReadAhead:
    """Threads that fill batch after batch, in any order within one.

    What is in a batch depends on its number alone, never on which thread was faster.
    The threads hold this object, not the generator that made it, so that deleting
    the generator ends them.

    Args:
        fill: ``fill(number, picture)`` writes picture ``number`` of the endless
            sequence into ``[h, w, c]`` float32, and returns a dict of notes on it.
        shape: ``(b, h, w, c)``.
        first: the number of the first batch.
        threads: how many threads.
        ahead: how many batches may be unfinished or waiting.
    """

    def __init__(
        self,
        fill: Callable[[int, np.ndarray], dict],
        shape: tuple[int, int, int, int],
        *,
        first: int,
        threads: int,
        ahead: int,
    ):
        self._fill, self._first, self._ahead = fill, first, ahead
        self._memory = _Memory(shape, ahead + 2)
        self._size = shape[0]
        self._batches: deque[_Batch] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._process = os.getpid()
        self._threads = [
            threading.Thread(target=self._work, name="read ahead", daemon=True)
            for _ in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def get(self) -> tuple[np.ndarray, dict]:
        """Wait for the next batch: ``[b, h, w, c]`` float32, and the notes on it.

        Raises:
            BaseException: whatever ``fill`` raised in a thread.
            BatchError: another thread called `stop`; or this is another process than
                the one whose threads work.
        """
        if os.getpid() != self._process:
            raise BatchError(
                "This generator belongs to another process, and its threads did not "
                "come along: make one in each process."
            )
        with self._changed:
            while not self._batches or not self._is_finished(self._batches[0]):
                if self._stopped:
                    raise BatchError("This generator was closed: make another one.")
                self._changed.wait(1)  # with a limit, so that Ctrl-C works on Windows
            batch = self._batches.popleft()
            self._changed.notify_all()
        if batch.error is not None:
            raise batch.error
        return batch.pictures, batch.notes

    def stop(self) -> None:
        """End the threads, after the picture that each has in hand."""
        if os.getpid() != self._process:
            return  # a fork has a copy of this object, but not its threads
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        # The garbage collector may call this in one of the threads.
        if threading.current_thread() not in self._threads:
            for thread in self._threads:
                thread.join(timeout=5)

    def _is_finished(self, batch: _Batch) -> bool:
        return batch.done == self._size or batch.error is not None

    def _work(self) -> None:
        while (task := self._take()) is not None:
            batch, slots = task
            notes, error = {}, None
            try:
                for slot in slots:
                    number = batch.number * self._size + slot
                    notes.update(self._fill(number, batch.pictures[slot]))
            except BaseException as raised:  # for the consumer to see
                error = raised
            with self._changed:
                batch.notes |= notes
                batch.done += len(slots)
                batch.error = batch.error or error
                if self._is_finished(batch):
                    self._changed.notify_all()
            del batch, task  # or a sleeping thread would keep the pictures alive

    def _take(self) -> tuple[_Batch, range] | None:
        """Wait for work: some slots of the newest batch, or of a new one."""
        with self._changed:
            while not self._stopped:
                newest = self._batches[-1] if self._batches else None
                if newest is not None and newest.taken < self._size:
                    break
                if len(self._batches) < self._ahead:
                    newest = _Batch(self._first, self._memory.lend())
                    self._first += 1
                    self._batches.append(newest)
                    break
                newest = None
                self._changed.wait()
            else:
                return None
            slots = range(newest.taken, min(newest.taken + CHUNK, self._size))
            newest.taken = slots.stop
            return newest, slots


class _Memory:
    """Arrays of one shape that are used again once nobody holds a part of them.

    New memory has to be cleared by the system, which for a batch takes as long as
    reading it from a cache.
    """

    def __init__(self, shape: tuple[int, ...], keep: int):
        self._shape, self._keep = shape, keep
        self._free: list[np.ndarray] = []

    def lend(self) -> np.ndarray:
        """Give a float32 array, with whatever was in it."""
        memory = self._free.pop() if self._free else np.empty(self._shape, np.float32)
        # All views of `pictures`, as slices and tensors, keep `flat` alive, because its
        # own base is no array; so its end is theirs. A test watches over this.
        flat = np.frombuffer(memory.data.cast("B"), np.float32)
        weakref.finalize(flat, self._take_back, memory).atexit = False
        return flat.reshape(self._shape)

    def _take_back(self, memory: np.ndarray) -> None:
        if len(self._free) < self._keep:
            self._free.append(memory)
