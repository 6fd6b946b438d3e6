"""The losses: against the paper's sums in NumPy, and against toys done by hand."""

import numpy as np
import pytest
import tensorflow as tf

from style_workshop.losses import (
    alpha_norm,
    content_loss,
    gram_matrices_of_tiles,
    gram_matrix,
    mean_and_deviation,
    range_loss,
    spike_loss,
    statistics_loss,
    style_loss,
    total_variation,
)

RANDOM = np.random.default_rng(1)


def maps(height: int = 5, width: int = 7, channels: int = 6, batch: int = 1):
    """Feature maps as a ReLU leaves them, with different means in the channels."""
    values = RANDOM.normal(np.arange(channels), 3, (batch, height, width, channels))
    return np.maximum(values, 0).astype(np.float32)


# --- the paper's formulas, written again with loops and float64 ---------------------


def paper_features(features: np.ndarray) -> np.ndarray:
    """``F`` of section 2: one row a filter, one column a position, ``[N, M]``."""
    channels = features.shape[-1]
    return np.float64(features.reshape(-1, channels)).T


def paper_content_loss(features, target) -> float:
    """Equation 1: half the sum of the squared differences."""
    f, p = paper_features(features), paper_features(target)
    return 0.5 * sum(
        (f[i, j] - p[i, j]) ** 2 for i in range(f.shape[0]) for j in range(f.shape[1])
    )


def paper_gram(features) -> np.ndarray:
    """Equation 3: the sum over positions of the product of two filters."""
    f = paper_features(features)
    n, m = f.shape
    gram = np.zeros((n, n))
    for i in range(n):
        for j in range(n):
            gram[i, j] = sum(f[i, k] * f[j, k] for k in range(m))
    return gram


def paper_style_loss(features, target) -> float:
    """Equation 4: the squared differences of Gram matrices over ``4 N^2 M^2``."""
    n, m = paper_features(features).shape
    difference = paper_gram(features) - paper_gram(target)
    return (difference**2).sum() / (4 * n**2 * m**2)


def test_content_loss_is_equation_1_divided_by_the_number_of_values():
    features, target = maps(), maps()
    expected = paper_content_loss(features, target) / features.size
    np.testing.assert_allclose(content_loss(features, target), expected, rtol=1e-5)


def test_gram_matrix_is_equation_3_divided_by_the_number_of_positions():
    features = maps(height=4, width=9)
    expected = paper_gram(features) / (4 * 9)
    np.testing.assert_allclose(gram_matrix(features)[0], expected, rtol=1e-5)


def test_style_loss_is_equation_4_for_pictures_of_one_size():
    features, target = maps(), maps()
    np.testing.assert_allclose(
        style_loss(gram_matrix(features), gram_matrix(target)),
        paper_style_loss(features, target),
        rtol=1e-5,
    )


def test_total_variation_is_the_mean_square_across_plus_the_mean_square_down():
    images = RANDOM.uniform(0, 255, (2, 4, 6, 3)).astype(np.float32)
    across = [
        (float(images[b, i, j + 1, c]) - float(images[b, i, j, c])) ** 2
        for b in range(2)
        for i in range(4)
        for j in range(5)
        for c in range(3)
    ]
    down = [
        (float(images[b, i + 1, j, c]) - float(images[b, i, j, c])) ** 2
        for b in range(2)
        for i in range(3)
        for j in range(6)
        for c in range(3)
    ]
    expected = np.mean(across) + np.mean(down)
    np.testing.assert_allclose(total_variation(images), expected, rtol=1e-5)


# --- toys ---------------------------------------------------------------------------


def test_content_loss_of_a_toy():
    # Differences 1, 2, 0 and 3: squares sum to 14, mean 3.5, half of that 1.75.
    features = np.float32([[[[1, 5], [2, 0]]]])
    target = np.float32([[[[0, 3], [2, 3]]]])
    assert content_loss(features, target).numpy() == 1.75


def test_gram_matrix_of_a_toy():
    # Two positions with the channels (1, 2) and (3, 4):
    # 1*1 + 3*3 = 10, 1*2 + 3*4 = 14, 2*2 + 4*4 = 20, each over 2 positions.
    features = np.float32([[[[1, 2], [3, 4]]]])
    np.testing.assert_array_equal(gram_matrix(features)[0], [[5, 7], [7, 10]])


def test_style_loss_of_a_toy():
    # Differences 2, 4, 4, 0: squares sum to 36, mean 9, a quarter of that 2.25.
    gram = np.float32([[[2, 4], [4, 1]]])
    target = np.float32([[[0, 0], [0, 1]]])
    assert style_loss(gram, target).numpy() == 2.25


def test_total_variation_of_a_flat_picture_is_0():
    assert total_variation(np.full((1, 5, 6, 3), 77, np.float32)).numpy() == 0


