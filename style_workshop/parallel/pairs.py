"""Photographs and style images side by side, cut out anew for every step [11]."""

from types import TracebackType

import numpy as np

from style_workshop.adain_data import AdainData
from style_workshop.batches import BatchGenerator


class PicturePairs:
    """Batches of two kinds, a `training.Batches`; used with ``with``."""

    def __init__(self, data: AdainData):
        """Open the two folders of ``data``.

        Raises:
            WorkshopError: one of them has no pictures.
        """
        self._sources = [
            BatchGenerator(
                folder,
                "random_crop",
                data.size,
                batch_size=data.batch_size,
                short_side=data.short_side,
                seed=2 * data.seed + number,
            )
            for number, folder in enumerate((data.photos, data.paintings))
        ]

    def next(self) -> tuple[np.ndarray, ...]:
        """Give photographs and style images, ``[b, h, w, 3]`` each."""
        return tuple(source.next() for source in self._sources)

    def state(self) -> dict:
        """Say which batch comes next."""
        return {"sources": [source.state() for source in self._sources]}

    def restore(self, state: dict) -> None:
        """Go on from there."""
        for source, own in zip(self._sources, state["sources"], strict=True):
            source.restore(own)

    def __enter__(self) -> "PicturePairs":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for source in self._sources:
            source.close()
