"""What a layer sees: receptive fields, strongest pictures, occlusion."""

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import WorkshopError, deconvnet, explore, features, vgg

RANDOM = np.random.default_rng(11)


def noise(*shape) -> tf.Tensor:
    return tf.constant(RANDOM.normal(0, 60, shape).astype(np.float32))


# --- receptive fields ---------------------------------------------------------------


def test_receptive_fields_worked_out_by_hand():
    assert features.receptive_field("vgg19", "conv1_1") == (3, 1, -1)
    assert features.receptive_field("vgg19", "relu1_2") == (5, 1, -2)
    assert features.receptive_field("vgg19", "pool1") == (6, 2, -2)
    assert features.receptive_field("vgg19", "conv2_1") == (10, 2, -4)
    assert features.receptive_field("vgg16", "conv3_3") == (40, 4, -18)
    assert features.receptive_field("vgg19", "pool5") == (268, 32, -118)


@pytest.mark.parametrize("layer", ["conv1_2", "pool1", "conv2_2", "pool2", "conv3_2"])
def test_one_pixel_moves_exactly_the_positions_that_see_it(layer):
    """With positive weights nothing cancels, and no maximum hides what it beat."""
    values = {}
    for name in vgg.layer_names("vgg19"):
        if name.startswith("conv"):
            block, i = int(name[4]), int(name[6])
            below = vgg.CHANNELS[max(block - 2, 0) if i == 1 else block - 1]
            shape = (3, 3, 3 if name == "conv1_1" else below, vgg.CHANNELS[block - 1])
            values[f"{name}/kernel"] = np.full(shape, 1 / np.prod(shape[:3]), "f")
            values[f"{name}/bias"] = np.ones(shape[-1], np.float32)
    positive = vgg.Network("vgg19", values)
    field = features.receptive_field("vgg19", layer)
    image = np.zeros((1, 48, 40, 3), np.float32)
    row, column = 21, 18
    before = positive(tf.constant(image), layer)[layer]
    image[0, row, column] = 1e6
    changed = np.any(positive(tf.constant(image), layer)[layer] != before, axis=(0, 3))
    for i, j in np.ndindex(changed.shape):
        top, left, bottom, right = field.box(i, j)
        sees = top <= row < bottom and left <= column < right
        assert changed[i, j] == sees, (i, j)
    assert changed.any() and not changed.all()


def test_the_crop_of_a_position_stays_in_the_picture():
    field = features.receptive_field("vgg19", "conv2_1")
    image = RANDOM.uniform(0, 255, (30, 40, 3))
    np.testing.assert_array_equal(field.crop(image, 5, 7), image[6:16, 10:20])
    np.testing.assert_array_equal(field.crop(image, 0, 0), image[:6, :6])
    np.testing.assert_array_equal(field.crop(image, 14, 19), image[24:, 34:])


def test_the_first_filters_are_rgb(network):
    filters = explore.first_filters(network)
    assert filters.shape == (3, 3, 3, 64)
    red = np.zeros((1, 5, 5, 3), np.float32)
    red[..., 0] = 1
    # What a filter says to red, less what it says to black, is its sum over red.
    preprocessed = vgg.preprocess(np.concatenate([red, 0 * red]))
    seen, dark = network(preprocessed, "conv1_1")["conv1_1"].numpy()[:, 2, 2]
    np.testing.assert_allclose(seen - dark, filters[:, :, 0].sum((0, 1)), atol=1e-3)


def test_the_strongest_picture_comes_first_with_what_excites_it(network):
    layer, channel = "relu2_1", 3
    pictures = [RANDOM.uniform(0, 255, (20 + i, 30, 3)).astype("f") for i in range(4)]
    found = explore.strongest(network, pictures, layer, channel=channel)
    values = [
        network(vgg.preprocess(p[None]), layer)[layer].numpy()[0, ..., channel]
        for p in pictures
    ]
    order = np.argsort([-v.max() for v in values])
    assert [excitation.picture for excitation in found] == list(order)
    for e in found:
        assert e.value == pytest.approx(values[e.picture].max(), rel=1e-4)
        assert e.value == pytest.approx(values[e.picture][e.row, e.column], rel=1e-4)
        assert 0 < e.patch.shape[0] <= 10 and 0 < e.patch.shape[1] <= 10


# --- occlusion ----------------------------------------------------------------------


def test_occlusion_finds_the_one_place_that_a_network_looks_at():
    picture = RANDOM.uniform(0, 100, (20, 30, 3)).astype(np.float32)
    picture[9:11, 16:18] = 200

    def looks_there(images):
        return tf.reduce_mean(images[:, 9:11, 16:18], axis=[1, 2, 3])

    drop = explore.occlusion(
        looks_there, picture, patch=4, stride=2, fill=0, batch=7, progress=None
    )
    assert drop.shape == (9, 14) and drop.dtype == np.float32
    for i, j in np.ndindex(drop.shape):
        rows = max(0, min(2 * i + 4, 11) - max(2 * i, 9))
        columns = max(0, min(2 * j + 4, 18) - max(2 * j, 16))
        assert drop[i, j] == pytest.approx(200 * rows * columns / 4, abs=1e-3)


def test_a_channel_s_score_is_its_maximum(network):
    images = RANDOM.uniform(0, 255, (2, 16, 20, 3)).astype(np.float32)
    maps = network(vgg.preprocess(images), "relu2_2")["relu2_2"].numpy()
    score = explore.channel_score(network, "relu2_2", 5)
    np.testing.assert_allclose(score(images), maps[..., 5].max((1, 2)), rtol=1e-4)


# --- what it refuses ----------------------------------------------------------------


def test_what_makes_no_sense_is_refused(network):
    picture = np.zeros((20, 30, 3), np.float32)
    for call, message in (
        (lambda: features.receptive_field("vgg19", "fc6"), "no layer 'fc6' with pos"),
        (lambda: features.receptive_field("vgg18", "conv1_1"), "no network 'vgg18'"),
        (
            lambda: deconvnet.project(network, picture, "conv1_1", channel=64),
            "no channel 64",
        ),
        (
            lambda: deconvnet.project(network, picture, "conv1_1", channel=-1),
            "no channel -1",
        ),
        (
            lambda: deconvnet.project(network, picture, "prob", channel=0),
            "no layer 'prob'",
        ),
        (
            lambda: deconvnet.project(
                network, picture, "pool1", channel=0, position=(10, 3)
            ),
            "rows below 10 and columns below 15",
        ),
        (
            lambda: deconvnet.project(
                network, picture, "conv1_1", channel=0, rule="magic"
            ),
            "no rule 'magic': use gradient, deconvnet, guided",
        ),
        (
            lambda: explore.strongest(network, [picture], "conv1_1", channel=99),
            "no channel 99",
        ),
        (lambda: explore.occlusion(None, picture, patch=21), "square of 1 to 20"),
        (
            lambda: explore.occlusion(None, picture, patch=4, stride=0),
            "every 0 does not work",
        ),
        (
            lambda: explore.channel_score(network, "conv1_1", 64),
            "no channel 64",
        ),
    ):
        with pytest.raises(WorkshopError, match=message):
            call()
