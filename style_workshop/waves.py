"""The cosine waves of a picture: what is large in it, and what is small."""

from collections.abc import Sequence

import numpy as np
import scipy.fft


def wave_scales(shape: Sequence[int], falloff: float) -> np.ndarray:
    """Give each cosine wave of a picture its frequency to the power of ``-falloff``.

    Args:
        shape: of the picture, ``h, w`` and more.
        falloff: 0.5 makes the scale of a wave of 64 pixels four times that of one of 4.

    Returns:
        ``[h, w]`` float32 with a mean square of 1; the mean of the picture counts as a
        wave of four times its longest side.
    """
    rows, columns = (np.arange(side) / (2 * side) for side in shape[:2])
    frequency = np.hypot(rows[:, None], columns)  # in waves a pixel
    frequency[0, 0] = 1 / (4 * max(shape[:2]))
    scales = frequency**-falloff
    return (scales / np.sqrt(np.mean(scales**2))).astype(np.float32)


def scale_waves(image: np.ndarray, scales: np.ndarray) -> np.ndarray:
    """Multiply each cosine wave of ``[h, w, c]`` by its scale in ``[h, w]``.

    Cosines (DCT-II) and not the waves of a Fourier transform, which would take the
    left border for a neighbor of the right one.
    """
    waves = scipy.fft.dctn(image, axes=(0, 1), norm="ortho", workers=-1)
    waves *= scales[..., None]
    return scipy.fft.idctn(
        waves, axes=(0, 1), norm="ortho", workers=-1, overwrite_x=True
    )
