"""Keep the colors of the photograph (Gatys et al., arXiv:1606.05897) [10].

Both ways of the paper, for every method of the workshop. Either the style image gets
the colors of the content image before the transfer (`match_colors`), or only the
luminance is painted and the content image's chroma is put back (`luminance_pair`,
`restore_chroma`). `prepare` and `restore` choose by name.
"""

import numpy as np

from style_workshop import WorkshopError, checks

#: What `prepare` and `restore` take.
MODES = ("none", "luminance", "linear")
#: What `match_colors` takes.
METHODS = ("pca", "cholesky", "transport")
#: Luminance of red, green and blue (ITU-R BT.601, the Y of YIQ).
LUMINANCE = np.array([0.299, 0.587, 0.114])
#: Variance, in squared gray levels, below which a color direction counts as flat.
FLAT = 1e-3


def luminance(image: np.ndarray) -> np.ndarray:
    """Give the luminance ``[h, w]`` of a picture ``[h, w, 3]``, both in 0-255."""
    return np.asarray(image, np.float64) @ LUMINANCE


def gray(image: np.ndarray) -> np.ndarray:
    """Repeat a luminance ``[h, w]`` in three channels ``[h, w, 3]``, float32, 0-255."""
    return np.repeat(np.clip(image, 0, 255)[..., None], 3, axis=-1).astype(np.float32)


# --- linear -------------------------------------------------------------------------


def color_statistics(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the mean ``[3]`` and the covariance ``[3, 3]`` of a picture's colors.

    The covariance is divided by the number of pixels.
    """
    colors = np.asarray(image, np.float64).reshape(-1, 3)
    mean = colors.mean(axis=0)
    return mean, (colors - mean).T @ (colors - mean) / len(colors)


def color_transform(
    source: np.ndarray, target: np.ndarray, method: str = "pca"
) -> tuple[np.ndarray, np.ndarray]:
    """Find ``A`` and ``b`` with which ``A x + b`` has the target's mean and covariance.

    Section 3.1 of [10]. Many ``A`` have ``A S A' = T``; the methods pick one:

    - ``"pca"``: ``T^1/2 S^-1/2``, which the paper prefers;
    - ``"cholesky"``: from the Cholesky factors, ``L_T L_S^-1``;
    - ``"transport"``: ``S^-1/2 (S^1/2 T S^1/2)^1/2 S^-1/2``, which moves the colors as
      little as possible (Monge's map between two normal distributions).

    A source without color in some direction (a gray or a flat picture) cannot be given
    any: there ``A`` is zero, and the result has the target's covariance as far as the
    source's own directions reach.

    Args:
        source: ``[h, w, 3]``, 0-255, whose colors change.
        target: ``[h', w', 3]``, 0-255, whose colors they become.
        method: one of `METHODS`.

    Returns:
        ``A`` ``[3, 3]`` and ``b`` ``[3]``, float64.

    Raises:
        WorkshopError: there is no such method.
    """
    checks.choice("method", method, METHODS)
    source_mean, source_covariance = color_statistics(source)
    target_mean, target_covariance = color_statistics(target)
    if method == "cholesky":
        matrix = _cholesky(target_covariance) @ np.linalg.pinv(
            _cholesky(source_covariance)
        )
    elif method == "pca":
        matrix = _power(target_covariance, 0.5) @ _power(source_covariance, -0.5)
    else:
        root, inverse = (_power(source_covariance, p) for p in (0.5, -0.5))
        matrix = inverse @ _power(root @ target_covariance @ root, 0.5) @ inverse
    return matrix, target_mean - matrix @ source_mean


def match_colors(
    source: np.ndarray, target: np.ndarray, method: str = "pca"
) -> np.ndarray:
    """Give ``source`` ``[h, w, 3]`` the mean and covariance of the target's colors.

    See `color_transform`. What leaves 0-255 is clipped, as in the paper's pictures;
    where much is clipped the covariance is met less exactly. Returns float32.
    """
    matrix, offset = color_transform(source, target, method)
    matched = np.asarray(source, np.float64) @ matrix.T + offset
    return np.clip(matched, 0, 255).astype(np.float32)


def _power(covariance: np.ndarray, exponent: float) -> np.ndarray:
    """Raise a covariance to a power; directions without variance give zero."""
    values, vectors = np.linalg.eigh(covariance)
    powers = np.zeros(3)
    powers[values > FLAT] = values[values > FLAT] ** exponent
    return vectors * powers @ vectors.T


def _cholesky(covariance: np.ndarray) -> np.ndarray:
    """Give the lower triangular ``L`` with ``L L' = covariance``, singular or not."""
    upper = np.linalg.qr(_power(covariance, 0.5), mode="r")
    return np.transpose(upper * np.where(np.diag(upper) < 0, -1, 1)[:, None])


# --- luminance only -----------------------------------------------------------------


def luminance_pair(
    content: np.ndarray, style: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turn both pictures to gray, the style image in the content's range.

    Section 3.2 of [10]: ``L_S' = sigma_C / sigma_S (L_S - mu_S) + mu_C``. A flat style
    image becomes the content's mean.

    Args:
        content: ``[h, w, 3]``, 0-255.
        style: ``[h', w', 3]``, 0-255.

    Returns:
        Content and style as gray pictures, ``[h, w, 3]`` and ``[h', w', 3]``, float32.
    """
    content, style = luminance(content), luminance(style)
    spread = style.std()
    ratio = content.std() / spread if spread**2 > FLAT else 0.0
    return gray(content), gray(ratio * (style - style.mean()) + content.mean())


def restore_chroma(stylized: np.ndarray, content: np.ndarray) -> np.ndarray:
    """Put the luminance of ``stylized`` under the colors of ``content``.

    In YIQ, I and Q of the content stay; then red, green and blue change by the same
    amount, so no other color space is needed. What leaves 0-255 is clipped.

    Args:
        stylized: ``[h, w, 3]``, 0-255; only its luminance counts.
        content: ``[h, w, 3]``, 0-255, of the same size.

    Raises:
        WorkshopError: the sizes differ.
    """
    if np.shape(stylized) != np.shape(content):
        raise WorkshopError(
            f"The stylized image is {np.shape(stylized)} and the content image "
            f"{np.shape(content)}: resize one to the other."
        )
    change = luminance(stylized) - luminance(content)
    restored = np.asarray(content, np.float64) + change[..., None]
    return np.clip(restored, 0, 255).astype(np.float32)


# --- by name ------------------------------------------------------------------------


def prepare(
    content: np.ndarray, style: np.ndarray, mode: str
) -> tuple[np.ndarray, np.ndarray]:
    """Prepare content and style image for a transfer that keeps the content's colors.

    Args:
        content: ``[h, w, 3]``, 0-255.
        style: ``[h', w', 3]``, 0-255.
        mode: ``"none"`` changes nothing, ``"luminance"`` gives `luminance_pair`,
            ``"linear"`` gives the style image the content's colors (`match_colors`).

    Raises:
        WorkshopError: there is no such mode.
    """
    checks.choice("color", mode, MODES)
    if mode == "luminance":
        return luminance_pair(content, style)
    if mode == "linear":
        return content, match_colors(style, content)
    return content, style


def restore(stylized: np.ndarray, content: np.ndarray, mode: str) -> np.ndarray:
    """Finish what `prepare` began, with the content image as it was before it."""
    return restore_chroma(stylized, content) if mode == "luminance" else stylized
