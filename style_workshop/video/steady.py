"""Frames by a feed-forward network, held together along the flow."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from style_workshop import checks, fast
from style_workshop.feedforward import TransformNetwork
from style_workshop.video.method import Painted, carry


class SteadyPainter:
    """One pass of a network a frame; then a share of the last picture, carried along.

    What a network paints changes with each small change of a frame. Where the flow can
    be trusted, the mean with the last picture, which is such a mean itself, takes most
    of that away; where it cannot, a frame is as the network has it.
    """

    lags = (1,)

    def __init__(
        self,
        network: TransformNetwork,
        styles: Sequence[float] | None = None,
        *,
        share: float = 0.5,
        flow: str = "dis",
    ):
        """Take the network.

        Args:
            network: a trained one.
            styles: how much of each style, as of `fast.paint`.
            share: of the last picture, 0 to 1; 0 is the network alone.
            flow: one of `flow.METHODS`.

        Raises:
            WorkshopError: another share.
        """
        checks.number("share", share, least=0, below=1, such_as=0.5)
        self.network, self.styles, self.share, self.flow = network, styles, share, flow

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
        picture = fast.paint(self.network, frame, self.styles)
        if past and self.share:
            carried, weights = carry(frame, past[1], self.flow)
            share = self.share * weights[..., None]
            picture = share * carried + (1 - share) * picture
        step_done()
        return picture
