"""VGG as boxes, one a layer, from its shapes alone. Notebook 0.1 draws it."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure


def draw(shapes: Mapping[str, Sequence[int]], width: float = 12) -> Figure:
    """Draw VGG as boxes, one a layer, from the picture on the left to its last.

    Heights grow with the square root of a feature map's side (or of a dense layer's
    units), thicknesses with that of its channels; to scale, half would be invisible.

    Args:
        shapes: layers by the paper's names, each ``[h, w, c]`` or ``[units]``.
        width: of the figure, in inches.
    """
    figure, axis = plt.subplots(figsize=(width, 0.42 * width), layout="constrained")
    blocks: dict[str, list[str]] = {}
    for layer in shapes:
        block = layer[4] if len(shapes[layer]) == 3 else layer
        blocks.setdefault(block, []).append(layer)
    largest = max(max(shape[:-1], default=1) for shape in shapes.values())
    x = 0.0
    for block, layers in blocks.items():
        left, shape = x, shapes[layers[0]]
        for layer in layers:
            x += _layer_box(axis, x, layer, shapes[layer], largest) + 0.07
        top = _box_height(shape, largest)
        if len(shape) == 3:
            above = f"{shape[0]} × {shape[1]}"
            count = sum(layer.startswith("conv") for layer in layers)
            below = f"block {block}\n{count} convolutions\n{shape[2]} channels"
            x += 0.28 * _box_height(shapes[layers[-1]], largest) + 0.55
            top *= 1.28
        else:
            above, below = block, f"{shape[0]}\nunits"
            x += 0.55
        middle = (left + x - 0.55) / 2
        axis.text(middle, top + 0.12, above, ha="center", va="bottom", fontsize=11)
        axis.text(middle, -0.12, below, ha="center", va="top", fontsize=10)
    for name, color in _LAYER_COLORS.items():
        axis.fill([], [], color=color, label=name)
    axis.legend(loc="upper center", ncols=3, frameon=False, fontsize=11)
    axis.set(aspect="equal", xlim=(-0.3, x - 0.2), ylim=(-1.0, 4.4))
    axis.set_axis_off()
    plt.close(figure)
    return figure


_LAYER_COLORS = {"convolution": "#5b9bd5", "pooling": "#e69138", "dense": "#2f9e77"}


def _box_height(shape: Sequence[int], largest: int) -> float:
    ratio = shape[0] / largest if len(shape) == 3 else shape[0] / 4096
    return 3 * np.sqrt(ratio)


def _layer_box(axis, x: float, layer: str, shape: Sequence[int], largest: int) -> float:
    """Draw one layer with its lower left corner at ``x``; give its thickness."""
    height, thick, depth, kind = _box_height(shape, largest), 0.16, 0.1, "dense"
    if len(shape) == 3:
        kind = "pooling" if layer.startswith("pool") else "convolution"
        depth = 0.28 * height  # of the side faces
        thick = 0.06 if kind == "pooling" else 0.34 * np.sqrt(shape[2] / 512)
    faces = {
        1.0: [(0, 0), (thick, 0), (thick, height), (0, height)],
        1.25: [(0, height), (thick, height), (thick + depth, height + depth),
               (depth, height + depth)],
        0.8: [(thick, 0), (thick + depth, depth), (thick + depth, height + depth),
              (thick, height)],
    }  # fmt: skip
    for light, corners in faces.items():
        rgb = np.clip(np.array(to_rgb(_LAYER_COLORS[kind])) * light, 0, 1)
        axis.fill(*(np.array(corners) + (x, 0)).T, fc=rgb, ec="white", lw=0.7)
    return thick
