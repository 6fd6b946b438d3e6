"""The layers of feed-forward networks against NumPy, and with numbers one knows."""

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import WorkshopError, layers, scopes

RANDOM = np.random.default_rng(0)


def made(build, saved=None, seed=0):
    """Build in a scope of its own; give the result and the variables by short name."""
    template = scopes.make_template("net", build, values=saved, seed=seed)
    named = {n: v.numpy() for n, v in scopes.by_name(template.variables).items()}
    return template().numpy(), named


def picture(b=2, h=6, w=7, c=3) -> np.ndarray:
    return RANDOM.normal(5, 20, (b, h, w, c)).astype(np.float32)


# --- norms --------------------------------------------------------------------------


def test_instance_norm_is_its_formula():
    x = picture()
    scale, shift = np.float32([1, 2, -3]), np.float32([4, 5, 6])
    saved = {"n/scale": scale, "n/shift": shift}
    got, _ = made(lambda: layers.instance_norm("n", tf.constant(x)), saved)
    wide = x.astype(np.float64)
    mean = wide.mean(axis=(1, 2), keepdims=True)
    variance = ((wide - mean) ** 2).mean(axis=(1, 2), keepdims=True)
    wanted = scale * (wide - mean) / np.sqrt(variance + 1e-5) + shift
    np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


def test_batch_norm_shares_its_mean_over_the_batch():
    x = picture()
    got, _ = made(lambda: layers.batch_norm("n", tf.constant(x)))
    wanted = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-5)
    np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_instance_norm_takes_the_contrast_of_one_picture_away_and_batch_norm_not():
    x = picture(1)
    pale = np.concatenate([x, 0.1 * x + 3])
    instance, _ = made(lambda: layers.instance_norm("n", tf.constant(pale)))
    batch, _ = made(lambda: layers.batch_norm("n", tf.constant(pale)))
    np.testing.assert_allclose(instance[0], instance[1], atol=1e-3)
    assert batch[1].std() < 0.2 * batch[0].std()


def test_a_flat_picture_is_normalized_to_nothing_and_not_to_nan():
    x = tf.fill([1, 4, 4, 2], 7.0)
    got, _ = made(lambda: layers.instance_norm("n", x))
    np.testing.assert_allclose(got, 0, atol=1e-3)


@pytest.mark.parametrize("norm", [layers.instance_norm, layers.batch_norm])
def test_what_is_added_to_a_variance_is_a_hundred_thousandth(norm):
    """On values of a variance like that: they come out at 1 / sqrt(2) of 1."""
    x = np.full([1, 4, 4, 1], 1e-5**0.5, np.float32)
    x[:, ::2] *= -1
    got, _ = made(lambda: norm("n", tf.constant(x)))
    np.testing.assert_allclose(np.abs(got), 0.5**0.5, rtol=1e-4)


def test_conditional_instance_norm_is_instance_norm_with_a_row_for_each_style():
    x = picture(3)
    saved = {
        "n/scale": RANDOM.normal(size=(4, 3)).astype(np.float32),
        "n/shift": RANDOM.normal(size=(4, 3)).astype(np.float32),
    }
    styles = tf.one_hot([2, 0, 3], 4)
    got, _ = made(
        lambda: layers.conditional_instance_norm("n", tf.constant(x), styles),
        saved,
    )
    for row, style in enumerate([2, 0, 3]):
        one = {name: array[style] for name, array in saved.items()}
        alone, _ = made(
            lambda row=row: layers.instance_norm("n", tf.constant(x[row, None])),
            one,
        )
        np.testing.assert_allclose(got[row], alone[0], rtol=1e-5, atol=1e-5)


def test_a_mixture_of_styles_mixes_scales_and_shifts():
    x = tf.constant(picture(1))
    saved = {
        "n/scale": np.float32([[1, 1, 1], [3, 5, 7]]),
        "n/shift": np.float32([[0, 2, 4], [8, 8, 8]]),
    }
    mixed, _ = made(
        lambda: layers.conditional_instance_norm("n", x, tf.constant([[0.75, 0.25]])),
        saved,
    )
    one = {name: np.float32([0.75, 0.25]) @ array for name, array in saved.items()}
    alone, _ = made(lambda: layers.instance_norm("n", x), one)
    np.testing.assert_allclose(mixed, alone, rtol=1e-5, atol=1e-5)


# --- the edge -----------------------------------------------------------------------


