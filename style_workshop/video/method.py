"""The method of Ruder, Dosovitskiy and Brox (GCPR 2016) [5] for one frame at a time.

A frame is painted as by the method of Gatys, with two changes: it starts from the last
painted frame, carried along the flow, and a temporal loss holds it to what older ones
show of the same things. `passes` goes through a clip.
"""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass, replace
from functools import cached_property

import numpy as np
import tensorflow as tf

from style_workshop import checks, gatys, losses
from style_workshop.video import flow, warping

#: An older frame ``[h, w, 3]`` of the clip, and what was painted of it.
Painted = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Settings:
    """All numbers of the method; `dataclasses.replace` changes some of them.

    Attributes:
        gatys: of each picture; its ``steps`` are those of the first frame.
        steps: of each later frame, which starts near its end: 1000 against 2000 in
            [5].
        temporal_weight: gamma of [5], 200 there, with other sums in the other terms.
            0 leaves the temporal loss out.
        lags: how many frames back the loss looks (J in section 3.3 of [5], 1, 10, 20
            and 40 there; its authors' code has 1, 2 and 4); 1 alone is the short-term
            loss.
        warped_start: start from the last painted frame, carried along the flow, and
            not as ``gatys`` says.
        flow: one of `flow.METHODS`.
        passes: how often to go through the clip, in alternating directions
            (section 3.4 of [5]); 1 paints each frame to its end.
        pass_steps: of each frame in each of several passes; 100 in [5].
        blend: in several passes, the share of the neighbor's picture, carried along
            the flow, where it can be trusted (delta of [5], 0.5 there).

    Raises:
        WorkshopError: a value that makes no sense.
    """

    gatys: gatys.Settings
    _: KW_ONLY
    steps: int = 60
    temporal_weight: float = 0.0
    lags: tuple[int, ...] = (1, 2, 4)
    warped_start: bool = True
    flow: str = "dis"
    passes: int = 1
    pass_steps: int = 30
    blend: float = 0.5

    def __post_init__(self) -> None:
        for name in ("steps", "passes", "pass_steps"):
            checks.whole_number(name, getattr(self, name), least=1)
        checks.weight("temporal_weight", self.temporal_weight)
        for lag in self.lags:
            checks.whole_number("lags", lag, least=1)
        checks.flag("warped_start", self.warped_start)
        checks.choice("flow", self.flow, flow.METHODS)
        checks.number("blend", self.blend, least=0, most=1, such_as=0.5)


#: For a laptop. Of the weights 100, 1000 and 4000 (128x96 pixels, 15 steps a frame) the
#: largest flickers least, and strokes still follow the style.
WORKSHOP = Settings(replace(gatys.WORKSHOP, steps=100), temporal_weight=4000.0)


def carry(
    frame: np.ndarray, older: Painted, method: str = "dis"
) -> tuple[np.ndarray, np.ndarray]:
    """Bring a painted frame to where its things are in another frame of the clip.

    Args:
        frame: ``[h, w, 3]``, 0-255, of the clip.
        older: another frame, and what was painted of it.
        method: of `flow.estimate`.

    Returns:
        The painted one, carried, ``[h, w, 3]``, and how far to trust it, ``[h, w]``
        (`warping.weights`).
    """
    source, painted = older
    backward = flow.estimate(frame, source, method)
    forward = flow.estimate(source, frame, method)
    carried = warping.warp(painted, backward).numpy()
    return carried, warping.weights(backward, forward)


