"""Optical flow: where each pixel goes from one frame to another.

A flow is ``[h, w, 2]`` float32, in pixels, to the right and down, on the grid of the
first frame: what that shows at ``(x, y)`` is at ``(x + u, y + v)`` in the second.
"""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from style_workshop import WorkshopError, checks
from style_workshop.files import atomic_write
from style_workshop.images import to_uint8

#: Shorter sides leave OpenCV no room for its patches.
SMALLEST = 16
#: At and above this a flow means "unknown" in the files of Middlebury.
UNKNOWN = 1e9
_MAGIC = np.float32(202021.25)  # how a .flo file begins


def estimate(first: np.ndarray, second: np.ndarray, method: str = "dis") -> np.ndarray:
    """Estimate the flow from one frame to another.

    Args:
        first: ``[h, w, 3]``, 0-255; the flow is on its grid.
        second: ``[h, w, 3]``, 0-255.
        method: one of `METHODS`. ``"deepflow"`` needs the package
            ``opencv-contrib-python-headless`` in place of ``opencv-python-headless``.

    Returns:
        ``[h, w, 2]`` float32.

    Raises:
        WorkshopError: frames of different or very small size, or a method that this
            OpenCV does not have.
    """
    checks.choice("flow", method, METHODS)
    shape = np.shape(first)
    if shape != np.shape(second) or len(shape) != 3 or min(shape[:2]) < SMALLEST:
        raise WorkshopError(
            f"The frames are {shape} and {np.shape(second)}: flow needs two pictures "
            f"[h, w, 3] of one size, {SMALLEST} pixels or more on each side."
        )
    gray = [cv2.cvtColor(to_uint8(one), cv2.COLOR_RGB2GRAY) for one in (first, second)]
    return METHODS[method]().calc(*gray, None)


def _dis():
    """Dense inverse search (Kroeger et al., ECCV 2016), with more care than its preset.

    On pairs of Middlebury and Sintel the preset has 1.3 to 2 times the error.
    """
    dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    dis.setFinestScale(0)
    dis.setPatchStride(2)
    dis.setGradientDescentIterations(50)
    dis.setVariationalRefinementIterations(10)
    return dis


def _deepflow():
    """DeepFlow (Weinzaepfel et al., ICCV 2013), which [5] uses."""
    if not hasattr(cv2, "optflow"):
        raise WorkshopError(
            "This OpenCV has no DeepFlow: use dis, or put opencv-contrib-python-"
            "headless in place of opencv-python-headless."
        )
    return cv2.optflow.createOptFlow_DeepFlow()


METHODS: dict[str, Callable] = {"dis": _dis, "deepflow": _deepflow}


def end_point_error(flow: np.ndarray, truth: np.ndarray) -> float:
    """Give the mean distance in pixels of where two flows ``[h, w, 2]`` end.

    What is unknown in ``truth`` does not count.
    """
    known = (np.abs(truth) < UNKNOWN).all(-1)
    return float(np.linalg.norm(flow - truth, axis=-1)[known].mean())


# --- files of Middlebury and Sintel ---------------------------------------------------


def read_flo(path: str | Path) -> np.ndarray:
    """Read a flow ``[h, w, 2]`` from a ``.flo`` file.

    Raises:
        WorkshopError: there is no such file, it is of another kind, or cut off.
    """
    path = Path(path)
    if not path.is_file():
        raise WorkshopError(f"There is no file {path}: check its name and folder.")
    content = path.read_bytes()
    if content[:4] != _MAGIC.tobytes() or len(content) < 12:
        raise WorkshopError(f"{path} is no .flo file: those begin with the word PIEH.")
    width, height = (int(side) for side in np.frombuffer(content, "<i4", 2, 4))
    if min(width, height) < 1 or len(content) < 12 + 8 * width * height:
        raise WorkshopError(
            f"{path} is damaged or cut off: it does not hold the {width}x{height} "
            "pixels that it names; fetch or write it again."
        )
    flow = np.frombuffer(content, "<f4", 2 * width * height, 12)
    return flow.reshape(height, width, 2).astype(np.float32)


def write_flo(path: str | Path, flow: np.ndarray) -> None:
    """Write a flow ``[h, w, 2]`` into a ``.flo`` file.

    Raises:
        WorkshopError: another shape, or the file cannot be written.
    """
    if np.ndim(flow) != 3 or flow.shape[-1] != 2:
        raise WorkshopError(f"A flow is [h, w, 2]; this is {np.shape(flow)}.")
    sides = np.array(flow.shape[1::-1], "<i4")
    values = np.asarray(flow, "<f4")
    with atomic_write(path) as part:
        part.write_bytes(_MAGIC.tobytes() + sides.tobytes() + values.tobytes())


# --- the color wheel ------------------------------------------------------------------

#: From each color of the wheel so many steps to the next (Baker et al., "A database
#: and evaluation methodology for optical flow", IJCV 2011): the eye tells fewer greens.
_STEPS = {
    (255, 0, 0): 15,
    (255, 255, 0): 6,
    (0, 255, 0): 4,
    (0, 255, 255): 11,
    (0, 0, 255): 13,
    (255, 0, 255): 6,
}


def _wheel() -> np.ndarray:
    corners = np.array([*_STEPS, (255, 0, 0)], np.float32)
    places = np.cumsum([0, *_STEPS.values()])
    steps = np.arange(places[-1] + 1)  # the last is the first again
    return np.stack([np.interp(steps, places, c) for c in corners.T], -1)


def to_colors(flow: np.ndarray, largest: float | None = None) -> np.ndarray:
    """Draw a flow in the usual color wheel: hue is direction, depth of color is speed.

    To the right is red, down yellow, to the left cyan, up violet; white stands still.

    Args:
        flow: ``[h, w, 2]``; what is unknown becomes black.
        largest: the speed in pixels with full color, and darker beyond it; None is
            the largest that there is.

    Returns:
        ``[h, w, 3]`` float32, 0-255.
    """
    flow = np.asarray(flow, np.float32)
    known = (np.abs(flow) < UNKNOWN).all(-1)
    flow = np.where(known[..., None], flow, 0)
    speed = np.linalg.norm(flow, axis=-1)
    share = speed / max(speed.max() if largest is None else largest, 1e-6)
    wheel = _wheel()
    turn = np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1  # 0 is to the right
    places = np.arange(len(wheel)) / (len(wheel) - 1)
    color = np.stack([np.interp(turn, places, c) for c in wheel.T], -1)
    share = share[..., None]
    color = np.where(share <= 1, 255 - share * (255 - color), 0.75 * color)
    return np.where(known[..., None], color, 0).astype(np.float32)
