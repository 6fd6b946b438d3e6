"""Photographs that move in a known way, for a network that is to paint them steadily.

After Ruder, Dosovitskiy and Brox, "Artistic style transfer for videos and spherical
images" (IJCV 2018): a photograph and the same one moved, by a shift, a zoom or the flow
of a real clip, are two frames of a clip whose flow is known. What a network paints of
both should differ by that flow alone.
"""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import tensorflow as tf

from style_workshop import WorkshopError, checks, losses
from style_workshop.images import resize
from style_workshop.video import clips, flow, warping

#: Of a clip no more frames are looked at.
FRAMES = 100


@dataclass(frozen=True)
class Motion:
    """How photographs move while a network trains, and what flicker costs.

    Each photograph moves by a shift, a zoom, or one of ``flows``, drawn evenly.

    Attributes:
        weight: of the temporal loss, which is 1 where all that is painted turns from
            black to white.
        shift: the most along each axis, in pixels.
        zoom: the most, as a share of the size.
        flows: ``[n, h, w, 2]``, of the size of the photographs, as `flows_of` gives
            them; None leaves shifts and zooms.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    weight: float = 50.0
    shift: float = 8.0
    zoom: float = 0.06
    flows: np.ndarray | None = None

    def __post_init__(self) -> None:
        checks.weight("weight", self.weight)
        checks.number("shift", self.shift, least=0)
        checks.number("zoom", self.zoom, least=0, below=0.5, such_as=0.06)

    def describe(self) -> dict:
        """All that it depends on, as JSON has it."""
        about: dict = {"weight": self.weight, "shift": self.shift, "zoom": self.zoom}
        if self.flows is not None:
            content = np.ascontiguousarray(self.flows, np.float32).tobytes()
            about["flows_sha256"] = hashlib.sha256(content).hexdigest()
        return about

    def move(
        self, photographs: tf.Tensor, seed: Sequence
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Move photographs.

        Args:
            photographs: ``[b, h, w, 3]``, 0-255, of a known shape.
            seed: two whole numbers, from which all that is drawn follows.

        Returns:
            The moved ones ``[b, h, w, 3]``; the flow ``[b, h, w, 2]`` from each back to
            the photograph; and where to trust it, ``[b, h, w]``, 0 or 1.
        """
        flows, sure = self._draw(photographs.shape[:3], seed)
        trusted = tf.cast(warping.inside(flows), tf.float32) * sure
        return _warp(photographs, flows), flows, trusted

    def loss(
        self,
        painted: tf.Tensor,
        later: tf.Tensor,
        flows: tf.Tensor,
        trusted: tf.Tensor,
    ) -> tf.Tensor:
        """Give the weighted temporal loss; both pictures have their part of its slope.

        Args:
            painted: ``[b, h, w, 3]``, 0-255, of the photographs.
            later: ``[b, h, w, 3]``, of the moved ones.
            flows: ``[b, h, w, 2]``, as of `move`.
            trusted: ``[b, h, w]``, as of `move`.
        """
        carried = _warp(painted, flows)
        return self.weight / 255**2 * losses.temporal_loss(later, carried, trusted)

    def _draw(
        self, shape: Sequence[int], seed: Sequence
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Give flows ``[b, h, w, 2]``, and 0 at their boundaries of motion."""
        batch, height, width = shape
        seeds = tf.unstack(tf.random.split(seed, 3))
        shares = tf.random.stateless_uniform([batch, 1, 1, 2], seeds[0], -1, 1)
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        middle = np.stack([columns - (width - 1) / 2, rows - (height - 1) / 2], -1)
        flows = [
            self.shift * shares + tf.zeros_like(middle),
            self.zoom * shares[..., :1] * middle,
        ]
        sure = [tf.ones(shape)] * 2
        if self.flows is not None:
            known, smooth = _known(self.flows)
            number = tf.random.stateless_uniform(
                [batch], seeds[1], maxval=len(known), dtype=tf.int32
            )
            flows.append(tf.gather(known, number))
            sure.append(tf.gather(smooth, number))
        kind = tf.random.stateless_uniform(
            [batch], seeds[2], maxval=len(flows), dtype=tf.int32
        )
        chosen = tf.stack([kind, tf.range(batch)], -1)
        return tf.gather_nd(tf.stack(flows), chosen), tf.gather_nd(
            tf.stack(sure), chosen
        )


def _known(flows: np.ndarray) -> tuple[tf.Tensor, tf.Tensor]:
    """Give flows, and 1 where they are smooth, outside of any graph."""
    smooth = [~warping.motion_boundaries(one) for one in flows]
    with tf.init_scope():  # a graph that held them would be too large
        return tf.constant(flows), tf.constant(np.stack(smooth), tf.float32)


def flows_of(clip: str | Path, size: int) -> np.ndarray:
    """Estimate how things move in a clip, made as wide and as high as windows are.

    Args:
        clip: a video, or a folder of numbered frames.
        size: side of the windows, in pixels.

    Returns:
        ``[n, size, size, 2]``, from each frame but the first back to the one before.

    Raises:
        WorkshopError: as of `clips.unpack`, or fewer than two frames.
    """
    with tempfile.TemporaryDirectory() as folder:
        count = len(clips.unpack(clip, folder, most=FRAMES))
        if count < 2:
            raise WorkshopError(f"{clip} has one frame: motion takes two or more.")
        frames = clips.Frames(folder)
        small = (resize(frames[number], (size, size)) for number in range(count))
        return np.stack([flow.estimate(new, old) for old, new in pairwise(small)])


def _warp(images: tf.Tensor, flows: tf.Tensor) -> tf.Tensor:
    pairs = zip(tf.unstack(images), tf.unstack(flows), strict=True)
    return tf.stack([warping.warp(*pair) for pair in pairs])
