"""Give one feature map the statistics of another: more of them than AdaIN gives [11].

`adain.adaptive_instance_norm` gives each channel a mean and a deviation. Here are the
relatives: all covariances (whitening and coloring, Li et al., "Universal style transfer
via feature transforms", NIPS 2017), and each channel's whole distribution (by sorting,
which is exact histogram matching). The same decoder paints what they make. Notebook
4.2 compares them.
"""

import numpy as np

#: Directions in which a feature map varies less than so much of its most are left out.
FLAT = 1e-5


def whiten_and_color(
    features: np.ndarray, style: np.ndarray, *, floor: float = FLAT
) -> np.ndarray:
    """Give features the style's mean and its covariance of all pairs of channels.

    ``y = C_s^1/2 C_x^-1/2 (x - mu(x)) + mu(s)`` (equations 2 and 3 of Li et al.):
    whitened, no two channels vary together; colored, they do as in the style.

    Args:
        features: ``[1, h, w, c]``.
        style: ``[1, h', w', c]``.
        floor: directions that vary less than so much of the most are left out.

    Returns:
        ``[1, h, w, c]`` float32. A direction in which ``features`` do not vary gets
        nothing of the style's covariance.
    """
    x, mean, covariance = _centered(features)
    _, style_mean, style_covariance = _centered(style)
    # From the right, because the rows are positions.
    both = _power(covariance, -0.5, floor) @ _power(style_covariance, 0.5, floor)
    return (x @ both + style_mean).reshape(np.shape(features)).astype(np.float32)


def match_sorted(features: np.ndarray, style: np.ndarray) -> np.ndarray:
    """Give each channel the style's whole distribution of values.

    The smallest value of a channel becomes the style's smallest, the median its median,
    and so on: the order of the positions stays, the values are the style's.

    Args:
        features: ``[1, h, w, c]``.
        style: ``[1, h', w', c]``.

    Returns:
        ``[1, h, w, c]`` float32.
    """
    x, s = (np.reshape(maps, (-1, np.shape(maps)[-1])) for maps in (features, style))
    ranks = np.argsort(np.argsort(x, axis=0, kind="stable"), axis=0)
    # As many values of the style as there are positions, evenly over its sorted ones.
    places = (np.arange(len(x)) + 0.5) / len(x) * len(s) - 0.5
    values = np.stack(
        [
            np.interp(places, np.arange(len(s)), column)
            for column in np.sort(s, axis=0).T
        ]
    ).T
    matched = np.take_along_axis(values, ranks, axis=0)
    return matched.reshape(np.shape(features)).astype(np.float32)


def _centered(features) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions by channels without their mean, the mean, and the covariance."""
    x = np.asarray(features, np.float64).reshape(-1, np.shape(features)[-1])
    mean = x.mean(axis=0)
    return x - mean, mean, (x - mean).T @ (x - mean) / len(x)


def _power(covariance: np.ndarray, power: float, floor: float) -> np.ndarray:
    """Raise a covariance to a power, on the directions in which there is variance."""
    sizes, directions = np.linalg.eigh(covariance)
    kept = sizes > floor * sizes[-1]
    directions = directions[:, kept]
    return (directions * sizes[kept] ** power) @ directions.T
