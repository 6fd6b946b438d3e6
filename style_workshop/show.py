"""Figures for notebooks: pictures, feature maps, Gram matrices, curves, animations.

Each function draws one figure and returns it; in a notebook end the line with ``;``.
"""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from style_workshop.images import to_uint8

if TYPE_CHECKING:  # comes with JupyterLab; the command line does without
    from IPython.display import HTML


def gallery(
    pictures: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    *,
    columns: int | None = None,
    width: float = 12,
) -> Figure:
    """Show pictures in a grid, all as high as each other.

    Args:
        pictures: each ``[h, w, 3]`` in 0-255, of any size.
        titles: one a picture, or none.
        columns: pictures in a row; None puts up to four into one.
        width: of the figure, in inches.
    """
    pictures = [to_uint8(np.asarray(picture)) for picture in pictures]
    columns = columns or min(len(pictures), 4)
    # Small pictures are shown enlarged: smoothly, or one would see their pixels.
    return _grid(pictures, titles, columns, width, interpolation="bicubic")


def animation(path: str | Path, width: int = 480) -> "HTML":
    """Show a GIF or WebP that lies in a file, so that it stays in the notebook.

    As HTML: nbconvert draws no output of the kind ``image/gif``.

    Args:
        path: of the file.
        width: on the page, in pixels.
    """
    from IPython.display import HTML

    kind = Path(path).suffix.lower().removeprefix(".")
    content = base64.b64encode(Path(path).read_bytes()).decode()
    return HTML(
        f'<img src="data:image/{kind};base64,{content}" width="{width}" '
        f'alt="{Path(path).stem}">'
    )


def feature_maps(
    features: np.ndarray,
    channels: Sequence[int] | None = None,
    *,
    columns: int = 8,
    width: float = 12,
) -> Figure:
    """Show channels of a feature map, each stretched from its least to its greatest.

    Args:
        features: ``[h, w, c]`` or ``[1, h, w, c]``.
        channels: which; None takes the 16 that vary most, the most lively first.
        columns: channels in a row.
        width: of the figure, in inches.
    """
    features = np.asarray(features, np.float32)
    features = features.reshape(features.shape[-3:])
    if channels is None:
        channels = [int(c) for c in np.argsort(-features.std(axis=(0, 1)))[:16]]
    maps = [features[..., channel] for channel in channels]
    titles = [f"channel {channel}" for channel in channels]
    return _grid(maps, titles, min(columns, len(maps)), width, cmap="magma")


def gram_matrices(
    grams: Mapping[str, np.ndarray], channels: int = 32, *, width: float = 12
) -> Figure:
    """Show the upper left corner of Gram matrices: red above 0, blue below, one scale.

    Args:
        grams: name to ``[c, c]`` or ``[1, c, c]``; or what two of them differ by. The
            color goes with the square root, or the diagonal would drown all else.
        channels: size of the corner; all of it shown is too fine to see.
        width: of the figure, in inches.
    """
    corners = []
    for gram in grams.values():
        gram = np.asarray(gram, np.float32)
        gram = gram.reshape(gram.shape[-2:])[:channels, :channels]
        corners.append(np.sign(gram) * np.sqrt(np.abs(gram)))
    most = max(np.abs(corner).max() for corner in corners)
    scale = {"cmap": "RdBu_r", "vmin": -most, "vmax": most}
    return _grid(corners, list(grams), len(corners), width, **scale)


def signed(
    maps: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    *,
    columns: int | None = None,
    width: float = 12,
) -> Figure:
    """Show signed pictures, such as gradients: gray is 0, each stretched by itself.

    Args:
        maps: each ``[h, w, 3]``. The strongest half percent of its numbers is clipped.
        titles: one a picture, or none.
        columns: pictures in a row; None puts up to four into one.
        width: of the figure, in inches.
    """
    return gallery(
        [about_gray(array) for array in maps], titles, columns=columns, width=width
    )


def about_gray(array: np.ndarray) -> np.ndarray:
    """Make a picture in 0-255 of a signed ``[h, w, 3]``: gray is 0, as in `signed`."""
    sizes = np.abs(np.asarray(array, np.float32))
    # Of what is not 0: outside of a receptive field everything is.
    largest = np.percentile(sizes[sizes > 0], 99.5) if sizes.any() else 1.0
    return 127.5 + 127.5 * np.clip(array / largest, -1, 1)


def filters(kernel: np.ndarray, *, columns: int = 16, width: float = 12) -> Figure:
    """Show filters as small pictures, each stretched about gray, the color of 0.

    Args:
        kernel: ``[h, w, 3, n]``, RGB; `explore.first_filters` has those of conv1_1.
        columns: filters in a row.
        width: of the figure, in inches.
    """
    tiles = [about_gray(one) for one in np.moveaxis(kernel, -1, 0)]
    tiles = [to_uint8(tile) for tile in tiles]
    return _grid(tiles, (), columns, width, interpolation="nearest")


