"""Reconstruction: what comes back of a picture, how well, and what Gram forgets."""

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import IMAGES, WorkshopError, images, reconstruct, vgg
from style_workshop.features import features_of
from style_workshop.losses import content_loss, gram_matrix, style_loss
from style_workshop.optimize import optimize

RANDOM = np.random.default_rng(13)


def smooth(height: int, width: int, waves: float) -> np.ndarray:
    """A soft colored picture, ``[h, w, 3]`` float32."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    channels = [np.sin(waves * x), np.cos(waves * y + x), np.sin(2 * waves * x * y)]
    return np.float32(128 + 100 * np.stack(channels, -1))


PICTURE = smooth(24, 32, 9)


# --- what is forgotten and what is not ----------------------------------------------


def last_bits(tensor: np.ndarray) -> float:
    """What float32 cannot tell from 0 beside numbers as large as these."""
    return 8 * np.finfo(np.float32).eps * float(np.abs(tensor).max())


@pytest.mark.parametrize("name", reconstruct.STATISTICS)
def test_statistics_forget_where_things_are(name):
    maps = np.maximum(RANDOM.normal(0, 3, (1, 13, 17, 20)), 0).astype(np.float32)
    shuffled = reconstruct.shuffle_positions(maps, seed=2)
    statistic, compare = reconstruct.STATISTICS[name]
    found, target = statistic(shuffled).numpy(), statistic(maps).numpy()
    np.testing.assert_allclose(found, target, atol=last_bits(target))
    assert compare(found, target) <= last_bits(target) ** 2
    assert content_loss(shuffled, maps) > 1
    # Each channel by itself in another order: the pairs of channels are broken.
    apart = maps.copy()
    for channel in range(maps.shape[-1]):
        one = maps[..., channel : channel + 1]
        apart[..., channel] = reconstruct.shuffle_positions(one, channel)[..., 0]
    broken = compare(statistic(apart), target)
    assert (broken > 1e-4) == (name == "gram")


def test_whole_numbers_have_the_same_style_loss_to_the_last_bit():
    """Sums of small whole numbers are exact in float32, in whatever order."""
    maps = RANDOM.integers(0, 16, (1, 16, 16, 24)).astype(np.float32)
    other = RANDOM.integers(0, 16, (1, 16, 16, 24)).astype(np.float32)
    shuffled = reconstruct.shuffle_positions(maps)
    assert style_loss(gram_matrix(shuffled), gram_matrix(maps)) == 0
    assert style_loss(gram_matrix(shuffled), gram_matrix(other)) == style_loss(
        gram_matrix(maps), gram_matrix(other)
    )


def test_shuffled_positions_keep_their_channels_together():
    maps = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    shuffled = reconstruct.shuffle_positions(maps, seed=1)
    assert shuffled.shape == maps.shape and not np.array_equal(shuffled, maps)
    for before, after in zip(maps, shuffled, strict=True):
        rows, others = before.reshape(-1, 5).tolist(), after.reshape(-1, 5).tolist()
        assert sorted(rows) == sorted(others)


# --- losses -------------------------------------------------------------------------


def test_a_relative_loss_is_1_for_nothing_and_0_for_all():
    target = RANDOM.normal(0, 7, (1, 3, 4, 5)).astype(np.float32)
    found = RANDOM.normal(0, 7, target.shape).astype(np.float32)
    for expected, maps in ((1, 0 * target), (0, target)):
        value = reconstruct.relative(content_loss, maps, target)
        np.testing.assert_allclose(value, expected, atol=1e-6)
    value = reconstruct.relative(content_loss, found, target)
    norm = np.sum((found - target) ** 2) / np.sum(target**2)
    np.testing.assert_allclose(value, norm, rtol=1e-5)


def test_the_inversion_loss_is_that_of_mahendran_and_vedaldi(network):
    features = features_of(network)
    image = tf.constant(smooth(24, 32, 4))
    loss = reconstruct.inversion_loss(
        features, PICTURE, "conv2_1", alpha_weight=0.3, tv_weight=0.2
    )
    total, terms = loss(image)
    found, wanted = (
        np.float64(network(vgg.preprocess(p[None]), "conv2_1")["conv2_1"])
        for p in (image.numpy(), PICTURE)
    )
    across, down = np.diff(image, axis=1), np.diff(image, axis=0)
    expected = {
        "content": ((found - wanted) ** 2).sum() / (wanted**2).sum(),
        "alpha": 0.3 * np.mean(np.abs((image - 127.5) / 127.5) ** 6),
        "variation": 0.2 * ((across**2).mean() + (down**2).mean()),
    }
    found = {name: float(value) for name, value in terms.items()}
    assert found == pytest.approx(expected, rel=1e-4)
    assert float(total) == pytest.approx(sum(expected.values()), rel=1e-4)
    assert set(reconstruct.inversion_loss(features, PICTURE, "conv1_1")(image)[1]) == {
        "content"
    }


@pytest.mark.parametrize("name", reconstruct.STATISTICS)
def test_the_texture_loss_is_0_for_the_style_itself_and_named_by_layer(network, name):
    layers = ["conv1_1", "relu2_1"]
    loss = reconstruct.texture_loss(
        features_of(network), PICTURE, layers, statistics=name
    )
    total, terms = loss(tf.constant(PICTURE))
    assert set(terms) == set(layers) and abs(total) < 1e-9
    total, terms = loss(tf.constant(smooth(40, 18, 30)))  # of another size
    assert float(total) == pytest.approx(sum(map(float, terms.values())), rel=1e-5)
    assert total > 1e-4


# --- reconstructions with the real network ------------------------------------------


@pytest.mark.slow
def test_from_conv1_2_the_picture_comes_back_with_30_decibels(pretrained):
    photo = images.read(IMAGES / "content" / "astronaut.jpg", 72)
    result = reconstruct.reconstruct_content(
        pretrained,
        photo,
        "conv1_2",
        steps=60,
        alpha_weight=reconstruct.ALPHA_WEIGHT,
        tv_weight=1e-6,
        progress=None,
    )
    assert result.steps == 60 and result.image.shape == photo.shape
    assert reconstruct.psnr(result.image, photo) > 30
    errors = reconstruct.feature_errors(
        pretrained, result.image, photo, ["conv1_2", "conv2_2"]
    )
    assert max(errors.values()) < 0.05


@pytest.mark.slow
def test_the_style_of_a_picture_comes_back_at_another_size(pretrained):
    style = images.read(IMAGES / "style" / "mosaic.jpg", 64)
    layers = ["conv1_1", "conv2_1"]
    result = reconstruct.reconstruct_style(
        pretrained, style, layers, size=(48, 80), steps=25, progress=None
    )
    assert result.image.shape == (48, 80, 3)
    assert set(result.history) == {"total", *layers}
    assert result.history["total"][-1] < 0.02 * result.history["total"][0]


@pytest.mark.slow
def test_seed_and_start_decide_where_it_begins(network):
    def first(**named):
        seen = []

        def stop(step, image, terms):
            seen.append(image)
            raise KeyboardInterrupt

        for run in (reconstruct.reconstruct_content, reconstruct.reconstruct_style):
            arguments = {"layer": "conv1_1"}
            if run is reconstruct.reconstruct_style:
                arguments = {"layers": ["conv1_1"]}
            result = run(
                network, PICTURE, **arguments, callback=stop, progress=None, **named
            )
            assert result.interrupted and result.steps == 0
        np.testing.assert_array_equal(*seen)
        return seen[0]

    np.testing.assert_array_equal(first(seed=1), first(seed=1))
    assert np.abs(first(seed=1) - first(seed=2)).mean() > 20
    own = smooth(24, 32, 2)
    np.testing.assert_allclose(first(start=own), own, atol=1e-2)


# --- measures -----------------------------------------------------------------------


def test_psnr_of_a_toy():
    black = np.zeros((4, 4, 3), np.float32)
    assert reconstruct.psnr(black, black) == float("inf")
    assert reconstruct.psnr(black + 255, black) == 0
    assert reconstruct.psnr(black + 2.55, black) == pytest.approx(40, abs=1e-3)


def test_feature_errors_are_0_for_the_same_picture(network):
    errors = reconstruct.feature_errors(network, PICTURE, PICTURE, ["conv1_2", "pool2"])
    assert errors == {"conv1_2": 0, "pool2": 0}
    errors = reconstruct.feature_errors(network, PICTURE[::-1], PICTURE, ["conv1_2"])
    assert errors["conv1_2"] > 0.01


# --- what it refuses ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"layer": "conv6_1"}, "no layer 'conv6_1'"),
        ({"layer": "pool5"}, "24x32 pixels is too small for pool5"),
        ({"steps": 0}, "steps is 0"),
        ({"alpha_weight": -1.0}, "alpha_weight is -1.0"),
        ({"tv_weight": float("nan")}, "tv_weight is nan"),
        ({"pooling": "median"}, "no pooling 'median'"),
        ({"init": "chaos"}, "init is 'chaos': use content, noise or style"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_contents_that_make_no_sense_are_refused(network, named, message):
    with pytest.raises(WorkshopError, match=message):
        reconstruct.reconstruct_content(network, PICTURE, **named)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ({"layers": []}, "layers is .*: use a list of layers"),
        ({"layers": ["relu0"]}, "no layer 'relu0'"),
        ({"size": (8, 32)}, "8x32 pixels is too small for conv5_1"),
        ({"statistics": "median"}, "statistics is 'median': use gram, moments or mean"),
        ({"steps": 1.5}, "steps is 1.5"),
        ({"seed": 0.5}, "seed is 0.5"),
        ({"deviation": 0}, "deviation is 0"),
    ],
    ids=str,
)
def test_styles_that_make_no_sense_are_refused(network, named, message):
    with pytest.raises(WorkshopError, match=message):
        reconstruct.reconstruct_style(network, PICTURE, **named)


# --- by hand ------------------------------------------------------------------------


def test_one_call_is_the_loop_that_the_notebook_writes_by_hand(network):
    target = network(vgg.preprocess(PICTURE[None]), "conv1_2")["conv1_2"]

    def loss(image):
        found = network(vgg.preprocess(image[None]), "conv1_2")["conv1_2"]
        total = content_loss(found, target)
        return total, {"content": total}

    start = np.random.default_rng(0).normal(127.5, 40, PICTURE.shape)
    by_hand = optimize(loss, np.clip(start, 0, 255), 5, progress=None)
    call = reconstruct.reconstruct_content(
        network, PICTURE, "conv1_2", steps=5, progress=None
    )
    np.testing.assert_allclose(call.image, by_hand.image, atol=0.5)
