"""The self-check: passes VGG in float32 and in 8 bits, names what else it is shown."""

import json

import numpy as np
import pytest

from style_workshop import vgg, weights
from style_workshop.weights.check import (
    MISTAKES,
    REFERENCE,
    TOLERANCE,
    mean_activations,
    self_check,
)
from style_workshop.weights.formats import WeightsError

NAMES = ["vgg16", "vgg19"]


@pytest.fixture(scope="module")
def values():
    """The pre-trained weights of both networks."""
    for path in map(weights.path_of, NAMES):
        if not path.exists():
            pytest.skip(f"no {path}: `python -m style_workshop weights vgg19 vgg16`")
    return {name: weights.load(name) for name in NAMES}


@pytest.fixture(scope="module")
def networks(values):
    return {name: vgg.Network(name, values[name]) for name in NAMES}


def worst_error(network, name: str) -> float:
    """The largest relative difference of a layer, computed from the file itself."""
    stored = json.loads(REFERENCE.read_text())[name]["right"]
    seen = mean_activations(network, name)
    return max(
        np.linalg.norm(np.subtract(seen[layer], means)) / np.linalg.norm(means)
        for layer, means in stored.items()
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_pretrained_networks_pass_with_a_wide_margin(networks, name):
    self_check(networks[name], name)
    assert worst_error(networks[name], name) < TOLERANCE / 5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_each_usual_mistake_is_named(networks, name, mistake):
    with pytest.raises(WeightsError, match=f"{name} does not see .*: {mistake}"):
        self_check(networks[name], name, MISTAKES[mistake])


def test_the_mistakes_are_those_that_people_make():
    """Written again by hand on one red pixel: BGR minus mean is what VGG wants."""
    red = np.float32([[[[255, 0, 0]]]])
    right, mean = [0 - 103.939, 0 - 116.779, 255 - 123.68], [103.939, 116.779, 123.68]
    np.testing.assert_allclose(vgg.preprocess(red)[0, 0, 0], right, rtol=1e-6)
    expected = {
        "the picture is RGB where VGG wants BGR": np.array([255, 0, 0]) - mean[::-1],
        "the mean was not subtracted": [0, 0, 255],
        "the picture is 0-1 where VGG wants 0-255": np.array([0, 0, 1]) - mean,
    }
    assert set(MISTAKES) == set(expected)
    for mistake, seen in expected.items():
        np.testing.assert_allclose(MISTAKES[mistake](red)[0, 0, 0], seen, rtol=1e-5)


def changed(values: dict, layer: str, change) -> dict:
    return values | {f"{layer}/kernel": change(values[f"{layer}/kernel"])}


@pytest.mark.parametrize(
    ("layer", "change"),
    [
        ("conv1_1", lambda kernel: kernel / 255),
        ("conv3_1", lambda kernel: kernel * 1.5),
        ("conv1_1", lambda kernel: kernel[:, :, ::-1]),
        (
            "conv2_1",
            lambda kernel: kernel[..., np.random.default_rng(0).permutation(128)],
        ),
        (
            "conv4_1",
            lambda kernel: kernel[:, :, np.random.default_rng(1).permutation(256)],
        ),
        ("conv3_2", lambda kernel: kernel[::-1, ::-1]),
        ("conv5_1", lambda kernel: kernel.transpose(0, 1, 3, 2)),
        ("conv2_2", lambda kernel: kernel * np.nan),
        ("conv5_3", np.zeros_like),
    ],
    ids=["/255", "*1.5", "rgb", "out", "in", "flipped", "transposed", "nan", "zero"],
)
def test_scaled_shuffled_or_turned_kernels_are_refused(values, layer, change):
    network = vgg.Network("vgg16", changed(values["vgg16"], layer, change))
    relu = layer.replace("conv", "relu")
    with pytest.raises(WeightsError, match=f"from {relu} on") as caught:
        self_check(network, "vgg16")
    if layer != "conv1_1":
        assert "not VGG's, or in another order" in str(caught.value)


def test_random_weights_are_refused():
    with pytest.raises(WeightsError, match="vgg16 does not see what it should"):
        self_check(vgg.Network("vgg16"), "vgg16")


def test_one_network_in_place_of_the_other_is_refused(networks):
    def as_vgg16(images, layers):
        return networks["vgg19"](images, layers)

    with pytest.raises(WeightsError, match="from relu1_1 on"):
        self_check(as_vgg16, "vgg16")


def test_8_bit_weights_pass_with_a_wide_margin(values):
    """The 8-bit and the float32 files must both pass: VGG16 to 256 values a kernel.

    Uniform steps from the least to the greatest weight: some twenty times the noise
    of the package index's codebooks, whose values lie where the weights do.
    """
    coarse = {}
    for key, array in values["vgg16"].items():
        if key.endswith("kernel"):
            low, high = array.min(), array.max()
            codes = np.rint((array - low) / (high - low) * 255)
            array = np.float32(low + codes / 255 * (high - low))
            assert np.unique(array).size <= 256
        coarse[key] = array
    network = vgg.Network("vgg16", coarse)
    self_check(network, "vgg16")
    error = worst_error(network, "vgg16")
    print(f"largest relative error of 8-bit kernels: {error:.4f}")
    assert 1e-6 < error < TOLERANCE / 2
