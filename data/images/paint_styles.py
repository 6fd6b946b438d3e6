"""Paint the style pictures: every one has an unmistakable hand, and all are CC0.

    python data/images/paint_styles.py [--only NAME ...] [--size 512] [-o FOLDER]

A painter is a function `(rng, n) -> [n, n, 3]` of RGB values 0-1. It paints on twice
the final side, and the picture is then reduced, which smooths every edge. The same
seed gives the same picture. Needs NumPy, SciPy and Pillow.
"""

import argparse
import time
import zlib
from pathlib import Path

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageColor, ImageDraw
from scipy import ndimage
from scipy.spatial import cKDTree

QUALITY = 88
FOLDER = Path(__file__).parent / "style"

# ---------------------------------------------------------------- colors and noise


def colors(names: str) -> np.ndarray:
    """Hexadecimal colors, separated by blanks, as `[k, 3]` in 0-1."""
    codes = ["#" + name for name in names.split()]
    return np.array([ImageColor.getrgb(code) for code in codes]) / 255.0


def byte_color(rgb) -> tuple[int, int, int]:
    """A color `[3]` in 0-1 as Pillow wants it."""
    return tuple(int(255 * min(max(value, 0), 1)) for value in rgb)


def ramp(t: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Color at `t` in 0-1 on the way through the colors `steps` `[k, 3]`."""
    places = np.linspace(0, 1, len(steps))
    return np.stack([np.interp(t, places, steps[:, c]) for c in range(3)], axis=-1)


def noise(rng: Generator, n: int, across: float, down: float = 0, octaves: int = 1):
    """Smooth noise `[n, n]`, mean 0 and deviation 1, with `across` x `down` bumps."""
    total, down = np.zeros((n, n)), down or across
    for octave in range(octaves):
        side = [int(cells * 2**octave) + 3 for cells in (down, across)]
        coarse = rng.standard_normal(side)
        fine = ndimage.zoom(coarse, [n / (s - 2) for s in side], order=3)
        total += fine[:n, :n] / 2**octave
    return (total - total.mean()) / total.std()


def plane(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates `x`, `y` `[n, n]` in 0-1, with `y` downwards."""
    y, x = np.mgrid[0:n, 0:n] / n
    return x, y


def scatter(rng: Generator, n: int, spacing: float) -> np.ndarray:
    """Points `[k, 2]` as (x, y) pixels: a shaken grid in random order."""
    steps = np.arange(-spacing, n + spacing, spacing)
    points = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    points += rng.uniform(-0.6, 0.6, points.shape) * spacing
    return rng.permutation(points)


def look_up(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Values of a field `[n, n, ...]` at points `[k, 2]` (x, y), edges repeated."""
    column, row = np.clip(points.astype(int), 0, len(field) - 1).T
    return field[row, column]


def blend(ground: np.ndarray, cover: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Lay the color `cover` over `ground` `[n, n, 3]` where `alpha` `[n, n]` is 1."""
    return ground + alpha[..., None] * (cover - ground)


def wavering(rng: Generator, rgb: np.ndarray, light: float, hue: float) -> np.ndarray:
    """Colors `[k, 3]`, each a little lighter or darker and a little off in hue."""
    count = len(rgb)
    rgb = rgb * rng.uniform(1 - light, 1 + light, (count, 1))
    return np.clip(rgb + rng.normal(0, hue, (count, 3)), 0, 1)


def packed_discs(rng, largest: float, smallest: float) -> list:
    """Discs (x, y, radius) in 0-1 that touch but do not overlap, largest first."""
    discs = []
    for _ in range(9000):
        spot = rng.uniform(-0.05, 1.05, 2)
        room = largest * rng.choice([1.0, 0.75, 0.5])
        if discs:
            known = np.array(discs)
            gap = np.hypot(*(known[:, :2] - spot).T) - known[:, 2]
            room = min(room, gap.min() - 0.0025)
        if room > max(smallest, 0.045 if len(discs) < 40 else 0):
            discs.append((*spot, room))
    return discs


# ---------------------------------------------------------------- paint with a body


class Paint:
    """Wet paint on a canvas: its color `[n, n, 3]` and its relief `[n, n]`."""

    def __init__(self, color: np.ndarray):
        self.color = color.copy()
        self.relief = np.zeros(color.shape[:2])

    def window(self, point, reach: float):
        """The part of the canvas round a point: slices, and distances in pixels."""
        column, row = np.asarray(point, int)
        n, reach = len(self.color), int(reach) + 2
        rows = slice(max(row - reach, 0), max(min(row + reach + 1, n), 0))
        columns = slice(max(column - reach, 0), max(min(column + reach + 1, n), 0))
        dy, dx = np.ogrid[rows, columns]
        return (rows, columns), dx - point[0], dy - point[1]

    def press(self, window, mask, tint, height):
        """Replace color and relief inside a window by `tint`, `height` under `mask`."""
        under, level = self.color[window], self.relief[window]
        under += mask[..., None] * (tint - under)
        level += mask * (height + 0.3 * level - level)

    def stroke(self, rng, point, angle, length, width, bend, rgb, body=1.0):
        """One bristle stroke through `point`; sizes and sagitta `bend` in pixels."""
        window, dx, dy = self.window(point, 0.5 * (length + width) + abs(bend))
        along = (dx * np.cos(angle) + dy * np.sin(angle)) / (0.5 * length)
        across = dy * np.cos(angle) - dx * np.sin(angle)
        across = (across - bend * (along**2 - 0.3)) / (0.5 * width)
        count = max(4, int(width / 2.5))
        hairs = np.clip(rng.standard_normal(count), -1.7, 1.7)
        hair = hairs[np.clip(((across + 1) * 0.5 * count).astype(int), 0, count - 1)]
        edge = np.clip((1 - np.abs(across)) * 0.5 * width, 0, 1)
        end = 1 - np.abs(along) + 0.1 * hair - across**2 * width / (length + width)
        mask = edge * np.clip(end * 0.25 * length, 0, 1)
        ridge = 0.5 + 0.2 * hair + 0.45 * across**4 + 0.25 * along
        self.press(window, mask, rgb * (1 + 0.06 * hair[..., None]), body * ridge)

    def dab(self, point, radius, rgb, body=1.0):
        """One round touch of the brush."""
        window, dx, dy = self.window(point, radius)
        far = np.hypot(dx, dy) / radius
        mask = np.clip((1 - far) * radius, 0, 1)
        dome = body * np.sqrt(np.clip(1 - far**2, 0, 1))
        self.press(window, mask, rgb * np.ones_like(mask)[..., None], dome)

    def cover(self, rng, color, angle, length, width, spacing, shake=0.05, body=1.0):
        """Strokes all over, with the colors and angles of two fields `[n, n, ...]`."""
        points = scatter(rng, len(color), spacing)
        tints = wavering(rng, look_up(color, points), 0.13, 0.03)
        turn = np.gradient(np.unwrap(2 * angle, axis=1), axis=1) / 2 * np.cos(angle)
        turn += np.gradient(np.unwrap(2 * angle, axis=0), axis=0) / 2 * np.sin(angle)
        angles = look_up(angle, points) + rng.normal(0, shake, len(points))
        sweeps = length * rng.uniform(0.7, 1.2, len(points))
        bends = np.clip(look_up(turn, points) * sweeps**2 / 8, -width, width)
        for point, tint, a, sweep, bend in zip(
            points, tints, angles, sweeps, bends, strict=True
        ):
            self.stroke(rng, point, a, sweep, width, bend, tint, body)

    def lit(self, strength: float) -> np.ndarray:
        """The color under a lamp from the upper left, with a little shine."""
        slope_y, slope_x = np.gradient(ndimage.gaussian_filter(self.relief, 0.8))
        slope = np.tanh(1.5 * strength * (slope_x + slope_y))[..., None]
        shine = np.clip(slope - 0.45, 0, 1) * 0.35
        return np.clip(self.color * (1 + 0.4 * slope) + shine, 0, 1)


# ---------------------------------------------------------------- swirling night

STARS = [
    (0.09, 0.11, 0.034),
    (0.31, 0.07, 0.024),
    (0.60, 0.09, 0.036),
    (0.86, 0.17, 0.066),
    (0.06, 0.43, 0.026),
    (0.45, 0.54, 0.028),
    (0.94, 0.49, 0.030),
    (0.70, 0.57, 0.020),
    (0.21, 0.58, 0.022),
]
SWIRLS = [(0.30, 0.30, 0.15, 0.9), (0.62, 0.35, 0.12, -0.9), (0.80, 0.64, 0.08, 0.5)]


def wind(x, y) -> tuple[np.ndarray, np.ndarray]:
    """Stream function of the night wind, and the angle of its flow in radians."""
    stream = 0.55 * y + 0.02 * np.sin(9 * x + 3 * y)
    for cx, cy, radius, turn in SWIRLS:
        stream += turn * radius * np.exp(-((x - cx) ** 2 + (y - cy) ** 2) / radius**2)
    slope_y, slope_x = np.gradient(stream)
    axis = np.exp(2j * np.arctan2(-slope_x, slope_y))  # a stroke has no direction
    for cx, cy, radius in STARS:
        ring = np.exp(2j * np.arctan2(cx - x, y - cy))
        near = np.clip(3.6 - np.hypot(x - cx, y - cy) / radius, 0, 1)
        axis = axis + (ring - axis) * near
    return stream, np.angle(axis) / 2


def night_sky(x, y, stream) -> np.ndarray:
    """Bands of blue along the wind, and golden rings round the stars."""
    blues = "0b1640 132a72 2452a8 3f86c9 8cc4dc e6edd6 5fa3cf 1d459b 0e1f5c 0b1640"
    sky = ramp((stream * 4.5) % 1, colors(blues))
    golds = colors("fffde8 fff2b0 ffd84a f0a028 ffe27a e2952a f7d564 6fb3b4 2f63ad")
    for cx, cy, radius in STARS:
        far = np.hypot(x - cx, y - cy) / radius
        sky = blend(sky, ramp(far / 3, golds), np.clip(0.9 * (3.1 - far), 0, 1))
    return sky


def lake(rng, x, y) -> np.ndarray:
    """Dark water with the stars' reflections as columns of gold."""
    waves = noise(rng, len(x), 9, 45)
    steps = colors("0a1c48 123a78 2f77a4 14386f 1f6a8a 0c2350")
    water = ramp(0.5 + 0.25 * waves + 0.3 * (y - 0.9), steps)
    for cx, _, radius in STARS:
        column = np.exp(-(((x - cx + 0.01 * waves) / radius / 0.9) ** 2))
        ripple = np.clip(1.5 * noise(rng, len(x), 7, 38) + 0.3, 0, 1)
        water = blend(water, colors("f6c544")[0], 0.95 * column * ripple)
    return water


def swirling_night(rng: Generator, n: int) -> np.ndarray:
    """Thick strokes of night sky that turn round stars, hills and a lake below."""
    x, y = plane(n)
    stream, angle = wind(x, y + 0.01 * noise(rng, n, 6))
    ridge = 0.69 + 0.05 * np.sin(8 * x + 1) + 0.025 * np.sin(19 * x)
    shore = 0.79 + 0.012 * np.sin(11 * x)
    greens = colors("071228 0f2c40 1d5650 3c8a5e 1a4450 0b2036")
    hills = ramp((y - ridge) * 11 % 1, greens)
    color = np.where((y > ridge)[..., None], hills, night_sky(x, y, stream))
    color = np.where((y > shore)[..., None], lake(rng, x, y), color)
    angle = np.where(y > ridge, 0.4 * np.cos(8 * x + 1), angle)
    angle = np.where(y > shore, 0.1 * np.sin(30 * y), angle)
    paint = Paint(color)
    for length, width, spacing in ((62, 18, 17), (48, 12, 14), (34, 8, 15)):
        paint.cover(rng, color, angle, *np.array([length, width, spacing]) * n / 1024)
    return paint.lit(2.5)


# ---------------------------------------------------------------- pointillism


def riverside(rng, x, y) -> np.ndarray:
    """An evening at a river: sky, far shore, water, trees and a flowering bank."""
    n = len(x)
    sky = ramp(
        2.2 * y + 0.06 * noise(rng, n, 3, 7),
        colors("2a5fc0 5f98e0 a9cdf0 fbe3b4 ffb870 ff8f6a"),
    )
    halo = np.exp(-((x - 0.62) ** 2 + (y - 0.36) ** 2) / 0.006)
    sky = blend(sky, colors("fff6c8")[0], halo)
    shore = y > 0.45 + 0.012 * noise(rng, n, 9)
    water = ramp(
        (y - 0.45) * 2.2 + 0.13 * noise(rng, n, 4, 24),
        colors("ff9d6e ffc98a 8fb6e6 3f7fd0 1f4fa8 153a86"),
    )
    glow = np.exp(-(((x - 0.62) / 0.07) ** 2)) * (noise(rng, n, 8, 40) > 0.1)
    water = blend(water, colors("fff0b0")[0], 0.9 * glow)
    hill = y > 0.43 - 0.05 * np.sin(5 * x + 2) - 0.01 * noise(rng, n, 14)
    far = ramp(0.5 + 0.3 * noise(rng, n, 12), colors("3a3f9a 6a5fc0 4f8f8a 8fbf6a"))
    scene = np.where(hill[..., None], far, sky)
    scene = np.where((shore & (y > 0.47))[..., None], water, scene)
    bank = y > 0.80 - 0.16 * (1 - x) ** 2 + 0.01 * noise(rng, n, 12)
    tufts = 0.5 + 0.25 * noise(rng, n, 8, 16)
    grass = ramp(tufts, colors("0f4a3a 1f7f3f 6fbf3a d6e04a"))
    return np.where(bank[..., None], grass, scene)


def plant_trees(rng, scene, x, y) -> np.ndarray:
    """Trees with a light and a shaded side, and flowers in the grass."""
    n = len(x)
    for cx, cy, wide in ((0.12, 0.32, 0.17), (0.31, 0.44, 0.075), (0.93, 0.42, 0.12)):
        foot = 0.86 - 0.16 * (1 - cx) ** 2
        trunk = np.abs(x - cx - 0.01 * np.sin(20 * y)) < 0.016
        trunk &= (y > cy) & (y < foot)
        scene = np.where(trunk[..., None], colors("4a2258")[0], scene)
        crown = np.hypot(x - cx, (y - cy) * 0.72) + 0.016 * noise(rng, n, 11) < wide
        side = 0.45 + 1.6 * (x - cx) * np.sign(0.62 - cx) - 1.1 * (y - cy)
        leaf = ramp(
            side + 0.16 * noise(rng, n, 13),
            colors("1a1f6a 0f5a4a 2f9a3f 9fd03a ffe04a"),
        )
        scene = np.where(crown[..., None], leaf, scene)
    flowers = (noise(rng, n, 46) > 1.35) & (y > 0.72) & (scene[..., 1] > 0.3)
    tints = ramp(0.5 + 0.4 * noise(rng, n, 9), colors("ff3a5a ff7fb0 ffffff ffb020"))
    return np.where(flowers[..., None], tints, scene)


def divided(rng, rgb) -> np.ndarray:
    """Split colors `[k, 3]` into purer ones that mix in the eye."""
    grey = rgb.mean(1, keepdims=True)
    pure = grey + 1.45 * (rgb - grey)
    shift = colors("ff5a1f 2a3fff ffd800 d01f8a 10b0c0")[rng.integers(0, 5, len(rgb))]
    share = np.where(rng.random((len(rgb), 1)) < 0.3, 0.5, 0.06)
    return wavering(rng, pure + share * (shift - pure), 0.12, 0.03)


def pointillism(rng: Generator, n: int) -> np.ndarray:
    """Dots of pure color: a river in the evening between two trees."""
    x, y = plane(n)
    scene = plant_trees(rng, riverside(rng, x, y), x, y)
    ground = colors("f3e6c8")[0] * (1 + 0.05 * noise(rng, n, n / 5))[..., None]
    paint = Paint(ground)
    for radius, spacing in ((8.0, 12.0), (6.5, 9.5), (5.0, 10.0)):
        points = scatter(rng, n, spacing * n / 1024)
        radii = radius * n / 1024 * rng.uniform(0.75, 1.15, len(points))
        tints = divided(rng, look_up(scene, points))
        for point, size, tint in zip(points, radii, tints, strict=True):
            paint.dab(point, size, tint)
    return paint.lit(1.3)


# ---------------------------------------------------------------- stained glass


# Rings of the rose: radius, number of panes, turn, colors in turn by their number.
ROSE = [
    (0.0, 1, 0.0, [2]),
    (0.075, 8, 0.0, [0]),
    (0.145, 8, 0.5, [3]),
    (0.215, 16, 0.25, [1, 5]),
    (0.29, 16, 0.0, [2]),
    (0.36, 16, 0.5, [5]),
    (0.43, 32, 0.0, [0, 3]),
    (0.51, 32, 0.5, [1, 4]),
    (0.61, 32, 0.0, range(6)),
]


def rose_window(rng) -> tuple[np.ndarray, np.ndarray]:
    """Centers `[k, 2]` of the panes in rings about the middle, and their colors."""
    panes, kinds = [], []
    for radius, count, turn, glass in ROSE:
        angles = 2 * np.pi * (np.arange(count) + turn) / count
        ring = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
        panes.append(0.5 + radius * ring + rng.normal(0, 0.004, ring.shape))
        kinds += [glass[step % len(glass)] for step in range(count)]
    glass = colors("c4122a 1233b8 f7b21a 0f8a4a 6a1fa0 1f9fd0")
    return np.vstack(panes), wavering(rng, glass[kinds], 0.22, 0.04)


def stained_glass(rng: Generator, n: int) -> np.ndarray:
    """A rose window: panes of luminous, streaky glass held by rounded lead."""
    x, y = plane(n)
    panes, tints = rose_window(rng)
    spot = np.stack([x + 0.003 * noise(rng, n, 14), y + 0.003 * noise(rng, n, 14)], -1)
    far, near = cKDTree(panes).query(spot, k=2)
    apart = np.hypot(*(panes[near[..., 0]] - panes[near[..., 1]]).transpose(2, 0, 1))
    edge = (far[..., 1] ** 2 - far[..., 0] ** 2) / (2 * apart)  # distance to the lead
    streaks = noise(rng, n, 40, 7, 2) * 0.10 + noise(rng, n, 9, 3, 3) * 0.16
    streaks += 0.07 * noise(rng, n, 130)
    glow = 0.74 + 7.0 * np.clip(edge, 0, 0.07) + streaks
    glass = tints[near[..., 0]] * glow[..., None]
    glass += np.clip(glow - 1.0, 0, 1)[..., None] * 0.9
    vein = np.exp(-(((edge - 0.0125) / 0.0016) ** 2)) * 0.55
    bubbles = np.clip(noise(rng, n, 90) - 2.0, 0, 1)
    glass = glass * (1 - vein[..., None]) + 0.5 * bubbles[..., None]
    half = 0.0062 + 0.0006 * noise(rng, n, 30)
    round_lead = np.clip(1 - (edge / half) ** 2, 0, 1)
    lead = 0.05 + 0.22 * round_lead**6 + 0.02 * noise(rng, n, 100)
    return blend(
        glass, lead[..., None] * colors("c8d0e0")[0], np.clip((half - edge) * 500, 0, 1)
    )


# ---------------------------------------------------------------- color circles


def ring_colors(rng, count: int) -> np.ndarray:
    """Colors `[count, 3]` in which neighbors differ strongly."""
    warm = colors("d8232a f28c1c f8cf2c e86a8a f3ead6")
    box = np.vstack([warm, colors("1f8a4c 1a4fa8 5b2d8c 7fc4c8 151a3a")])
    chosen = [box[rng.integers(len(box))]]
    while len(chosen) < count:
        far = np.abs(box - chosen[-1]).sum(1)
        chosen.append(rng.choice(box[far > 0.9]))
    return np.array(chosen)


def brushed_rings(rng, n: int) -> np.ndarray:
    """One square `[n, n, 3]` with rings of gouache, brushed round its center."""
    x, y = plane(n)
    cx, cy = 0.5 + rng.normal(0, 0.025, 2)
    far, angle = np.hypot(x - cx, y - cy), np.arctan2(y - cy, x - cx)
    far = far * (1 + 0.03 * noise(rng, n, 2.5)) + 0.004 * noise(rng, n, 12)
    count = rng.integers(5, 8)
    limits = np.cumsum(rng.uniform(0.7, 1.3, count))
    limits *= 0.5 / limits[-1]
    ring = np.searchsorted(limits, far)
    tints = wavering(rng, ring_colors(rng, count + 1), 0.1, 0.02)
    table = rng.standard_normal((96, 48))
    table = ndimage.gaussian_filter(table, (0.4, 2.0), mode="wrap") * 3
    place = [far * 150 % 96, (angle / np.pi + 1) * 24 % 48]
    hairs = ndimage.map_coordinates(table, place, order=1, mode="grid-wrap")
    edge = np.min(np.abs(far[..., None] - limits), -1)
    color = tints[ring] * (1 + 0.11 * hairs + 0.06 * noise(rng, n, 5))[..., None]
    color *= (1 - 0.28 * np.exp(-((edge / 0.012) ** 2)))[..., None]
    dry = np.clip(0.6 * hairs + 0.3 * noise(rng, n, 40) - 0.62, 0, 0.6)
    return blend(color, colors("f6edd8")[0], dry)


def color_circles(rng: Generator, n: int) -> np.ndarray:
    """A grid of squares, each with rings about its center, in gouache on paper."""
    side, count = n // 5 + 1, 5
    rows = [
        np.hstack([brushed_rings(rng, side) for _ in range(count)])
        for _ in range(count)
    ]
    color = np.vstack(rows)[:n, :n]
    x, y = plane(n)
    wobble = 0.0035 * noise(rng, n, 16)
    gap = np.minimum(
        np.abs((x * n / side + wobble + 0.5) % 1 - 0.5),
        np.abs((y * n / side + wobble + 0.5) % 1 - 0.5),
    )
    color = blend(color, colors("1b1a2e")[0], np.clip((0.016 - gap) * 150, 0, 0.9))
    grain = noise(rng, n, n / 4)
    return color * (1 + 0.045 * grain)[..., None]


# ---------------------------------------------------------------- woodcut waves


def swell(rng, base: float, height: float) -> np.ndarray:
    """A row of leaning, sharp-crested waves as points `[k, 2]` (x, y) from the left."""
    t = np.linspace(-0.4, 1.4, 900)
    length = height * rng.uniform(3.6, 4.4)
    phase = 2 * np.pi * (t / length + rng.random())
    phase += 0.5 * np.sin(2 * np.pi * t * 1.3 + rng.uniform(0, 6))
    crest = 0.5 + 0.5 * np.cos(phase)
    size = height * (0.92 + 0.14 * np.sin(2 * np.pi * t + rng.uniform(0, 6)))
    lean = 0.62 * size * crest**3 + 0.30 * length / 6.3 * -np.sin(phase)
    return np.stack([t + lean, base - size * crest**1.6], -1)


def carve_water(draw, wave, height: float, inks, n: int) -> None:
    """Fill a row of waves, with lines that follow its outline and fade downwards."""
    wide = n / 1024
    floor = [(2.0, 2.0), (-1.0, 2.0)]
    corners = [tuple(p) for p in np.vstack([wave, floor]) * n]
    draw.polygon(corners, fill=byte_color(inks[0]))
    level = wave[:, 1].max()
    for step in range(1, 9):
        part = step / 9
        line = wave.copy()
        line[:, 1] += (level - line[:, 1]) * 0.12 * step**0.7 + 0.125 * height * step
        line[:, 0] -= 0.05 * height * step
        ink = inks[1] if step % 3 else inks[2]
        width = max(1, int(wide * (7 - 4.5 * part) * (1.0 if step % 3 else 1.7)))
        draw.line(
            [tuple(p) for p in line * n],
            fill=byte_color(ink),
            width=width,
            joint="curve",
        )
    outline = corners[:-2]
    draw.line(outline, byte_color(inks[3]), width=int(8 * wide), joint="curve")


def foam(rng, draw, wave, height: float, inks, n: int) -> None:
    """Claws of foam along the crests, and spray in the air above them."""
    rise = (wave[:, 1].max() - wave[:, 1]) / height
    spots = np.flatnonzero(rise > 0.52)[::4]
    balls = []
    for spot in spots:
        for _ in range(3):
            size = height * rng.uniform(0.03, 0.075) * rise[spot]
            shift = rng.normal(0, 0.045, 2) * height + (0.03 * height, -0.01 * height)
            balls.append((*(wave[spot] + shift), size))
        if rng.random() < 0.55:
            shift = rng.normal(0, 0.16, 2) * height + (0.12 * height, -0.22 * height)
            balls.append((*(wave[spot] + shift), height * rng.uniform(0.012, 0.026)))
    rim = 3.2 / 1024
    for grow, ink in ((rim, inks[3]), (0, inks[4])):
        for cx, cy, size in balls:
            r = size + grow
            box = [(cx - r) * n, (cy - r) * n, (cx + r) * n, (cy + r) * n]
            draw.ellipse(box, fill=byte_color(ink))
    for cx, cy, size in balls[::3]:
        r = size * 0.55
        box = [(cx - r) * n, (cy - r) * n, (cx + r) * n, (cy + r) * n]
        draw.arc(box, 20, 200, fill=byte_color(inks[1]), width=max(1, n // 700))


def woodcut_sky(rng, n: int) -> np.ndarray:
    """A red sun and a cream sky, carved along the wind; blue is wiped on at the top."""
    x, y = plane(n)
    bent = y + 0.012 * np.sin(7 * x + 20 * y) + 0.010 * noise(rng, n, 3, 6)
    lines = np.cos(2 * np.pi * 44 * bent) + 0.8 * noise(rng, n, 5, 40)
    carved = np.clip(3 * (lines - 0.35), 0, 1)
    sun = np.clip((0.135 - np.hypot(x - 0.69, y - 0.20)) * n, 0, 1)
    top = np.clip(1 - y / 0.42, 0, 1) * (1 + 0.1 * noise(rng, n, 4, 60))
    blue = ramp(top, colors("b9b79d 8fa9ae 5f8fae 3a6c9c 24578e"))
    sky = blend(np.ones((n, n, 3)) * colors("ecdfbf")[0], blue, 0.85 * carved)
    red, orange = colors("c8402a e8925f")
    red = blend(np.ones((n, n, 3)) * red, orange, 0.7 * carved)
    return blend(sky, red, sun)


def woodcut_waves(rng: Generator, n: int) -> np.ndarray:
    """Rows of breaking waves in flat indigo and cream, printed from grainy wood."""
    sky = np.round(255 * np.clip(woodcut_sky(rng, n), 0, 1)).astype(np.uint8)
    sheet = Image.fromarray(sky).resize((2 * n, 2 * n), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(sheet)
    waters = colors("b4cac6 8fb4c0 6597b4 3f78a4 2b6096 20508a 173f74 12305e")
    for row in range(8):
        height = 0.085 + 0.022 * row
        wave = swell(rng, 0.40 + 0.095 * row, height)
        inks = [
            waters[row],
            waters[row - 2] if row > 1 else waters[3],
            colors("f1e7cb")[0],
            colors("0f1f44")[0],
            colors("f7efd8")[0],
        ]
        carve_water(draw, wave, height, inks, 2 * n)
        foam(rng, draw, wave, height, inks, 2 * n)
    print_ = np.asarray(sheet.reduce(2), float) / 255
    x, y = plane(n)
    rings = np.sin(2 * np.pi * (46 * y + 2.2 * noise(rng, n, 1.5, 3)))
    wood = 0.5 * rings + 0.6 * noise(rng, n, 8, 200) + 0.4 * noise(rng, n, n / 5)
    ink = 1 - print_.mean(-1)
    worn = np.clip(0.075 * wood * (0.35 + ink), -0.2, 0.25)
    return print_ + worn[..., None] * (colors("ecdfbf")[0] - 0.4 * print_)


# ---------------------------------------------------------------- ink hatching


def stones(rng) -> list:
    """Pebbles (x, y, radius) in 0-1, the lower ones in front of the upper ones."""
    discs = packed_discs(rng, 0.125, 0.008)
    return sorted(discs, key=lambda disc: disc[1] + disc[2])


def round_stone(rng, x, y, disc):
    """Where a pebble is, and the point of a unit sphere `[3, ...]` on each pixel."""
    cx, cy, radius = disc
    turn, flat = rng.uniform(0, np.pi), rng.uniform(0.84, 1.0)
    dx, dy = (x - cx) / radius / 1.10, (y - cy) / radius / 1.10
    long = dx * np.cos(turn) + dy * np.sin(turn)
    short = (dy * np.cos(turn) - dx * np.sin(turn)) / flat
    angle = np.arctan2(short, long)
    bumps = rng.normal(0, (0.035, 0.02, 0.012)) @ np.sin(
        np.array([2, 3, 5])[:, None, None] * angle + rng.uniform(0, 6, 3)[:, None, None]
    ).reshape(3, -1)
    far = np.hypot(long, short) * (1 + bumps.reshape(angle.shape))
    up = np.sqrt(np.clip(1 - far**2, 0, 1))
    sphere = np.stack([dx, dy, up])
    return far < 1, sphere / np.sqrt((sphere**2).sum(0))


def engraved(rng, sphere, tone, pixels: float, wobble) -> np.ndarray:
    """Ink 0-1 of line families round tilted axes; darker tones get more families."""
    ink = np.zeros(tone.shape)
    first = rng.uniform(0, 2 * np.pi)
    for limit, turn in ((1.0, 0.0), (0.52, 1.1), (0.26, 2.2)):
        tilt = rng.uniform(0.25, 0.6)
        axis = np.array([np.cos(first + turn), np.sin(first + turn), tilt])
        axis /= np.hypot(1, tilt)
        latitude = np.arccos(np.clip(np.tensordot(axis, sphere, 1), -1, 1))
        wave = np.cos(2 * np.pi * latitude * pixels / 10.5 + wobble)
        wide = np.clip((limit - tone) / limit, 0, 1) ** 0.8
        line = np.clip((wave - 1 + 1.55 * wide) * 3.0 + 0.2, 0, 1) * (wide > 0.12)
        ink = np.maximum(ink, line)
    return ink


def marked(rng, tone, sphere, spots) -> np.ndarray:
    """Tone of a plain, dark, banded or speckled pebble."""
    kind = rng.choice(4, p=[0.45, 0.2, 0.2, 0.15])
    band = np.sin(
        rng.uniform(3, 6) * sphere[0]
        + rng.uniform(3, 6) * sphere[1]
        + 0.5 * spots
        + rng.uniform(0, 6)
    )
    return (tone, 0.55 * tone, tone + 0.5 * (band > 0.72), tone - 0.7 * (spots > 1.6))[
        kind
    ]


def ink_hatching(rng: Generator, n: int) -> np.ndarray:
    """Pebbles in pen and ink: crossed lines follow the round of every stone."""
    x, y = plane(n)
    wobble, spots = 0.55 * noise(rng, n, 16), noise(rng, n, 110)
    lamp = np.array([-0.52, -0.60, 0.61])
    depth = np.stack([np.sin(x * 3), y, x])
    ink = engraved(rng, depth / 2, 0.12 + 0.05 * spots, n / 1.6, wobble)
    for disc in stones(rng):
        cx, cy, reach = np.array(disc) * n * (1, 1, 1.22)
        rows = slice(max(int(cy - reach), 0), max(int(cy + reach) + 1, 0))
        columns = slice(max(int(cx - reach), 0), max(int(cx + reach) + 1, 0))
        place = rows, columns
        if not x[place].size:
            continue
        here, sphere = round_stone(rng, x[place], y[place], disc)
        tone = 0.05 + 0.95 * np.clip(np.tensordot(lamp, sphere, 1), 0, 1) ** 1.15
        tone = marked(rng, tone, sphere, spots[place])
        lines = engraved(rng, sphere, tone, 1.1 * disc[2] * n, wobble[place])
        deep = ndimage.distance_transform_edt(np.pad(here, 1, "edge"))[1:-1, 1:-1]
        rim = deep < 2.6 * n / 1024
        ink[place] = np.where(here, np.maximum(lines, rim), ink[place])
    ink = ndimage.gaussian_filter(ink, 0.6) * (0.94 + 0.05 * noise(rng, n, 80))
    paper = colors("f4ead2")[0] * (1 + 0.02 * noise(rng, n, n / 4))[..., None]
    return blend(paper, colors("17130f")[0], np.clip(ink, 0, 1))


# ---------------------------------------------------------------- watercolor


class Wash:
    """Watercolor on rough paper: each layer takes light away from the white."""

    def __init__(self, rng, n: int):
        warp = np.stack([noise(rng, n, 9, 9, 3), noise(rng, n, 9, 9, 3)])
        grain = noise(rng, n, n / 7) + 0.7 * noise(rng, n, n / 14)
        self.light = np.ones((n, n, 3), np.float32) * colors("fdf8ea")[0].astype("f4")
        self.warp, self.grain = warp.astype("f4"), grain.astype("f4")
        self.pools = noise(rng, n, 7, 7, 3).astype("f4")

    def soaked(self, shape, box, shift):
        """The window of a box (x, y, reach) in 0-1, and the depth inside a shape."""
        n, (cx, cy, reach) = len(self.light), box
        edges = np.array([cy - reach, cy + reach, cx - reach, cx + reach]) * n
        top, bottom, left, right = np.clip(edges, 0, n).astype(int)
        place = slice(top, bottom), slice(left, right)
        y, x = np.mgrid[place].astype("f4") / n
        warp = self.moved(self.warp, *place, shift)
        return place, shape(x + 0.006 * warp[0], y + 0.006 * warp[1])

    def flood(self, shape, box, rgb, strength=1.0, wet=0.004, shift=(0, 0)) -> None:
        """Lay one wash where `shape(x, y) > 0`; `wet` is the softness of its rim."""
        place, depth = self.soaked(shape, box, shift)
        inside = np.clip(depth / wet + 0.5, 0, 1)
        rim = np.exp(-((np.clip(depth - 0.5 * wet, 0, None) / 0.0035) ** 1.2))
        pigment = 0.62 + 0.75 * rim * (wet < 0.01) + 0.13 * self.grain[place]
        pigment += 0.22 * self.moved(self.pools, *place, shift)
        pigment = strength * inside * np.clip(pigment, 0.05, 2)
        absorbed = np.log(np.clip(rgb, 0.02, 1)).astype("f4")
        self.light[place] *= np.exp(absorbed * pigment[..., None])

    def lift(self, shape, box, share, shift=(0, 0)) -> None:
        """Take a share of the pigment off again, down to the paper."""
        place, depth = self.soaked(shape, box, shift)
        share = share * np.clip(depth / 0.004 + 0.5, 0, 1)[..., None]
        self.light[place] += share * (colors("fdf8ea")[0] - self.light[place])

    @staticmethod
    def moved(field, rows, columns, shift) -> np.ndarray:
        """A window of a field that is shifted, and mirrored at its edges."""
        n = field.shape[-1]
        down = np.arange(rows.start, rows.stop) + shift[0]
        across = np.arange(columns.start, columns.stop) + shift[1]
        down, across = (
            np.minimum(k % (2 * n), 2 * n - 1 - k % (2 * n)) for k in (down, across)
        )
        return field[..., down[:, None], across]


def petal(cx, cy, angle, length, wide):
    """Signed depth of a petal that starts at (cx, cy)."""

    def shape(x, y):
        along = ((x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)) / length
        across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
        outline = wide * np.sqrt(np.clip(along, 0, 1) * np.clip(1.02 - along, 0, 1))
        depth = 2 * outline * (1 + 0.12 * np.sin(17 * along)) - np.abs(across)
        return np.minimum(depth, length * np.minimum(along, 1 - along))

    return shape


def blossom(rng, wash, cx, cy, size, rgb) -> None:
    """Petals that overlap on lifted paper, their veins, and a dark center."""
    petals = []
    count = rng.integers(5, 7)
    for step in range(count):
        angle = 2 * np.pi * (step + rng.uniform(-0.15, 0.15)) / count
        length, shift = size * rng.uniform(0.85, 1.15), rng.integers(0, 4000, 2)
        box = (
            cx + 0.5 * length * np.cos(angle),
            cy + 0.5 * length * np.sin(angle),
            0.62 * length + 0.02,
        )
        petals.append((angle, length, box, shift))
    for angle, length, box, shift in petals:
        wash.lift(petal(cx, cy, angle, length, 0.40 * size), box, 0.8, shift)
    for angle, length, box, shift in petals:
        tint = wavering(rng, rgb[None], 0.08, 0.05)[0]
        shape = petal(cx, cy, angle, length, 0.40 * size)
        wash.flood(shape, box, tint, 0.9, shift=shift)
        for turn in (-0.22, 0.0, 0.2):
            vein = petal(cx, cy, angle + turn, 0.72 * length, 0.03 * size)
            wash.flood(vein, box, rgb * 0.8, 0.35, 0.006, shift)
    stamens(rng, wash, cx, cy, size)


def dot(cx, cy, radius):
    """Signed depth of a round drop."""
    return lambda x, y: radius - np.hypot(x - cx, y - cy)


def stamens(rng, wash, cx, cy, size) -> None:
    """A dark center that bleeds, and a ring of small drops round it."""
    ink = colors("2a1440")[0]
    wash.flood(dot(cx, cy, 0.20 * size), (cx, cy, size), ink, 0.7, 0.12 * size)
    for angle in rng.uniform(0, 2 * np.pi, 26):
        far = size * rng.uniform(0.12, 0.36)
        sx, sy = cx + far * np.cos(angle), cy + far * np.sin(angle)
        drop = dot(sx, sy, rng.uniform(0.0018, 0.004))
        wash.flood(drop, (sx, sy, 0.03), ink, 1.0, 0.002)


def meadow(rng, wash) -> None:
    """Pools of sky and green, then stems and blades of grass."""
    tints = colors("8fc7d8 a8d5a0 f2d489 7fb6a8 c9b4dc 9ccf7f f4c0a0")
    for step in range(46):
        cx, cy = rng.uniform(-0.05, 1.05, 2)
        size, shift = rng.uniform(0.07, 0.2), rng.integers(0, 4000, 2)
        wet = 0.004 if step % 3 else 0.05
        tint = tints[rng.integers(7)]
        wash.flood(dot(cx, cy, size), (cx, cy, 1.2 * size), tint, 0.55, wet, shift)
    greens = colors("2f6b3a 4f8f3f 1f5a55 7fa23a")
    for _ in range(110):
        cx, cy = rng.uniform(0, 1), rng.uniform(0.25, 1.15)
        length, shift = rng.uniform(0.12, 0.34), rng.integers(0, 4000, 2)
        angle = -np.pi / 2 + rng.normal(0, 0.35)
        blade = petal(cx, cy, angle, length, rng.uniform(0.006, 0.022))
        middle = cx + 0.5 * length * np.cos(angle), cy + 0.5 * length * np.sin(angle)
        green = greens[rng.integers(4)]
        wash.flood(blade, (*middle, 0.55 * length), green, 0.75, shift=shift)


def watercolor(rng: Generator, n: int) -> np.ndarray:
    """Poppies in a meadow: wet rims, blooms, pigment in the grain of the paper."""
    wash = Wash(rng, n)
    meadow(rng, wash)
    reds = colors("e2342a ee6a2a d92a5a f0a020 b03a9a e8482f")
    spots = scatter(rng, 1000, 215.0) / 1000
    for place, (cx, cy) in enumerate(spots):
        blossom(rng, wash, cx, cy, rng.uniform(0.055, 0.13), reds[place % 6])
    for _ in range(260):
        sx, sy = rng.uniform(0, 1, 2)
        size = rng.uniform(0.0008, 0.0045)
        drop = dot(sx, sy, size)
        wash.flood(drop, (sx, sy, 0.02), reds[rng.integers(6)], 0.8, 0.002)
    slope = sum(np.gradient(ndimage.gaussian_filter(wash.grain, 1)))
    return np.clip(wash.light * (1 + 0.05 * slope[..., None]), 0, 1)


# ---------------------------------------------------------------- primary grid


def split(rng, box, least: float) -> list:
    """Cut a box (left, top, right, bottom) in two, again and again, unevenly."""
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    if max(wide, high) < least * rng.uniform(1.2, 4.2) or max(wide, high) < 2.2 * least:
        return [box]
    part = rng.uniform(0.28, 0.72)
    if wide * rng.uniform(0.7, 1.4) > high:
        middle = left + part * wide
        boxes = (left, top, middle, bottom), (middle, top, right, bottom)
    else:
        middle = top + part * high
        boxes = (left, top, right, middle), (left, middle, right, bottom)
    return [small for half in boxes for small in split(rng, half, least)]


def primary_grid(rng: Generator, n: int) -> np.ndarray:
    """White and primary boxes between black bars, in visible strokes of oil."""
    color, angle = np.ones((n, n, 3)), np.zeros((n, n))
    bars = np.zeros((n, n), bool)
    box_colors = colors("f4f0e2 e9e6da d3201f 1c3fa0 f6c915 f4f0e2 17171a d9dde0")
    share = [0.22, 0.16, 0.17, 0.15, 0.16, 0.06, 0.04, 0.04]
    for box in split(rng, (-0.02, -0.02, 1.02, 1.02), 0.062):
        left, top, right, bottom = np.clip(np.array(box) * n, 0, n).astype(int)
        place = (slice(top, bottom), slice(left, right))
        color[place] = box_colors[rng.choice(8, p=share)]
        angle[place] = np.pi / 2 * (bottom - top > right - left)
        half = int(n * rng.choice([0.0055, 0.0075, 0.0105]))
        bars[max(top - half, 0) : top + half, max(left - half, 0) : right + half] = True
        bars[max(top - half, 0) : bottom + half, max(left - half, 0) : left + half] = (
            True
        )
    paint, unit = Paint(color), n / 1024
    paint.cover(rng, color, angle, 46 * unit, 15 * unit, 17 * unit, 0.10, 0.8)
    paint.cover(rng, color, angle, 34 * unit, 9 * unit, 15 * unit, 0.14, 0.8)
    strayed = np.abs(paint.color - color).max(-1) > 0.3  # strokes over their bar
    paint.color[strayed] = color[strayed]
    soft = ndimage.gaussian_filter(bars.astype(float), 1.2 * unit)
    black = colors("141416")[0] * (1 + 0.25 * noise(rng, n, 60))[..., None]
    paint.color = blend(paint.color, black, np.clip(2 * soft - 0.5, 0, 1))
    paint.relief += 0.7 * soft * (1 + 0.3 * noise(rng, n, 90))
    cracks = np.clip(1 - np.abs(noise(rng, n, 26, 26, 2)) * 28, 0, 1)
    return paint.lit(2.0) * (1 - 0.16 * cracks[..., None])


# ---------------------------------------------------------------- mosaic


def fish(x, y, start: float, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """A fish bent round the middle: signed depth, and place from nose 0 to tail 1."""
    far = np.hypot(x - 0.5, y - 0.5)
    place = ((np.arctan2(y - 0.5, x - 0.5) - start) / (2 * np.pi) % 1) / 0.36
    body = 0.17 * np.sqrt(np.clip(place, 0, 1)) * np.clip(1.12 - place, 0, 1) ** 0.75
    tail = 0.12 * np.clip((place - 0.80) / 0.26, 0, 1) * (place < 1.06)
    fin = 0.05 * np.exp(-(((place - 0.42) / 0.09) ** 2)) * (far > radius)
    wide = np.maximum(body * (place < 1), tail) + fin * (place < 1)
    return wide - np.abs(far - radius), place


def pond(rng, x, y) -> tuple[np.ndarray, np.ndarray]:
    """Colors of a pond with two fish, and a field whose contours the rows follow."""
    n = len(x)
    first, place_1 = fish(x, y, 0.6, 0.27)
    second, place_2 = fish(x, y, 0.6 + np.pi, 0.27)
    middle = np.hypot(x - 0.5, y - 0.5)
    inside = np.maximum(np.maximum(first, second), 0.06 - middle) > 0
    depth = ndimage.distance_transform_edt(inside) / n
    out = ndimage.distance_transform_edt(~inside) / n
    water = ramp(
        (out * 9 + 0.10 * noise(rng, n, 5)) % 1,
        colors("f2f0dc 8fd3cf 2f9fb0 176a92 123f78 0d2a5c 176a92"),
    )
    scales = np.sin(46 * np.where(first > 0, place_1, place_2))
    shine = depth * 13 + 0.12 * scales
    red = ramp(shine, colors("7a1410 d93a1c f26a1f ffb23a fff0c0"))
    gold = ramp(shine, colors("23150c a86a10 f0b41f ffe07a fffbe0"))
    swimmers = np.where((first > 0)[..., None], red, gold)
    color = np.where(inside[..., None], swimmers, water)
    rose = ramp(middle / 0.06, colors("c4321f ffd45a fff6dc 7a1410"))
    color = np.where((middle < 0.06)[..., None], rose, color)
    rim = np.minimum(np.minimum(x, 1 - x), np.minimum(y, 1 - y))
    frame = ramp(rim / 0.06, colors("3a0f10 c4321f f3e3b0 10204a f3c13a"))
    return np.where((rim < 0.06)[..., None], frame, color), np.where(
        rim < 0.06, rim, np.where(inside, depth, -out)
    )


def settle(rng, sites, cos, sin, rounds: int) -> np.ndarray:
    """Move tile centers `[k, 2]` to the middle of their square cells (Hausner 2001)."""
    n = len(cos)
    rows, columns = np.mgrid[0:n, 0:n]
    pixels = np.stack([columns, rows], -1).reshape(-1, 2).astype(float)
    for _ in range(rounds):
        near = cKDTree(sites).query(pixels, k=6)[1]
        away = sites[near] - pixels[:, None]
        c, s = cos.reshape(-1, 1), sin.reshape(-1, 1)
        square = np.maximum(
            np.abs(away[..., 0] * c + away[..., 1] * s),
            np.abs(away[..., 1] * c - away[..., 0] * s),
        )
        owner = near[np.arange(len(near)), square.argmin(1)]
        count = np.maximum(np.bincount(owner, minlength=len(sites)), 1)
        sums = [np.bincount(owner, pixels[:, k], len(sites)) for k in (0, 1)]
        sites = np.where(count[:, None] > 1, np.stack(sums, -1) / count[:, None], sites)
    return sites


def tessera(rng, site, angle, size) -> list:
    """Corners of one roughly square stone, in the pixels of a doubled sheet."""
    half = 0.43 * size * rng.uniform(0.92, 1.06, 2)
    turn = angle + rng.normal(0, 0.06) + np.pi / 4 * np.array([1, 3, 5, 7])
    corners = site + 1.414 * half * np.stack([np.cos(turn), np.sin(turn)], -1)
    return [tuple(2 * corner) for corner in corners + rng.normal(0, 0.6, (4, 2))]


def mosaic(rng: Generator, n: int) -> np.ndarray:
    """Two fish in a pond, of stone and gold tesserae laid along the contours."""
    x, y = plane(n)
    color, field = pond(rng, x, y)
    slope_y, slope_x = np.gradient(ndimage.gaussian_filter(field, n / 200))
    angle = np.arctan2(slope_y, slope_x)
    step, size = max(n // 256, 1), n / 54
    small = angle[::step, ::step]
    sites = scatter(rng, n, size)
    sites = sites[((sites >= 0) & (sites < n)).all(1)] / step
    sites = settle(rng, sites, np.cos(small), np.sin(small), 14) * step
    sheet = Image.new("RGB", (2 * n, 2 * n), (52, 46, 44))
    level = Image.new("L", (2 * n, 2 * n), 128)
    draw, raise_ = ImageDraw.Draw(sheet), ImageDraw.Draw(level)
    tints = wavering(rng, look_up(color, sites), 0.16, 0.03)
    for site, tint, a in zip(sites, tints, look_up(angle, sites), strict=True):
        corners = tessera(rng, site, a, size)
        draw.polygon(corners, fill=byte_color(tint))
        raise_.polygon(corners, fill=int(rng.uniform(170, 255)))
    set_eyes(draw, raise_, 2 * n)
    return polished(rng, sheet, level, n)


def set_eyes(draw, raise_, scale: int) -> None:
    """One round stone for the eye of each fish."""
    for angle in (0.95, 0.95 + np.pi):
        cx, cy = 0.5 + 0.283 * np.cos(angle), 0.5 + 0.283 * np.sin(angle)
        for part, ink in ((0.023, "100c10"), (0.019, "fff6dc"), (0.010, "100c10")):
            box = np.array([cx - part, cy - part, cx + part, cy + part]) * scale
            draw.ellipse(list(box), fill=byte_color(colors(ink)[0]))
            raise_.ellipse(list(box), fill=150 + int(2000 * part))


def polished(rng, sheet, level, n: int) -> np.ndarray:
    """Stones with grain, and edges that catch a light from the upper left."""
    tiles = np.asarray(sheet.reduce(2), float) / 255
    height = ndimage.gaussian_filter(np.asarray(level.reduce(2), float) / 255, n / 700)
    slope_y, slope_x = np.gradient(height)
    relief = np.tanh(-4.5 * (slope_x + slope_y))
    stone = 1 + 0.07 * noise(rng, n, 120) + 0.05 * noise(rng, n, 40)
    return np.clip(tiles * (stone * (1 - 0.45 * relief))[..., None], 0, 1)


# ---------------------------------------------------------------- palette knife


def autumn(rng, x, y) -> np.ndarray:
    """Foliage over a lake that mirrors it, with teal light between the trees."""
    n = len(x)
    mirror = np.where(y > 0.62, 1.24 - y + 0.03 * noise(rng, n, 5, 26), y)
    leaves = "2a0f2e 7a1022 c8261c ee5a1a f9942a ffd04a fff0a8"
    crowns = 0.55 + 0.24 * noise(rng, n, 5, 5, 2) - 0.5 * (mirror - 0.35)
    row = np.clip(mirror * n, 0, n - 1).astype(int)
    crowns = np.take_along_axis(crowns, row, axis=0)
    scene = ramp(crowns, colors(leaves))
    gaps = noise(rng, n, 7, 5, 2) - 2.6 * (mirror - 0.15)
    gaps = np.take_along_axis(gaps, row, axis=0)
    light = ramp(mirror * 1.6, colors("1f6f9f 3fa8c0 9fdcd8 f4f2d0 2f8f9f"))
    scene = blend(scene, light, np.clip(2.5 * (gaps - 0.35), 0, 1))
    shade = colors("123a6a")[0]
    scene = np.where((y > 0.62)[..., None], 0.78 * scene + 0.16 * shade, scene)
    bank = np.abs(y - 0.615 - 0.012 * noise(rng, n, 6)) < 0.022
    return np.where(bank[..., None], colors("1c1030")[0], scene)


def birches(rng, paint: Paint) -> None:
    """White trunks, laid with the flat of the knife, and their broken reflections."""
    n = len(paint.color)
    bark = colors("fffdf0 e8e4f0 b8c4e0 f6e2c0 6a6a9a 241c3c")
    for cx in (0.07, 0.16, 0.29, 0.41, 0.58, 0.66, 0.83, 0.93):
        wide, lean = rng.uniform(0.016, 0.034), rng.normal(0, 0.03)
        foot = rng.uniform(0.61, 0.68)
        for y in np.arange(-0.02, 0.98, 0.0042):
            depth = y - foot
            if depth > 0 and (rng.random() < 0.5 or depth > 0.24):
                continue
            side = rng.choice([-0.34, 0.0, 0.34])
            ink = bark[rng.choice(6, p=[0.32, 0.22, 0.12, 0.14, 0.10, 0.10])]
            ink = ink * (1 - 0.3 * (side > 0.1)) if depth < 0 else 0.7 * ink
            shake = rng.normal(0, 0.012) * (depth > 0)
            spot = np.array([cx + lean * abs(depth) + side * wide + shake, y]) * n
            length, turn = wide * n * rng.uniform(0.7, 1.1), rng.normal(0, 0.15)
            paint.stroke(rng, spot, turn, length, 0.017 * n, 0.0, ink, 1.3)


def palette_knife(rng: Generator, n: int) -> np.ndarray:
    """Autumn birches at a lake, in slabs of paint laid with a knife."""
    x, y = plane(n)
    scene, unit = autumn(rng, x, y), n / 1024
    angle = np.where(y < 0.6, 0.9 * noise(rng, n, 4) - 0.7, 0.06 * noise(rng, n, 6))
    paint = Paint(scene)
    paint.cover(rng, scene, angle, 74 * unit, 34 * unit, 22 * unit, 0.45, 1.7)
    birches(rng, paint)
    points = scatter(rng, n, 26 * unit)
    tints = wavering(rng, look_up(scene, points) * 1.12, 0.2, 0.06)
    for point, tint in zip(points[::2], tints[::2], strict=True):
        turn = rng.normal(-0.7, 0.6) if point[1] < 0.6 * n else rng.normal(0, 0.06)
        paint.stroke(
            rng,
            point,
            turn,
            rng.uniform(26, 52) * unit,
            rng.uniform(12, 24) * unit,
            0.0,
            tint,
            2.2,
        )
    return paint.lit(2.2)


# ---------------------------------------------------------------- gold spirals


def spiral(rng, draw, disc, inks, scale: int) -> None:
    """A disc with a gold arm that winds to its middle, and beads on its rim."""
    cx, cy, r = np.array(disc) * scale
    draw.ellipse([cx - r, cy - r, cx + r, cy + r], fill=byte_color(inks[0]))
    turns = max(1.5, r / scale * 46)
    t = np.linspace(0, 1, int(60 * turns))
    way = rng.choice([-1, 1]) * 2 * np.pi * turns * t + rng.uniform(0, 6.3)
    arm = np.stack([cx + 0.9 * r * t * np.cos(way), cy + 0.9 * r * t * np.sin(way)], -1)
    pitch = 0.9 * r / turns
    for share, ink in ((0.80, inks[1]), (0.50, inks[2])):
        draw.line(
            [tuple(p) for p in arm],
            fill=byte_color(ink),
            width=max(2, int(share * pitch)),
            joint="curve",
        )
    for angle in np.arange(0, 2 * np.pi, 2.2 * pitch / r):
        bx, by = cx + 0.945 * r * np.cos(angle), cy + 0.945 * r * np.sin(angle)
        b = 0.26 * pitch
        draw.ellipse([bx - b, by - b, bx + b, by + b], fill=byte_color(inks[3]))
    draw.ellipse(
        [cx - r, cy - r, cx + r, cy + r],
        outline=byte_color(inks[1]),
        width=max(2, scale // 500),
    )


def eye(rng, draw, disc, inks, scale: int) -> None:
    """A small disc of nested rings."""
    cx, cy, r = np.array(disc) * scale
    for part, ink in zip((1.0, 0.78, 0.55, 0.3), inks, strict=True):
        box = [cx - part * r, cy - part * r, cx + part * r, cy + part * r]
        draw.ellipse(box, fill=byte_color(ink))


def gold_ground(rng, draw, scale: int) -> None:
    """Bronze with small upright tesserae of gold, silver and red."""
    inks = wavering(
        rng, colors("b8862a d9a93a 8a5a1c e9c766 5a3514 a8322a d8d2c0"), 0.1, 0.02
    )
    step = scale / 88
    for row in range(89):
        for column in range(89):
            left, top = (column + 0.5 * (row % 2) - 0.5) * step, row * step
            wide, high = step * rng.uniform(0.45, 0.9), step * rng.uniform(0.6, 0.95)
            draw.rectangle(
                [left, top, left + wide, top + high],
                fill=byte_color(
                    inks[rng.choice(7, p=[0.26, 0.24, 0.16, 0.16, 0.1, 0.04, 0.04])]
                ),
            )


def gold_spirals(rng: Generator, n: int) -> np.ndarray:
    """Spirals of gold leaf, beads and eyes, packed without a gap."""
    scale = 2 * n
    sheet = Image.new("RGB", (scale, scale), byte_color(colors("3a2210")[0]))
    draw = ImageDraw.Draw(sheet)
    gold_ground(rng, draw, scale)
    grounds = colors("f0c75a d89a2a 2a1a12 f4dc94 7a1f1c 123f4a e2b040 1d2a5a")
    for disc in packed_discs(rng, 0.135, 0.006):
        if disc[2] > 0.022:
            ground = grounds[rng.integers(8)]
            dark = ground.sum() < 1.2
            arms = colors("8a5a14 f6d56a fff2c4" if dark else "2c1608 7a4412 fff0b8")
            spiral(rng, draw, disc, [ground, *arms], scale)
        else:
            rings = colors("2a1608 f6dc8a a8261f 141020 e8f0e8 1f5a6a d8921f")
            eye(rng, draw, disc, [rings[0], *rings[rng.integers(1, 7, 3)]], scale)
    leaf = np.asarray(sheet.reduce(2), float) / 255
    x, y = plane(n)
    bent = x + 0.6 * y + 0.02 * noise(rng, n, 9)
    sheets = 0.05 * noise(rng, n, 7) + 0.05 * np.sin(40 * bent)
    foil = noise(rng, n, 70) * 0.07 + noise(rng, n, 190) * 0.05
    slope = sum(np.gradient(ndimage.gaussian_filter(leaf.mean(-1), 1.5)))
    glint = np.clip(foil + sheets - 0.10, 0, 1)[..., None] * colors("fff3b0")[0] * 1.2
    return leaf * (1 + sheets + foil + 2.2 * slope)[..., None] + glint * leaf


# ---------------------------------------------------------------- linocut leaves


def leaf_outline(length: float, wide: float, bend: float, teeth: int):
    """Both edges and the middle rib of a leaf along x, each `[k, 2]`."""
    t = np.linspace(0, 1, 80)
    rib = np.stack([length * t, bend * length * t**2], -1)
    half = wide * np.sin(np.pi * t**0.75) * (1 + 0.10 * ((t * teeth) % 1))
    up = np.stack([np.zeros_like(t), half], -1)
    return rib + up, rib - up, rib


def carve_leaf(rng, draw, spot, angle, size, inks, scale) -> None:
    """Print one leaf: dark block, gouged veins and hatching, a bright rib."""
    wide = size * rng.uniform(0.20, 0.30)
    bend, teeth = rng.normal(0, 0.25), int(rng.integers(9, 16))
    upper, lower, rib = leaf_outline(size, wide, bend, teeth)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])

    def placed(line):
        return [tuple(p) for p in (line @ turn + spot) * scale]

    block = placed(np.vstack([upper, lower[::-1]]))
    thin = max(2, scale // 640)
    draw.polygon(block, fill=byte_color(inks[0]))
    for side, edge in ((0, upper), (1, lower)):
        for step in range(4, 76, 3):
            end = min(step + 5, 79)
            reach = (0.62 + 0.30 * (step % 2)) * rng.uniform(0.85, 1.05)
            vein = np.stack([rib[step], rib[end] + reach * (edge[end] - rib[end])])
            ink = inks[1] if side else inks[2]
            draw.line(placed(vein), fill=byte_color(ink), width=thin + step % 2 * thin)
    rim = block + block[:1]
    draw.line(placed(rib), byte_color(inks[2]), width=int(2.4 * thin), joint="curve")
    draw.line(rim, byte_color(inks[3]), width=2 * thin, joint="curve")


def gouge_marks(rng, draw, n: int, ink) -> None:
    """What the gouge left standing between the leaves: short lines along a flow."""
    flow, reach = noise(rng, n, 3), 0.016 * n
    for point in scatter(rng, n, n / 56):
        angle = 1.1 * look_up(flow, point[None])[0] + rng.normal(0, 0.12)
        ahead = reach * np.array([np.cos(angle), np.sin(angle)])
        ends = [tuple(2 * point - ahead), tuple(2 * point + ahead)]
        draw.line(ends, fill=ink, width=max(2, n // 280))


def berries(rng, draw, spot, scale: int, inks) -> None:
    """Five red berries, each with a cut of light."""
    for x, y in spot + rng.normal(0, 0.022, (5, 2)):
        box = list(np.array([x - 0.011, y - 0.011, x + 0.011, y + 0.011]) * scale)
        draw.ellipse(box, fill=inks[0], outline=inks[1], width=scale // 400)
        draw.arc(box, 190, 260, fill=inks[2], width=scale // 300)


def linocut_leaves(rng: Generator, n: int) -> np.ndarray:
    """Leaves and berries cut in lino, printed in seven inks over gouge marks."""
    scale = 2 * n
    inks = _, black, cream = colors("d8341f 0c1413 f3ead0")
    sheet = Image.new("RGB", (scale, scale), byte_color(colors("14211f")[0]))
    draw = ImageDraw.Draw(sheet)
    gouge_marks(rng, draw, n, byte_color(0.9 * cream))
    blocks = colors("1f5a44 2f7a4a c8452a 173a4a d99a2a 8fa83a")
    share = [0.26, 0.20, 0.18, 0.16, 0.10, 0.10]
    for place, spot in enumerate(scatter(rng, 1000, 118.0) / 1000):
        size, block = rng.uniform(0.17, 0.33), blocks[rng.choice(6, p=share)]
        angle = rng.uniform(0, 2 * np.pi)
        carve_leaf(rng, draw, spot, angle, size, [block, cream, cream, black], scale)
        if place % 3 == 0:
            berries(rng, draw, spot, scale, [byte_color(ink) for ink in inks])
    ink = np.asarray(sheet.reduce(2), float) / 255
    salt = np.clip(noise(rng, n, n / 5) + 0.5 * noise(rng, n, 30) - 1.5, 0, 0.6)
    return blend(ink, cream, salt * 0.6) * (1 + 0.03 * noise(rng, n, n / 4))[..., None]


# ---------------------------------------------------------------- the program

STYLES = {
    "swirling_night": swirling_night,
    "pointillism": pointillism,
    "stained_glass": stained_glass,
    "color_circles": color_circles,
    "woodcut_waves": woodcut_waves,
    "ink_hatching": ink_hatching,
    "watercolor": watercolor,
    "primary_grid": primary_grid,
    "mosaic": mosaic,
    "palette_knife": palette_knife,
    "gold_spirals": gold_spirals,
    "linocut_leaves": linocut_leaves,
}


def paint(name: str, size: int = 512, seed: int = 0) -> np.ndarray:
    """Paint one style as `[size, size, 3]` uint8; the same seed, the same picture."""
    rng = np.random.default_rng([seed, zlib.crc32(name.encode())])
    large = np.clip(STYLES[name](rng, 2 * size), 0, 1)
    halves = large.reshape(size, 2, size, 2, 3).mean(axis=(1, 3))
    return np.round(255 * halves).astype(np.uint8)


def main() -> None:
    """Paint the named styles, or all of them, and save each as a JPEG file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--only",
        nargs="+",
        choices=STYLES,
        metavar="NAME",
        default=list(STYLES),
        help="of: " + ", ".join(STYLES),
    )
    parser.add_argument("--size", type=int, default=512, help="side in pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    wanted = parser.parse_args()
    if wanted.size < 64:
        parser.error(f"--size {wanted.size}: a picture needs a side of 64 or more")
    wanted.output.mkdir(parents=True, exist_ok=True)
    for name in wanted.only:
        start = time.perf_counter()
        picture = Image.fromarray(paint(name, wanted.size, wanted.seed))
        target = wanted.output / f"{name}.jpg"
        picture.save(target, quality=QUALITY, subsampling=0)
        print(f"{target}  {time.perf_counter() - start:.1f} s")


if __name__ == "__main__":
    main()