def test_total_variation_of_a_ramp_is_the_sum_of_its_squared_slopes():
    # 3 more at each step to the right, 2 less at each step down: 9 + 4.
    x, y = np.meshgrid(np.arange(7), np.arange(5))
    ramp = np.repeat((100 + 3 * x - 2 * y)[None, ..., None], 3, -1).astype(np.float32)
    np.testing.assert_allclose(total_variation(ramp), 13, rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3, 3, 4), (2, 1, 5, 1)])
def test_losses_of_a_picture_with_itself_are_0(shape):
    features = RANDOM.normal(0, 50, shape).astype(np.float32)
    assert content_loss(features, features).numpy() == 0
    assert style_loss(gram_matrix(features), gram_matrix(features)).numpy() == 0


# --- what must not change them ------------------------------------------------------


def test_tiling_two_by_two_leaves_every_loss_as_it_was():
    """One set of weights serves 256 and 512 pixels: what is seen four times is once."""
    features, target = maps(), maps()
    tiled, tiled_target = (np.tile(x, (1, 2, 2, 1)) for x in (features, target))
    np.testing.assert_allclose(
        content_loss(tiled, tiled_target), content_loss(features, target), rtol=1e-5
    )
    np.testing.assert_allclose(
        gram_matrix(tiled), gram_matrix(features), rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        style_loss(gram_matrix(tiled), gram_matrix(target)),
        style_loss(gram_matrix(features), gram_matrix(target)),
        rtol=1e-4,
    )


def test_gram_matrix_does_not_see_where_things_are_but_content_loss_does():
    features = maps()
    positions = features.reshape(-1, features.shape[-1])
    shuffled = RANDOM.permutation(positions).reshape(features.shape)
    np.testing.assert_allclose(gram_matrix(shuffled), gram_matrix(features), rtol=1e-5)
    assert content_loss(shuffled, features).numpy() > 1


def test_gram_matrix_keeps_the_pictures_of_a_batch_apart():
    features = maps(batch=3)
    grams = gram_matrix(features)
    assert grams.shape == (3, 6, 6)
    for i in range(3):
        np.testing.assert_allclose(
            grams[i], gram_matrix(features[i : i + 1])[0], rtol=1e-5
        )


def test_gram_matrix_of_pictures_whose_size_is_not_known_before_the_call():
    compiled = tf.function(
        gram_matrix, input_signature=[tf.TensorSpec([None, None, None, 6])]
    )
    features = maps(height=3, width=8)
    np.testing.assert_allclose(compiled(features), gram_matrix(features), rtol=1e-6)


# --- types and gradients ------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_losses_are_computed_in_float32_whatever_the_network_computed_in(dtype):
    # 300^2 is no number of float16, and 1e4 products do not add up in bfloat16.
    features = tf.cast(tf.fill([1, 100, 100, 2], 300.0), dtype)
    zeros = tf.zeros_like(features)
    gram = gram_matrix(features)
    values = {
        "gram": gram,
        "content": content_loss(features, zeros),
        "style": style_loss(gram, tf.zeros_like(gram)),
        "variation": total_variation(features[..., :1]),
    }
    assert {value.dtype for value in values.values()} == {tf.float32}
    number = float(features[0, 0, 0, 0])  # 300 to the nearest of the type
    np.testing.assert_allclose(values["gram"], np.full((1, 2, 2), number**2), rtol=1e-5)
    np.testing.assert_allclose(values["content"], number**2 / 2, rtol=1e-5)
    np.testing.assert_allclose(values["style"], number**4 / 4, rtol=1e-5)


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: content_loss(x, TARGET),
        lambda x: style_loss(gram_matrix(x), gram_matrix(TARGET)),
        total_variation,
    ],
    ids=["content", "style", "variation"],
)
def test_gradient_is_that_of_finite_differences(loss):
    point = tf.constant(RANDOM.normal(0, 2, (1, 4, 5, 3)).astype(np.float32))
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = loss(point)
    gradient = tape.gradient(value, point).numpy()
    # Along ten directions: the slope between two points on either side.
    for _ in range(10):
        direction = RANDOM.normal(0, 1, point.shape).astype(np.float32)
        step = 1e-2
        slope = (loss(point + step * direction) - loss(point - step * direction)) / (
            2 * step
        )
        np.testing.assert_allclose(
            slope,
            np.sum(gradient * direction),
            rtol=1e-3,
            atol=1e-3 * np.linalg.norm(gradient),
        )
    assert np.abs(gradient).max() > 0


TARGET = RANDOM.normal(0, 2, (1, 4, 5, 3)).astype(np.float32)


# --- the regularizer of Mahendran and Vedaldi, the statistics of AdaIN --------------


def test_alpha_norm_of_a_toy():
    # Middle gray, black, white, and twice as far: 0, 1, 1 and 2^6, of 4 numbers.
    images = np.float32([127.5, 0, 255, 382.5]).reshape(1, 2, 2, 1)
    assert alpha_norm(images).numpy() == (0 + 1 + 1 + 64) / 4
    assert alpha_norm(images, alpha=2).numpy() == (0 + 1 + 1 + 4) / 4


