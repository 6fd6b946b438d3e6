"""Watch a picture form: a strip that is redrawn in place while a run goes on."""

from collections.abc import Collection

import numpy as np

from style_workshop import show


class Strip:
    """The ``callback`` of a run: keeps pictures of some steps, and shows the latest.

    In a notebook the strip is redrawn under the cell at each call; what stays there is
    the pictures that were kept. Anywhere else it keeps them and draws nothing.

    Attributes:
        pictures: step to picture ``[h, w, 3]`` in 0-255, of the steps that were kept.
    """

    def __init__(self, keep: Collection[int], *, width: float = 13):
        """Make an empty strip.

        Args:
            keep: steps whose picture stays.
            width: of the strip, in inches.
        """
        self.keep, self.width = tuple(keep), width
        self.pictures: dict[int, np.ndarray] = {}
        self._shown = None

    def __call__(self, step: int, image: np.ndarray, terms: dict[str, float]) -> None:
        """Take the picture of a step, see `optimize.optimize`."""
        if step in self.keep:
            self.pictures[step] = np.array(image)
        self._draw({**self.pictures, step: image})

    def _draw(self, pictures: dict[int, np.ndarray]) -> None:
        from IPython import get_ipython
        from IPython.display import display

        if get_ipython() is None:
            return
        titles = [f"step {step}" for step in pictures]
        figure = show.gallery(
            list(pictures.values()), titles, columns=len(self.keep), width=self.width
        )
        if self._shown is None:
            self._shown = display(figure, display_id=True)
        else:
            self._shown.update(figure)