def heat_map(
    picture: np.ndarray,
    values: np.ndarray,
    *,
    patch: int = 1,
    stride: int = 1,
    title: str = "",
    width: float = 6,
) -> Figure:
    """Lay numbers over a picture: red above 0, blue below, clear at 0.

    Args:
        picture: ``[h, w, 3]``, 0-255.
        values: ``[rows, columns]``, from `explore.occlusion` for example.
        patch: side in pixels of the square that a number stands for; as there.
        stride: pixels from one number to the next; as there.
        title: above it.
        width: of the figure, in inches.
    """
    figure = _grid([to_uint8(picture)], [title] if title else (), 1, width)
    (axis,) = figure.axes
    rows, columns = np.shape(values)
    before = (patch - stride) / 2 - 0.5  # a number is drawn in the middle of its patch
    extent = (before, before + columns * stride, before + rows * stride, before)
    largest = np.abs(values).max() or 1.0
    axis.imshow(
        values, cmap="bwr", vmin=-largest, vmax=largest, extent=extent,
        alpha=0.85 * np.abs(values) / largest,
    )  # fmt: skip
    height, wide = picture.shape[:2]
    axis.set(xlim=(-0.5, wide - 0.5), ylim=(height - 0.5, -0.5))
    return figure


def boxes(
    picture: np.ndarray,
    corners: Mapping[str, tuple[int, int, int, int]],
    *,
    width: float = 6,
) -> Figure:
    """Draw squares into a picture, receptive fields for example.

    Args:
        picture: ``[h, w, 3]``, 0-255.
        corners: name (of the layer) to ``(top, left, bottom, right)`` in pixels, as
            `features.ReceptiveField.box` gives them.
        width: of the figure, in inches.
    """
    figure = _grid([to_uint8(picture)], (), 1, width)
    (axis,) = figure.axes
    for number, (name, (top, left, bottom, right)) in enumerate(corners.items()):
        place, size = (left - 0.5, top - 0.5), (right - left, bottom - top)
        color = f"C{number % 10}"
        axis.add_patch(plt.Rectangle(place, *size, fill=False, ec=color, lw=2))
        axis.text(
            left, top - 2, name, color="white", fontsize=9, va="bottom", clip_on=True,
            bbox={"fc": color, "ec": "none", "pad": 1},
        )  # fmt: skip
    return figure


def by_layer(
    values: Mapping[str, Mapping[str, float]], label: str, *, width: float = 6
) -> Figure:
    """Draw how a number changes with depth, one line a name.

    Args:
        values: name to layer to number, `reconstruct.feature_errors` for example.
        label: what the numbers are, with their unit.
        width: of the figure, in inches.
    """
    figure, axis = plt.subplots(figsize=(width, 3.2), layout="tight")
    for name, numbers in values.items():
        axis.plot(list(numbers), list(numbers.values()), "o-", label=name)
    axis.set_ylabel(label)
    axis.set_ylim(bottom=0)
    axis.grid(alpha=0.3)
    if len(values) > 1:
        axis.legend()
    plt.close(figure)
    return figure


def loss_curves(
    histories: Mapping[str, Mapping[str, Sequence[float]]], width: float = 12
) -> Figure:
    """Show how every term of the loss fell, one panel a run, on a logarithmic axis.

    Args:
        histories: name of the run to `optimize.Result.history`.
        width: of the figure, in inches.
    """
    columns = len(histories)
    figure, axes = plt.subplots(
        1, columns, figsize=(width, 3.2), sharey=True, squeeze=False, layout="tight"
    )
    for axis, (title, history) in zip(axes[0], histories.items(), strict=True):
        for name, values in history.items():
            # The first value of a term may be 0, which has no logarithm.
            axis.semilogy(np.where(np.greater(values, 0), values, np.nan), label=name)
        axis.set_title(title)
        axis.set_xlabel("step")
        axis.grid(alpha=0.3)
    axes[0, 0].set_ylabel("loss")
    axes[0, -1].legend()
    plt.close(figure)
    return figure


def _grid(pictures, titles, columns, width, **options) -> Figure:
    """Draw ``[h, w]`` or ``[h, w, 3]`` arrays in rows, each of them equally high."""
    rows = -(-len(pictures) // columns)
    shapes = [picture.shape[1] / picture.shape[0] for picture in pictures]
    widths = [max(shapes[column::columns], default=1) for column in range(columns)]
    line, gap = 0.3 if len(titles) else 0.06, 0.08  # inches for a title, and between
    high = (width - gap * (columns - 1)) / sum(widths)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, rows * (high + line)), squeeze=False,
        width_ratios=widths,
    )  # fmt: skip
    figure.subplots_adjust(
        left=0, right=1, bottom=0, top=1 - line / figure.get_figheight(),
        hspace=line / high, wspace=gap / (high * np.mean(widths)),
    )  # fmt: skip
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, picture in zip(axes.flat, pictures, strict=False):
        axis.imshow(picture, **options)
    for axis, title in zip(axes.flat, titles, strict=False):
        axis.set_title(title, fontsize=10)
    plt.close(figure)  # the cell that returns it shows it, once
    return figure