def edge_error(padding: str) -> float:
    """How far from constant a convolution leaves a constant picture, at its edge."""
    x = tf.fill([1, 16, 16, 3], 100.0)
    got, _ = made(lambda: layers.convolution("c", x, 8, 9, padding=padding))
    return float(np.abs(got - got[:, 8:9, 8:9]).max())


def test_constant_in_constant_out_up_to_the_edge_with_reflection():
    assert edge_error("reflect") < 1e-3
    assert edge_error("zero") > 10


def test_padding_mirrors_without_repeating_the_edge():
    row = tf.reshape(tf.range(4.0), [1, 1, 4, 1])
    x = tf.repeat(row, 4, axis=1)
    padded = layers.pad(x, 2)[0, 0, :, 0]
    np.testing.assert_array_equal(padded, [2, 1, 0, 1, 2, 3, 2, 1])
    assert layers.pad(x, 2, "valid") is x
    assert float(layers.pad(x, 1, "zero")[0, 0, 0, 0]) == 0
    with pytest.raises(WorkshopError, match="'mirror': use reflect, zero, valid"):
        layers.pad(x, 2, "mirror")


# --- the way up ---------------------------------------------------------------------


def checkerboard(build) -> float:
    """Share of a constant picture's power that comes back at every second pixel."""
    x = tf.fill([1, 16, 16, 8], 1.0)
    got, _ = made(lambda: build("u", x, 8))
    power = np.abs(np.fft.fft2(got[0, 4:-4, 4:-4], axes=(0, 1))) ** 2
    half = power.shape[0] // 2
    return float((power[half].sum() + power[:, half].sum()) / power.sum())


def test_only_the_transposed_convolution_brings_a_checkerboard():
    resized, transposed = layers.resize_convolution, layers.transposed_convolution
    assert checkerboard(resized) < 1e-10
    assert checkerboard(transposed) > 0.1


def test_the_transposed_convolution_is_the_gradient_of_one_of_stride_2():
    x = tf.constant(picture(1, 4, 5, 3))
    got, named = made(lambda: layers.transposed_convolution("u", x, 2))
    probe = tf.Variable(tf.zeros([1, 8, 10, 2]))
    with tf.GradientTape() as tape:
        down = tf.nn.conv2d(probe, named["u/kernel"], 2, "SAME")
        product = tf.reduce_sum(down * x)
    np.testing.assert_allclose(got, tape.gradient(product, probe), atol=1e-4)


def test_resizing_repeats_each_pixel():
    x = tf.constant(picture(1, 4, 5, 3))
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    kernel[1, 1] = np.eye(3)
    got, _ = made(lambda: layers.resize_convolution("u", x, 3), {"u/kernel": kernel})
    np.testing.assert_allclose(got[0], np.kron(x[0], np.ones((2, 2, 1))), rtol=1e-6)


# --- blocks and variables -----------------------------------------------------------


@pytest.mark.parametrize(("padding", "size"), [("reflect", (8, 9)), ("valid", (4, 5))])
def test_a_residual_block_adds_to_what_it_was_given(padding, size):
    x = tf.constant(picture(1, 8, 9, 4))
    saved = {}
    for number in (1, 2):
        saved[f"b/conv_{number}/kernel"] = np.zeros((3, 3, 4, 4), np.float32)
        saved[f"b/norm_{number}/scale"] = np.ones(4, np.float32)
        saved[f"b/norm_{number}/shift"] = np.full(4, 2, np.float32)
    got, _ = made(
        lambda: layers.residual_block("b", x, layers.instance_norm, padding=padding),
        saved,
    )
    middle = x if padding == "reflect" else x[:, 2:-2, 2:-2]
    assert got.shape[1:3] == size
    np.testing.assert_allclose(got, middle + 2, rtol=1e-5)


def test_bfloat16_in_bfloat16_out_with_float32_variables():
    x = tf.cast(picture(), tf.bfloat16)

    def build():
        y = layers.convolution("c", x, 4, 3, bias=False)
        return layers.instance_norm("n", y)

    got, named = made(build)
    assert got.dtype == tf.bfloat16.as_numpy_dtype
    assert all(array.dtype == np.float32 for array in named.values())
    exact, _ = made(
        lambda: layers.instance_norm(
            "n", layers.convolution("c", tf.cast(x, tf.float32), 4, 3, bias=False)
        )
    )
    np.testing.assert_allclose(got.astype(np.float32), exact, atol=0.1)