def test_mean_and_deviation_are_those_of_numpy():
    features = maps(batch=2)
    found = mean_and_deviation(features)
    assert found.shape == (2, 2, 6) and found.dtype == tf.float32
    np.testing.assert_allclose(found[:, 0], features.mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(found[:, 1], features.std((1, 2)), rtol=1e-3, atol=4e-3)


def test_statistics_loss_is_the_mean_square():
    first, second = (RANDOM.normal(0, 3, (1, 2, 5)).astype(np.float32) for _ in "ab")
    expected = np.mean((np.float64(first) - second) ** 2)
    np.testing.assert_allclose(statistics_loss(first, second), expected, rtol=1e-5)


def test_a_silent_channel_has_a_deviation_with_a_gradient():
    features = tf.zeros([1, 3, 3, 2])
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = statistics_loss(mean_and_deviation(features), tf.ones([1, 2, 2]))
    assert np.isfinite(tape.gradient(total, features)).all()


def test_the_new_losses_take_bfloat16_and_compute_in_float32():
    half = tf.constant(maps(), tf.bfloat16)
    assert mean_and_deviation(half).dtype == alpha_norm(half).dtype == tf.float32


# --- guided Gram matrices -----------------------------------------------------------


def test_a_masked_gram_matrix_is_the_weighted_mean_of_the_formula():
    features = RANDOM.normal(0, 3, (2, 5, 4, 6)).astype(np.float32)
    mask = RANDOM.uniform(0, 1, (5, 4)).astype(np.float32)
    flat = np.float64(features).reshape(2, 20, 6)
    expected = np.einsum("k,bki,bkj->bij", mask.ravel(), flat, flat) / mask.sum()
    found = gram_matrix(features, mask)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_an_empty_mask_gives_zeros_and_not_nan():
    features = RANDOM.normal(0, 3, (1, 3, 3, 2)).astype(np.float32)
    assert not np.any(gram_matrix(features, np.zeros((3, 3), np.float32)))


# --- what keeps a feed-forward network from painting blobs ---------------------------


@pytest.mark.parametrize(
    ("height", "width", "tiles"), [(8, 12, 4), (9, 7, 2), (3, 5, 4)]
)
def test_gram_matrices_of_tiles_are_those_of_the_parts(height, width, tiles):
    features = maps(height, width, batch=2)
    found = gram_matrices_of_tiles(features, tiles).numpy()
    n = min(tiles, height, width)
    h, w = height // n, width // n
    for b in range(2):
        parts = [
            features[b : b + 1, i * h : i * h + h, j * w : j * w + w]
            for i in range(n)
            for j in range(n)
        ]
        expected = np.concatenate([gram_matrix(part) for part in parts])
        np.testing.assert_allclose(found[b], expected, rtol=1e-5)


def test_what_tiles_miss_is_what_the_whole_misses_and_their_variance():
    """mean |G_t - A|^2 = |G - A|^2 + var G_t, for tiles that cover the picture."""
    features, wanted = maps(8, 12), gram_matrix(maps(5, 5)).numpy()
    grams = gram_matrices_of_tiles(features).numpy().astype(np.float64)
    tiled = np.mean(np.sum((grams - wanted[:, None]) ** 2, axis=(2, 3)))
    whole = np.sum((gram_matrix(features).numpy() - wanted) ** 2)
    variance = np.var(grams, axis=1).sum()
    assert variance > 0.1 * whole
    assert tiled == pytest.approx(whole + variance, rel=1e-5)


def test_range_loss_pulls_back_what_the_tanh_has_lost():
    z = tf.Variable([[-4.0, -1.25, 0.0, 1.0, 2.25]])
    with tf.GradientTape(persistent=True) as tape:
        loss = range_loss(z)
        painted = tf.tanh(z)
    assert float(loss) == pytest.approx((2.75**2 + 1) / 5)
    np.testing.assert_allclose(
        tape.gradient(loss, z)[0], [-2 * 2.75 / 5, 0, 0, 0, 2 / 5]
    )
    assert np.abs(tape.gradient(painted, z)[0, 0]) < 0.01


def test_spike_loss_sees_single_values_and_blocks():
    y = np.zeros((1, 16, 16, 2), np.float32)
    assert float(spike_loss(y, 4)) == 0
    y[0, 3, 4, 1] = -8
    assert float(spike_loss(y, 4)) == pytest.approx(3**2 / y.size)
    y[:] = 0
    y[0, 8:16, :8, 0] = 3  # one of the four blocks of 8x8 values, 32x32 pixels
    assert float(spike_loss(y, 4)) == pytest.approx(1 / 8)
    assert float(spike_loss(y, 2)) == 0  # now 32 pixels are the whole picture
