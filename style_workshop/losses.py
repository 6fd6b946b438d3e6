"""The losses of style transfer: pure functions of tensors.

Written as in Gatys, Ecker and Bethge (CVPR 2016, equations 1 to 7), but as means
over positions, so that one set of weights gives the same look at 256 and at 1024
pixels. Each is computed in float32, whatever the network computed in.
"""

from collections.abc import Sequence

import tensorflow as tf

#: Side in pixels of the blocks whose means `spike_loss` looks at.
BLOCK = 32


def content_loss(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Half the mean squared difference of two feature maps (equation 1).

    The paper has half the *sum*, which grows with the size of the picture and with
    the number of channels; this is the paper's loss divided by ``h * w * c``.

    Args:
        features: ``[b, h, w, c]`` of the picture that changes.
        target: ``[b, h, w, c]`` of the content image.

    Returns:
        A scalar, float32. Notebook 1.1 derives it.
    """
    difference = tf.cast(features, tf.float32) - tf.cast(target, tf.float32)
    return tf.reduce_mean(tf.square(difference)) / 2


def gram_matrix(features: tf.Tensor, mask: tf.Tensor | None = None) -> tf.Tensor:
    """Mean over positions of the products of all pairs of channels (equation 3).

    ``G[i, j] = sum_k F[k, i] F[k, j] / M`` with the ``M = h * w`` positions k. The
    paper's Gram matrix lacks the ``1 / M`` and has it in its loss (equation 4).

    Args:
        features: ``[b, h, w, c]``.
        mask: ``[h, w]``, 0 or more, how much each position counts; the mean is over
            these weights. That is the guided Gram matrix of Gatys et al., "Controlling
            perceptual factors" (CVPR 2017, section 4), with ``mask = T^2`` of its
            guidance channel T.

    Returns:
        ``[b, c, c]`` float32. Notebook 1.2 derives it.
    """
    features = tf.cast(features, tf.float32)
    batch, height, width, channels = tf.unstack(tf.shape(features))
    channels = features.shape[-1] or channels
    flat = tf.reshape(features, [batch, height * width, channels])  # [b, M, c]
    if mask is None:
        positions = tf.cast(height * width, tf.float32)
        return tf.matmul(flat, flat, transpose_a=True) / positions
    weights = tf.reshape(mask, [1, height * width, 1])
    total = tf.maximum(tf.reduce_sum(weights), 1e-12)
    return tf.matmul(weights * flat, flat, transpose_a=True) / total


def gram_matrices_of_tiles(features: tf.Tensor, tiles: int = 4) -> tf.Tensor:
    """Gram matrices of ``tiles`` times ``tiles`` equal parts of a feature map.

    A Gram matrix is a mean over the picture, so that a smooth sky may be paid for by
    too much texture elsewhere; those of its tiles tell. With ``G`` their mean, the mean
    of ``|G_t - A|^2`` is ``|G - A|^2`` and the variance of ``G_t``: what is asked for
    beyond the style is that it lies everywhere alike.

    Args:
        features: ``[b, h, w, c]``. Rows and columns that no equal part has room for
            are left out, at the bottom and on the right.
        tiles: along each side; fewer where a side is shorter.

    Returns:
        ``[b, tiles * tiles, c, c]`` float32.
    """
    batch, height, width, _ = tf.unstack(tf.shape(features))
    n = tf.minimum(tiles, tf.minimum(height, width))
    h, w, channels = height // n, width // n, features.shape[-1]
    x = tf.reshape(features[:, : n * h, : n * w], [batch, n, h, n, w, channels])
    x = tf.reshape(tf.einsum("bihjwc->bijhwc", x), [-1, h, w, channels])
    return tf.reshape(gram_matrix(x), [batch, n * n, channels, channels])


def style_loss(gram: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """A quarter of the mean squared difference of two Gram matrices (equation 4).

    Equal to the paper's ``E_l = 1 / (4 N^2 M^2) * sum (G - A)^2`` for a style image
    of the same size; since `gram_matrix` is a mean over positions, the two pictures
    may here differ in size.

    Args:
        gram: ``[b, c, c]`` from `gram_matrix` of the picture that changes.
        target: ``[b, c, c]`` from `gram_matrix` of the style image.

    Returns:
        A scalar, float32.
    """
    return tf.reduce_mean(tf.square(gram - target)) / 4


def total_variation(images: tf.Tensor) -> tf.Tensor:
    """Mean squared difference of neighbors, across plus down (Mahendran and Vedaldi).

    Args:
        images: ``[b, h, w, 3]``, 0-255, each side at least 2.

    Returns:
        A scalar, float32; 0 for a flat picture.
    """
    images = tf.cast(images, tf.float32)
    across = images[:, :, 1:] - images[:, :, :-1]
    down = images[:, 1:] - images[:, :-1]
    return tf.reduce_mean(tf.square(across)) + tf.reduce_mean(tf.square(down))


def temporal_loss(
    image: tf.Tensor, carried: tf.Tensor, weights: tf.Tensor
) -> tf.Tensor:
    """Weighted mean squared difference from an older picture, carried along the flow.

    Equation 7 of Ruder, Dosovitskiy and Brox (GCPR 2016) [5]: as there, the mean is
    over all pixels, those without a weight too.

    Args:
        image: ``[h, w, 3]``, the picture that changes.
        carried: ``[h, w, 3]``, the older one as the flow has brought it (`video`).
        weights: ``[h, w]`` in 0-1, how far it is to be trusted.

    Returns:
        A scalar, float32.
    """
    return tf.reduce_mean(weights[..., None] * tf.square(image - carried))


# --- what keeps a feed-forward network from painting blobs ---------------------------


def range_loss(z: tf.Tensor) -> tf.Tensor:
    """Mean of ``relu(|z| - 1.25)^2``: keep away from where a tanh is flat.

    Where ``|tanh z|`` is nearly 1 it has no slope, and what is white there stays white
    for ever. Beyond 1.25 (0.85 of the range) this gives the slope that is missing.

    Args:
        z: what goes into the tanh, of any shape.

    Returns:
        A scalar, float32.
    """
    return tf.reduce_mean(tf.nn.relu(tf.abs(tf.cast(z, tf.float32)) - 1.25) ** 2)


def spike_loss(normalized: tf.Tensor, pixels: int) -> tf.Tensor:
    """Single values beyond 5 deviations, and blocks whose mean lies beyond 2.

    An instance norm divides by a deviation of the whole picture: one spike rules it,
    and with it every other place. Networks learn to build such spikes at smooth, bright
    places, where they show as droplets (Karras et al., "Analyzing and improving the
    image quality of StyleGAN", CVPR 2020, section 2).

    Args:
        normalized: ``[b, h, w, c]`` with mean 0 and deviation 1, before a scale and a
            shift.
        pixels: of the picture along one side of a value; a block has 32.

    Returns:
        A scalar, float32: mean of ``relu(|y| - 5)^2`` plus mean of ``relu(|m| - 2)^2``,
        ``m`` the means of blocks.
    """
    y = tf.cast(normalized, tf.float32)
    sides = [side or BLOCK for side in y.shape[1:3]]
    size = [max(1, min(BLOCK // pixels, side)) for side in sides]
    means = tf.nn.avg_pool2d(y, size, size, "VALID")
    single = tf.reduce_mean(tf.nn.relu(tf.abs(y) - 5) ** 2)
    return single + tf.reduce_mean(tf.nn.relu(tf.abs(means) - 2) ** 2)


def alpha_norm(images: tf.Tensor, alpha: float = 6) -> tf.Tensor:
    """Mean power of the distance from middle gray (Mahendran and Vedaldi, eq. 4).

    A soft wall about the range of a picture: nearly 0 for most pixels, 1 for black
    and white, and steep beyond them. The paper (CVPR 2015, section 3) takes the sum,
    of pixels that are not divided by half the range.

    Args:
        images: ``[b, h, w, 3]``, 0-255.
        alpha: the power; 6 in the paper.

    Returns:
        A scalar, float32.
    """
    distance = tf.abs(tf.cast(images, tf.float32) - 127.5) / 127.5
    return tf.reduce_mean(distance**alpha)


def mean_and_deviation(features: tf.Tensor) -> tf.Tensor:
    """Mean and standard deviation of each channel over all positions.

    What AdaIN (Huang and Belongie, 2017) [11] carries over from one picture to the
    other: far less than a Gram matrix, ``2 c`` numbers in place of ``c^2``.

    Args:
        features: ``[b, h, w, c]``.

    Returns:
        ``[b, 2, c]`` float32. Notebook 1.2 sets it beside the Gram matrix.
    """
    mean, variance = tf.nn.moments(tf.cast(features, tf.float32), axes=[1, 2])
    # The root of 0 has no slope; a channel may be silent everywhere.
    return tf.stack([mean, tf.sqrt(variance + 1e-5)], axis=1)


def statistics_loss(statistics: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """Mean squared difference of the means and deviations of two feature maps.

    The style loss of [11] (equation 13), there with norms in place of the mean.

    Args:
        statistics: ``[b, 2, c]`` from `mean_and_deviation`.
        target: ``[b, 2, c]``.

    Returns:
        A scalar, float32.
    """
    return tf.reduce_mean(tf.square(statistics - target))


def missed_share(
    found: tf.Tensor, wanted: tf.Tensor, axes: Sequence[int] | None = None
) -> tf.Tensor:
    """``|found - wanted|^2 / |wanted|^2``: 0 for the same, 1 for nothing at all.

    One weight then serves every layer, size and style.

    Args:
        found: of any shape.
        wanted: of a shape that fits.
        axes: that the squares are summed over; None is all but the first.

    Returns:
        Float32, without these axes.
    """
    axes = list(range(1, len(wanted.shape))) if axes is None else axes
    missed = tf.reduce_sum((found - wanted) ** 2, axes)
    return missed / tf.reduce_sum(wanted**2, axes)


def drawing_distance(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    """1 minus the cosine of two feature maps, each channel's mean taken away first.

    What a style changes for a whole channel, its mean and the gain of all, costs
    nothing here: only where in the picture something is counts.

    Args:
        features: ``[b, h, w, c]``.
        target: ``[b, h, w, c]``.

    Returns:
        The mean over the batch, a scalar, float32: 0 for the same drawing, 1 for one
        that has nothing to do with it.
    """
    a, b = (x - tf.reduce_mean(x, [1, 2], keepdims=True) for x in (features, target))
    ab, aa, bb = (tf.reduce_sum(x, [1, 2, 3]) for x in (a * b, a * a, b * b))
    return 1 - tf.reduce_mean(ab / tf.sqrt(aa * bb + 1e-12))
