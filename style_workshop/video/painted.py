"""A clip that the workshop paints itself, so that its exact flow is known.

A paper wheel turns on a hill while the camera passes by and comes nearer, and a balloon
flies past in front. Each of the three is a layer with a color at every place, moved by
an affine map; where a pixel goes is the map of its layer, and what is hidden by what is
known as well.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy import ndimage

from style_workshop import checks

#: Samples along each side of a pixel, whose mean is its color.
SAMPLES = 4


@dataclass
class Clip:
    """Frames, and all that is known about their motion.

    Attributes:
        frames: ``n`` pictures ``[h, w, 3]`` float32, 0-255.
        forward: ``n - 1`` flows ``[h, w, 2]``, each from a frame to the next.
        backward: ``n - 1`` flows, each from a frame, the second at first, to the one
            before.
        seen: ``n - 1`` masks ``[h, w]`` float32, on the grid of the second frame at
            first: 1 where the frame before shows the same, 0 where something lay in
            front, at the edges of layers, and at what comes from outside.
    """

    frames: list[np.ndarray] = field(default_factory=list)
    forward: list[np.ndarray] = field(default_factory=list)
    backward: list[np.ndarray] = field(default_factory=list)
    seen: list[np.ndarray] = field(default_factory=list)


def paint(count: int = 10, height: int = 96, *, seed: int = 0) -> Clip:
    """Paint a clip, 4 wide to 3 high.

    Args:
        count: frames, 2 or more. Motion is the same from frame to frame, whatever the
            count and the size: about a sixtieth of the height for the hills, a
            twenty-fifth for the balloon, and 2.4 degrees for the wheel.
        height: in pixels.
        seed: of the textures.

    Raises:
        WorkshopError: fewer than 2 frames, or fewer than 16 pixels.
    """
    checks.whole_number("count", count, least=2)
    checks.whole_number("height", height, least=16)
    layers = _layers(np.random.default_rng(checks.seed(seed)))
    size = height, round(height * 4 / 3)
    times = np.arange(count) - (count - 1) / 2
    drawn = [_draw(layers, time, size) for time in times]
    clip = Clip(frames=[view.picture for view in drawn])
    for before, view in pairwise(drawn):
        clip.forward.append(_flow(layers, before, view)[0])
        flow, seen = _flow(layers, view, before)
        clip.backward.append(flow)
        clip.seen.append(seen)
    return clip


# --- layers ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Layer:
    """A plane with a color at each place; it is in front of those before it.

    Its own places, and those on the frame, are ``[..., 2]`` in heights of a frame,
    to the right and down from the middle.
    """

    color: Callable[[np.ndarray], np.ndarray]  # places to [..., 3] in 0-1
    covers: Callable[[np.ndarray], np.ndarray]  # places to bool
    onto_frame: Callable[[float], np.ndarray]  # time, 0 in the middle, to [2, 3]


def _affine(turn: float, scale: float, x: float, y: float) -> np.ndarray:
    """Turn (radian, clockwise), enlarge, then shift: ``[2, 3]``."""
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return np.array([[c, -s, x], [s, c, y]])


def _apply(affine: np.ndarray, places: np.ndarray) -> np.ndarray:
    return places @ affine[:, :2].T + affine[:, 2]


def _inverse(affine: np.ndarray) -> np.ndarray:
    turned = np.linalg.inv(affine[:, :2])
    return np.column_stack([turned, -turned @ affine[:, 2]])


_HUB = np.array([-0.2, 0.02])  # of the wheel, on the hills


def _layers(random: np.random.Generator) -> list[_Layer]:
    noise = _Noise(random)

    def hills(time: float) -> np.ndarray:
        return _affine(0.0, 1.06 * 1.004**time, -0.016 * time, 0.002 * time)

    def wheel(time: float) -> np.ndarray:
        ground = hills(time)
        x, y = _apply(ground, _HUB)
        return _affine(0.042 * time, float(ground[0, 0]), x, y)

    def balloon(time: float) -> np.ndarray:
        return _affine(0.012 * time, 1.0, 0.16 + 0.036 * time, -0.06 - 0.012 * time)

    return [
        _Layer(lambda at: _hills(at, noise), lambda at: at[..., 0] < np.inf, hills),
        _Layer(lambda at: _wheel(at, noise), _is_wheel, wheel),
        _Layer(lambda at: _balloon(at, noise), _is_balloon, balloon),
    ]


class _Noise:
    """Soft noise with a value at every place, ``-1`` to ``1`` for the most part."""

    def __init__(self, random: np.random.Generator):
        white = random.standard_normal((128, 128))
        soft = ndimage.gaussian_filter(white, 1.2, mode="wrap")
        self._values = soft / soft.std() / 2

    def __call__(self, at: np.ndarray, fineness: float, octaves: int = 3) -> np.ndarray:
        total = np.zeros(at.shape[:-1])
        for octave in range(octaves):
            places = np.moveaxis(at[..., ::-1], -1, 0) * fineness * 2**octave + 37
            found = ndimage.map_coordinates(
                self._values, places, order=1, mode="grid-wrap"
            )
            total += found / 2**octave
        return total


def _mix(ground: np.ndarray, cover: tuple, share: np.ndarray) -> np.ndarray:
    return ground + np.clip(share, 0, 1)[..., None] * (np.array(cover) - ground)


def _hills(at: np.ndarray, noise: _Noise) -> np.ndarray:
    x, y = at[..., 0], at[..., 1]
    sky = _mix(np.zeros((*x.shape, 3)) + (0.25, 0.5, 0.85), (0.95, 0.85, 0.6), y + 0.6)
    clouds = noise(at * (1, 2.2), 7) + 0.4 * noise(at, 40)
    picture = _mix(sky, (1.0, 0.98, 0.95), 1.5 * clouds - 0.3)
    far = -0.06 + 0.05 * noise(np.stack([x, 0 * x], -1), 9)
    rock = np.array((0.42, 0.38, 0.55)) + 0.16 * noise(at, 30)[..., None]
    picture = np.where((y > far)[..., None], rock, picture)
    near = 0.14 + 0.05 * np.sin(3.1 * x + 0.6)
    furrows = np.sin(60 * (y - near) + 9 * np.sin(2.3 * x)) + 0.8 * noise(at, 35)
    grass = _mix(
        np.zeros((*x.shape, 3)) + (0.16, 0.42, 0.14), (0.72, 0.7, 0.2), furrows
    )
    picture = np.where((y > near)[..., None], grass, picture)
    post = (abs(x - _HUB[0]) < 0.014) & (y > _HUB[1])
    return np.where(post[..., None], (0.35, 0.2, 0.1), picture)


def _is_wheel(at: np.ndarray) -> np.ndarray:
    return np.hypot(at[..., 0], at[..., 1]) < 0.25


def _wheel(at: np.ndarray, noise: _Noise) -> np.ndarray:
    radius, turn = np.hypot(at[..., 0], at[..., 1]), np.arctan2(at[..., 1], at[..., 0])
    sails = ((turn + 3 * radius) / (2 * np.pi) * 8 % 1) < 0.5  # bent, as of paper
    picture = np.where(sails[..., None], (0.86, 0.16, 0.14), (0.97, 0.93, 0.8))
    dots = np.cos(8 * turn + 24 * radius) * np.cos(60 * radius)
    picture = _mix(picture, (0.15, 0.2, 0.5), 6 * (dots - 0.6))
    picture = picture + 0.07 * noise(at, 50)[..., None]
    picture = np.where(
        (abs(radius - 0.235) < 0.015)[..., None], (0.2, 0.2, 0.3), picture
    )
    return np.where((radius < 0.035)[..., None], (0.95, 0.75, 0.15), picture)


def _is_balloon(at: np.ndarray) -> np.ndarray:
    x, y = at[..., 0], at[..., 1]
    envelope = (x / 0.17) ** 2 + ((y + 0.02) / np.where(y < -0.02, 0.18, 0.23)) ** 2 < 1
    basket = (abs(x) < 0.045) & (abs(y - 0.26) < 0.035)
    return envelope | basket


def _balloon(at: np.ndarray, noise: _Noise) -> np.ndarray:
    x, y = at[..., 0], at[..., 1]
    half = 0.175 * np.sqrt(np.clip(1 - ((y + 0.02) / 0.26) ** 2, 0.05, 1))
    across = np.clip(x / half, -1, 1)
    gores = np.sin(9 * np.arcsin(across))
    picture = np.where((gores > 0)[..., None], (0.98, 0.62, 0.1), (0.42, 0.1, 0.42))
    band = abs(y + 0.04) < 0.035
    chevrons = np.sin(70 * (y + 0.3 * abs(((x * 14) % 1) - 0.5))) > 0
    cover = np.where(chevrons[..., None], (0.95, 0.95, 0.85), (0.1, 0.35, 0.45))
    picture = np.where(band[..., None], cover, picture)
    wicker = np.sin(160 * x) * np.sin(160 * y) > 0
    cover = np.where(wicker[..., None], (0.55, 0.35, 0.15), (0.38, 0.22, 0.1))
    picture = np.where((y > 0.22)[..., None], cover, picture)
    shade = 1 - 0.35 * np.clip(x / 0.17, -1, 1) + 0.15 * noise(at, 45)
    return picture * np.clip(shade, 0.5, 1.25)[..., None]


# --- from layers to frames ------------------------------------------------------------


def _places(size: tuple[int, int], samples: int = 1) -> np.ndarray:
    """Give where pixels, or parts of them, are: ``[h, w, 2]`` in heights of a frame."""
    height, width = size
    rows, columns = (
        (np.arange(side * samples) + 0.5) / samples - side / 2 for side in size
    )
    return np.stack(np.meshgrid(columns, rows), -1) / height


@dataclass(frozen=True)
class _View:
    """A frame: its time, its picture, and which layer each pixel shows.

    ``middle`` is the layer at the middle of the pixel, ``alone`` the same where the
    pixel shows nothing else, and -1 at the edges of layers; ``[h, w]`` both.
    """

    time: float
    picture: np.ndarray
    middle: np.ndarray
    alone: np.ndarray


def _draw(layers: list[_Layer], time: float, size: tuple[int, int]) -> _View:
    places = _places(size, SAMPLES)
    picture = np.zeros((*places.shape[:2], 3))
    top = _tops(layers, time, places)
    for number, layer in enumerate(layers):
        here = top == number
        own = _apply(_inverse(layer.onto_frame(time)), places[here])
        picture[here] = layer.color(own)
    height, width = size
    blocks = height, SAMPLES, width, SAMPLES
    picture = np.clip(picture, 0, 1).reshape(*blocks, 3).mean((1, 3))
    lowest, highest = (end(top.reshape(blocks), (1, 3)) for end in (np.min, np.max))
    alone = np.where(lowest == highest, lowest, -1)
    middle = _tops(layers, time, _places(size))
    return _View(time, (255 * picture).astype(np.float32), middle, alone)


def _tops(layers: list[_Layer], time: float, places: np.ndarray) -> np.ndarray:
    """Give the layer that lies on top at each place."""
    top = np.zeros(places.shape[:2], int)
    for number, layer in enumerate(layers):
        top[layer.covers(_apply(_inverse(layer.onto_frame(time)), places))] = number
    return top


def _flow(
    layers: list[_Layer], here: _View, there: _View
) -> tuple[np.ndarray, np.ndarray]:
    """Give the flow ``[h, w, 2]`` from one frame to another, and what both show."""
    size = here.middle.shape
    places = _places(size)
    flow = np.zeros((*size, 2))
    for number, layer in enumerate(layers):
        own = _apply(_inverse(layer.onto_frame(here.time)), places)
        moved = _apply(layer.onto_frame(there.time), own) - places
        flow = np.where((here.middle == number)[..., None], size[0] * moved, flow)
    # Both must show the layer alone, the other at all four pixels that are mixed.
    x, y = np.moveaxis(flow, -1, 0) + np.mgrid[: size[0], : size[1]][::-1]
    seen = (x >= 0) & (x <= size[1] - 1) & (y >= 0) & (y <= size[0] - 1)
    for row in (np.floor(y), np.ceil(y)):
        for column in (np.floor(x), np.ceil(x)):
            row_in = np.clip(row, 0, size[0] - 1).astype(int)
            column_in = np.clip(column, 0, size[1] - 1).astype(int)
            seen &= there.alone[row_in, column_in] == here.alone
    seen &= here.alone >= 0
    return flow.astype(np.float32), seen.astype(np.float32)
