"""Figures for notebooks: pictures, feature maps, Gram matrices, loss curves.

Each function draws one figure and returns it; in a notebook end the line with ``;``.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from style_workshop.images import to_uint8


def gallery(
    pictures: Sequence[np.ndarray],
    titles: Sequence[str] = (),
    columns: int | None = None,
    width: float = 12,
) -> Figure:
    """Show pictures in a grid.

    Args:
        pictures: each ``[h, w, 3]`` in 0-255, of any size.
        titles: one a picture, or none.
        columns: pictures in a row; None puts up to four into one.
        width: of the figure, in inches.
    """
    pictures = [to_uint8(np.asarray(picture)) for picture in pictures]
    return _grid(pictures, titles, columns or min(len(pictures), 4), width)


def feature_maps(
    features: np.ndarray,
    channels: Sequence[int] | None = None,
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
        channels = np.argsort(-features.std(axis=(0, 1)))[:16]
    maps = [features[..., channel] for channel in channels]
    titles = [f"channel {channel}" for channel in channels]
    return _grid(maps, titles, min(columns, len(maps)), width, cmap="magma")


def gram_matrices(
    grams: Mapping[str, np.ndarray], channels: int = 32, width: float = 12
) -> Figure:
    """Show the upper left corner of Gram matrices, on a logarithmic gray scale.

    Args:
        grams: name (of a layer or a picture) to ``[c, c]`` or ``[1, c, c]``.
        channels: size of the corner; all of it shown is too fine to see.
        width: of the figure, in inches.
    """
    corners = []
    for gram in grams.values():
        gram = np.asarray(gram, np.float32)
        gram = gram.reshape(gram.shape[-2:])[:channels, :channels]
        corners.append(np.log1p(np.maximum(gram, 0)))
    return _grid(corners, list(grams), len(corners), width, cmap="gray")


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
    """Draw ``[h, w]`` or ``[h, w, 3]`` arrays in rows, as high as the highest needs."""
    rows = -(-len(pictures) // columns)
    tall = max(picture.shape[0] / picture.shape[1] for picture in pictures)
    line = 0.3 if len(titles) else 0.05  # inches for a line of title
    height = rows * (width / columns * tall + line)
    figure, axes = plt.subplots(
        rows, columns, figsize=(width, height), squeeze=False, layout="constrained"
    )
    for axis in axes.flat:
        axis.set_axis_off()
    for axis, picture in zip(axes.flat, pictures, strict=False):
        axis.imshow(picture, **options)
    for axis, title in zip(axes.flat, titles, strict=False):
        axis.set_title(title, fontsize=10)
    plt.close(figure)  # the cell that returns it shows it, once
    return figure
