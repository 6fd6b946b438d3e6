"""The way back to the pixels: switches, the three rules, one activation."""

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import deconvnet, features, vgg
from style_workshop.deconvnet import Passed

RANDOM = np.random.default_rng(11)


def noise(*shape) -> tf.Tensor:
    return tf.constant(RANDOM.normal(0, 60, shape).astype(np.float32))


# --- switches -----------------------------------------------------------------------


def test_switches_of_a_toy():
    x = np.float32([[1, 9, 2, 3], [4, 5, 8, 6], [7, 0, 1, 1], [2, 3, 1, 2]])
    maxima, switches = deconvnet.pool_with_switches(x[None, :, :, None])
    np.testing.assert_array_equal(maxima[0, ..., 0], [[9, 8], [7, 2]])
    np.testing.assert_array_equal(switches[0, ..., 0], [[1, 6], [8, 15]])
    signal = np.float32([[10, 20], [30, 40]])[None, :, :, None]
    back = deconvnet.unpool(signal, switches, (1, 4, 4, 1))
    np.testing.assert_array_equal(
        back[0, ..., 0], [[0, 10, 0, 0], [0, 0, 20, 0], [30, 0, 0, 0], [0, 0, 0, 40]]
    )


def test_where_windows_overlap_a_place_gets_the_sum():
    x = np.float32([[0, 0, 0], [0, 5, 0], [0, 0, 0]])[None, :, :, None]
    maxima, switches = deconvnet.pool_with_switches(x, stride=1)
    np.testing.assert_array_equal(maxima, np.full((1, 2, 2, 1), 5))
    back = deconvnet.unpool(tf.ones([1, 2, 2, 1]), switches, x.shape)
    assert back[0, 1, 1, 0] == 4 and tf.reduce_sum(back) == 4


def test_switches_of_a_batch_do_not_mix():
    x = noise(3, 6, 8, 5)
    maxima, switches = deconvnet.pool_with_switches(x)
    back = deconvnet.unpool(maxima, switches, x.shape)
    kept = tf.where(back != 0, x, 0)
    np.testing.assert_array_equal(back, kept)
    assert np.count_nonzero(back) == 3 * 3 * 4 * 5


# --- the way back -------------------------------------------------------------------


def relative_error(found, expected) -> float:
    found, expected = np.float64(found), np.float64(expected)
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


@pytest.mark.parametrize("layer", ["conv1_2", "relu2_2", "pool3", "conv4_1"])
def test_the_gradient_rule_is_the_gradient(network, layer):
    images = noise(2, 24, 17, 3)
    top, passed = deconvnet.climb(network, images, layer)
    signal = noise(*top.shape)
    with tf.GradientTape() as tape:
        tape.watch(images)
        maps = network(images, layer)[layer]
    np.testing.assert_array_equal(top, maps)
    expected = tape.gradient(maps, images, output_gradients=signal)
    found = deconvnet.descend(signal, passed, "gradient")
    assert relative_error(found, expected) < 1e-5


@pytest.mark.parametrize("rule", deconvnet.RULES)
def test_without_relu_and_with_pooling_of_stride_1_each_rule_is_the_gradient(rule):
    kernels = [noise(3, 3, 3, 8) / 60, noise(3, 3, 8, 6) / 60]

    def net(x):
        first = tf.nn.conv2d(x, kernels[0], 1, "SAME")
        pooled = tf.nn.max_pool2d(first, 2, 1, "VALID")
        second = tf.nn.conv2d(pooled, kernels[1], 1, "SAME")
        return tf.nn.max_pool2d(second, 2, 1, "VALID"), (first, pooled, second)

    images = noise(1, 12, 14, 3)
    with tf.GradientTape() as tape:
        tape.watch(images)
        top, (first, pooled, second) = net(images)
    signal = noise(*top.shape)
    passed = [
        Passed("conv", images, kernels[0]),
        Passed("pool", first, stride=1),
        Passed("conv", pooled, kernels[1]),
        Passed("pool", second, stride=1),
    ]
    expected = tape.gradient(top, images, output_gradients=signal)
    assert relative_error(deconvnet.descend(signal, passed, rule), expected) < 1e-5


def test_the_rules_differ_at_the_relu_as_in_the_papers():
    below = np.float32([[3, -1], [2, -4]]).reshape(1, 2, 2, 1)
    signal = np.float32([[5, 6], [-7, -8]]).reshape(1, 2, 2, 1)
    expected = {
        "gradient": [[5, 0], [-7, 0]],  # where the ReLU was open
        "deconvnet": [[5, 6], [0, 0]],  # where the signal is positive
        "guided": [[5, 0], [0, 0]],  # both
    }
    assert set(expected) == set(deconvnet.RULES)
    for rule, values in expected.items():
        found = deconvnet.descend(signal, [Passed("relu", below)], rule)
        np.testing.assert_array_equal(found[0, ..., 0], values)


@pytest.mark.parametrize("rule", deconvnet.RULES)
def test_an_activation_is_brought_about_by_what_it_sees(network, rule):
    picture = RANDOM.uniform(0, 255, (40, 40, 3)).astype(np.float32)
    found = deconvnet.project(
        network, picture, "conv2_2", channel=7, position=(8, 9), rule=rule
    )
    assert found.shape == picture.shape and found.dtype == np.float32
    top, left, bottom, right = features.receptive_field("vgg19", "conv2_2").box(8, 9)
    inside = np.zeros((40, 40), bool)
    inside[top:bottom, left:right] = True
    assert not found[~inside].any() and found[inside].any()


def test_the_strongest_activation_is_taken_and_its_colors_are_rgb(network):
    picture = RANDOM.uniform(0, 255, (24, 24, 3)).astype(np.float32)
    image = tf.constant(picture)
    with tf.GradientTape() as tape:
        tape.watch(image)
        maps = network(vgg.preprocess(image[None]), "conv2_1")["conv2_1"]
        best = tf.reduce_max(maps[..., 4])
    expected = tape.gradient(best, image) * best  # the activation is kept, not a 1
    found = deconvnet.project(network, picture, "conv2_1", channel=4, rule="gradient")
    assert relative_error(found, expected) < 1e-5
