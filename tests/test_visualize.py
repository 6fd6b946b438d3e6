"""Channels drawn by optimization: the picture from Fourier, the moves, the loop."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import PHOTOGRAPHS, WorkshopError, images, vgg, visualize
from style_workshop.features import features_of
from style_workshop.visualize import STILL, Transformation

RANDOM = np.random.default_rng(14)


# --- the picture from Fourier coefficients ------------------------------------------


def test_the_color_basis_is_a_root_of_the_photographs_covariance():
    basis = visualize.color_basis()
    pixels = [images.read(path, 128).reshape(-1, 3) for path in PHOTOGRAPHS]
    covariance = np.cov(np.concatenate(pixels).T)
    found = np.float64(basis @ basis.T)
    np.testing.assert_allclose(found / found.max(), covariance / covariance.max(), 1e-4)
    assert np.linalg.norm(basis, axis=1).max() == pytest.approx(1)
    light = np.abs(basis[:, np.argmax(np.linalg.norm(basis, axis=0))])
    assert light.min() > 0.5 * light.max()  # most of it is light and dark


@pytest.mark.parametrize(("height", "width"), [(16, 16), (15, 22), (22, 15), (9, 9)])
def test_one_coefficient_is_one_wave_divided_by_its_frequency(height, width):
    def maps(down, across, part=0):
        """The waves before the colors mix, from the sigmoid's argument."""
        coefficients = np.zeros((2, 3, height, width // 2 + 1), np.float32)
        coefficients[part, 0, down, across] = 1e-2
        picture = visualize.fourier_picture(tf.constant(coefficients), width)
        assert picture.shape == (height, width, 3)
        inverse = np.log(picture / (255 - picture))  # [h, w, 3]
        mixed = inverse @ np.linalg.inv(np.float64(visualize.color_basis()).T)
        np.testing.assert_allclose(mixed[..., 1:], 0, atol=2e-4)
        return mixed[..., 0]

    y, x = np.mgrid[:height, :width]
    for down, across in ((2, 3), (3, 1)):
        frequency = np.hypot(down / height, across / width)
        scale = 1e-2 * np.sqrt(height * width) / frequency / (height * width)
        wave = np.cos(2 * np.pi * (down * y / height + across * x / width))
        np.testing.assert_allclose(maps(down, across), 2 * scale * wave, atol=2e-4)


def test_no_coefficients_are_a_gray_picture_and_the_start_is_nearly_one():
    shape = visualize.fourier_start(12, 17).shape
    assert shape == (2, 3, 12, 9)
    gray = visualize.fourier_picture(tf.zeros(shape), 17)
    np.testing.assert_allclose(gray, 127.5)
    start = visualize.fourier_picture(tf.constant(visualize.fourier_start(12, 17)), 17)
    assert 0.1 < np.std(start) < 10
    first, again, other = (
        visualize.fourier_start(8, 8, seed=seed) for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


# --- random transformations ---------------------------------------------------------


def test_sampling_at_the_pixels_gives_the_pixels_and_between_them_the_mean():
    image = RANDOM.uniform(0, 255, (5, 6, 3)).astype(np.float32)
    y, x = np.mgrid[:5, :6].astype(np.float32)
    np.testing.assert_array_equal(visualize.sample(image, y, x), image)
    between = visualize.sample(image, y[:4, :5] + 0.5, x[:4, :5] + 0.5)
    mean = (image[1:, 1:] + image[:-1, 1:] + image[1:, :-1] + image[:-1, :-1]) / 4
    np.testing.assert_allclose(between, mean, rtol=1e-5)
    outside = visualize.sample(image, y - 9, x + 9)
    np.testing.assert_array_equal(outside, np.broadcast_to(image[0, -1], image.shape))


def test_a_transformation_that_moves_nothing_changes_nothing():
    image = RANDOM.uniform(0, 255, (8, 9, 3)).astype(np.float32)
    random = tf.random.Generator.from_seed(1)
    found = visualize.transform(tf.constant(image), STILL, random)
    np.testing.assert_allclose(found, image, atol=1e-2)


@pytest.mark.parametrize(
    ("transformation", "farthest"),
    [
        (Transformation(jitter=3, scale=0, rotation=0), 3 * np.sqrt(2)),
        (Transformation(jitter=0, scale=0.2, rotation=0), 10 * (1 / 0.8 - 1)),
        (Transformation(jitter=0, scale=0, rotation=30), 10 * np.pi / 6),
    ],
    ids=["jitter", "scale", "rotation"],
)
def test_a_transformation_moves_as_far_as_it_says(transformation, farthest):
    """Seen in a picture whose numbers are the places; 10 pixels from the center."""
    y, x = np.mgrid[:61, :61].astype(np.float32)
    image, random = tf.constant(np.stack([y, x], -1)), tf.random.Generator.from_seed(4)
    moved = [
        np.hypot(
            *(visualize.transform(image, transformation, random)[30, 40] - (30, 40))
        )
        for _ in range(60)
    ]
    assert max(moved) <= farthest + 1e-3
    assert max(moved) > 0.75 * farthest and min(moved) < 0.3 * farthest


def test_a_transformation_has_a_gradient():
    image = tf.constant(RANDOM.uniform(0, 255, (9, 9, 3)).astype(np.float32))
    weight = RANDOM.normal(0, 1, image.shape).astype(np.float32)

    def total(picture):
        random = tf.random.Generator.from_seed(2)  # the same move each time
        return tf.reduce_sum(
            weight * visualize.transform(picture, Transformation(), random)
        )

    with tf.GradientTape() as tape:
        tape.watch(image)
        value = total(image)
    step = RANDOM.normal(0, 1, image.shape).astype(np.float32)
    slope = float(tf.reduce_sum(tape.gradient(value, image) * step))
    assert float(total(image + step) - value) == pytest.approx(
        slope, rel=1e-3, abs=0.05
    )


# --- channels -----------------------------------------------------------------------


def test_the_channel_loss_is_minus_the_mean_of_the_channel(network):
    image = tf.constant(RANDOM.uniform(0, 255, (16, 16, 3)).astype(np.float32))
    loss = visualize.channel_loss(features_of(network), "conv2_1", 5)
    total, terms = loss(image)
    maps = network(vgg.preprocess(image[None]), "conv2_1")["conv2_1"]
    assert float(total) == pytest.approx(-np.mean(maps[..., 5]), rel=1e-4)
    assert terms == {"channel": total}


@pytest.mark.parametrize("fourier", [True, False])
@pytest.mark.slow
def test_the_channel_is_excited_more_and_the_seed_decides_the_picture(network, fourier):
    results = [
        visualize.visualize(
            network,
            "conv1_2",
            3,
            size=16,
            steps=30,
            fourier=fourier,
            seed=seed,
            progress=None,
        )
        for seed in (1, 1, 2)
    ]
    for result in results:
        assert result.image.shape == (16, 16, 3) and result.image.dtype == np.float32
        assert result.image.min() >= 0 and result.image.max() <= 255
        assert result.history["channel"][-1] < result.history["channel"][0]
        assert result.steps == 30
    pictures = [result.image for result in results]
    np.testing.assert_allclose(pictures[0], pictures[1], atol=0.1)
    assert np.abs(pictures[0] - pictures[2]).max() > 1


def test_each_step_moves_the_picture_elsewhere(network):
    """A loss that draws at random is compiled once, and yet draws each time."""
    loss = visualize.channel_loss(
        features_of(network), "conv1_2", 3, transformation=Transformation(), seed=1
    )
    image = tf.constant(RANDOM.uniform(0, 255, (16, 16, 3)).astype(np.float32))
    compiled = tf.function(lambda x: loss(x)[0])
    assert len({float(compiled(image)) for _ in range(5)}) == 5


@pytest.mark.slow
def test_with_the_real_network_fourier_and_moves_give_less_noise(pretrained):
    """Noise: the mean difference of neighbors, over the deviation of the picture."""
    draw = partial(visualize.visualize, pretrained, "conv3_1", 8, size=48, steps=20)
    clean = draw(progress=None).image
    noisy = draw(fourier=False, transformation=STILL, progress=None).image
    clean, noisy = (
        np.abs(np.diff(picture, axis=1)).mean() / picture.std()
        for picture in (clean, noisy)
    )
    assert clean < 0.8 * noisy


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"channel": 128}, "no channel 128: use 0 to 127"),
        ({"channel": -1}, "no channel -1"),
        ({"layer": "conv9_1"}, "no layer 'conv9_1'"),
        ({"layer": "fc8"}, "no layer 'fc8'"),
        ({"layer": "conv5_1", "size": 8}, "8x8 pixels is too small"),
        ({"size": 16.5}, "size is 16.5: use a whole number"),
        ({"steps": 0}, "steps is 0"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(network, arguments, message):
    with pytest.raises(WorkshopError, match=message):
        visualize.visualize(network, **{"layer": "conv2_1", "channel": 0, **arguments})


def test_a_transformation_that_makes_no_sense_is_refused():
    for change in ({"jitter": -1}, {"scale": 1.0}, {"rotation": float("nan")}):
        with pytest.raises(WorkshopError, match=f"{next(iter(change))} is"):
            Transformation(**change)