class Painter:
    """Paints frame after frame by the method of [5].

    Attributes:
        lags: how many frames back it wants to see, the nearest first.
    """

    def __init__(self, style: gatys.Style, settings: Settings = WORKSHOP, network=None):
        """Take the style.

        Args:
            style: as of `gatys.stylize`; a picture ``[h, w, 3]`` or more.
            settings: of the method.
            network: from `gatys.load_network`; None loads it.
        """
        self.style, self.settings = style, settings
        self.network = network or gatys.load_network(settings.gatys)
        self.lags = tuple(sorted(set(settings.lags) | {1}))

    @cached_property
    def features(self) -> Callable:
        """VGG, frozen once for all frames: half a second of each would go into that."""
        return gatys.features_of(self.network, self.settings.gatys)

    def steps(self, first: bool) -> int:
        """Say how many steps a frame takes."""
        return self.settings.gatys.steps if first else self.settings.steps

    def paint(
        self,
        frame: np.ndarray,
        past: Mapping[int, Painted],
        step_done: Callable[[], object] = lambda: None,
    ) -> np.ndarray:
        """Paint one frame.

        Args:
            frame: ``[h, w, 3]``, 0-255.
            past: older frames with what was painted of them, by how many frames ago
                they were; of `lags` those that there are.
            step_done: called after each step.

        Returns:
            ``[h, w, 3]`` float32, 0-255.

        Raises:
            KeyboardInterrupt: somebody stopped it.
        """
        settings = self.settings
        if not past:
            return self._optimize(frame, settings.gatys, None, [], step_done)
        carried = {lag: self._carry(frame, past[lag]) for lag in sorted(past)}
        # Everywhere, as in [5]: to start from the frame where the flow is not trusted
        # leaves bits of photograph there, and flickers more.
        start = carried[1][0] if settings.warped_start else None
        chosen = [carried[lag] for lag in sorted(carried) if lag in settings.lags]
        weights = warping.long_term_weights([weight for _, weight in chosen])
        held = [(picture, w) for (picture, _), w in zip(chosen, weights, strict=True)]
        changed = replace(settings.gatys, steps=settings.steps)
        return self._optimize(frame, changed, start, held, step_done)

    def improve(
        self,
        frame: np.ndarray,
        own: np.ndarray | None,
        neighbor: Painted | None,
        *,
        temporal: bool,
        step_done: Callable[[], object] = lambda: None,
    ) -> np.ndarray:
        """Paint one frame a little further, in one of several passes.

        Args:
            frame: ``[h, w, 3]``, 0-255.
            own: what the last pass has left of it; None in the first pass.
            neighbor: the frame beside it from which this pass comes, with its picture;
                None at the end where the pass begins.
            temporal: hold it to its neighbor with the temporal loss, too.
            step_done: called after each step.

        Returns:
            ``[h, w, 3]`` float32, 0-255.
        """
        settings = self.settings
        changed = replace(settings.gatys, steps=settings.pass_steps)
        if own is None or neighbor is None:
            return self._optimize(frame, changed, own, [], step_done)
        carried, weights = self._carry(frame, neighbor)
        share = settings.blend * weights[..., None]
        start = share * carried + (1 - share) * own
        held = [(carried, weights)] if temporal else []
        return self._optimize(frame, changed, start, held, step_done)

    def _carry(self, frame, older):
        return carry(frame, older, self.settings.flow)

    def _optimize(self, frame, settings, start, held, step_done) -> np.ndarray:
        weight = self.settings.temporal_weight
        terms = temporal_terms(held, weight) if held and weight else None
        result = gatys.stylize(
            frame,
            self.style,
            settings,
            features=self.features,
            start=start,
            more_terms=terms,
            # It is called at the start as well, before the first step.
            callback=lambda step, *_: step_done() if step else None,
            progress=None,
        )
        if result.interrupted:
            raise KeyboardInterrupt
        return result.image


def temporal_terms(
    held: list[tuple[np.ndarray, np.ndarray]], weight: float
) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """Give the temporal term of a loss: the sum over several older pictures.

    Args:
        held: carried pictures ``[h, w, 3]`` with their weights ``[h, w]``, as
            `warping.long_term_weights` gives them.
        weight: of the term, gamma of [5].

    Returns:
        For ``more_terms`` of `gatys.stylize`: takes ``[h, w, 3]`` to ``temporal``.
    """

    def terms(image: tf.Tensor) -> dict[str, tf.Tensor]:
        each = [losses.temporal_loss(image, *one) for one in held]
        return {"temporal": weight * tf.add_n(each)}

    return terms
