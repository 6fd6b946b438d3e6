"""Frames in one pass each, by any method, held together along the flow."""

from collections.abc import Callable, Mapping

import numpy as np

from style_workshop import checks
from style_workshop.video.method import Painted, carry


class SteadyPainter:
    """One pass a frame; then a share of the last picture, carried along.

    What one pass paints changes with each small change of a frame. Where the flow can
    be trusted, the mean with the last picture, which is such a mean itself, takes most
    of that away; where it cannot, a frame is as the pass has it.
    """

    lags = (1,)

    def __init__(
        self,
        paint_alone: Callable[[np.ndarray], np.ndarray],
        *,
        share: float = 0.5,
        flow: str = "dis",
    ):
        """Take what paints a frame by itself.

        Args:
            paint_alone: takes a frame ``[h, w, 3]``, 0-255, to its picture, such as
                ``functools.partial(fast.paint, network)``.
            share: of the last picture, 0 to 1; 0 is each picture by itself.
            flow: one of `flow.METHODS`.

        Raises:
            WorkshopError: another share.
        """
        checks.number("share", share, least=0, below=1, such_as=0.5)
        self.paint_alone, self.share, self.flow = paint_alone, share, flow

    def steps(self, first: bool) -> int:
        """One, whichever frame it is."""
        return 1

    def paint(
        self,
        frame: np.ndarray,
        past: Mapping[int, Painted],
        step_done: Callable[[], object] = lambda: None,
    ) -> np.ndarray:
        """Paint one frame, see `method.Painter.paint`."""
        picture = self.paint_alone(frame)
        if past and self.share:
            carried, weights = carry(frame, past[1], self.flow)
            share = self.share * weights[..., None]
            picture = share * carried + (1 - share) * picture
        step_done()
        return picture
