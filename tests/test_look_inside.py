"""The numbers of the page "Look inside VGG", against the network and NumPy.

`test_site.py` opens the page itself.
"""

import base64
import importlib.util
import io
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from style_workshop import IMAGES, explore, images, vgg
from style_workshop.features import features_of, receptive_field

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def data():
    """The script, as a module that a test may change."""
    path = ROOT / "docs" / "look_inside" / "data.py"
    spec = importlib.util.spec_from_file_location("look_inside_data", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def decoded(channel: dict, height: int, width: int) -> np.ndarray:
    steps = np.frombuffer(base64.b64decode(channel["map"]), np.uint8)
    return steps.reshape(height, width) * np.float32(channel["step"])


def opened(text: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(text)))


def test_a_map_is_off_by_half_a_step_at_most(data):
    values = np.random.default_rng(1).exponential(70, (9, 14)).astype(np.float32)
    packed = data.quantized(values)
    assert packed["step"] == pytest.approx(values.max() / 255)
    error = np.abs(decoded(packed, 9, 14) - values).max()
    assert error <= 0.501 * packed["step"]
    assert error > 0.3 * packed["step"]
    assert not decoded(data.quantized(np.zeros((2, 3))), 2, 3).any()


def test_lively_channels_vary_and_are_unlike(data):
    random = np.random.default_rng(2)
    first, second, weak = random.normal(0, [5, 3, 1], (20, 30, 3)).T.swapaxes(1, 2)
    border = np.full((20, 30), 100.0)
    border[2:-2, 2:-2] = 0
    maps = np.stack([border, weak, first, 0.9 * first, second], axis=-1)
    assert data.lively(maps, 2) == [2, 4]
    assert data.lively(maps, 3) == [1, 2, 4]


@pytest.mark.slow
def test_layers_are_what_the_network_says(data, network, monkeypatch):
    small = {"LAYERS": ("relu1_1", "relu3_1"), "CHANNELS": 1, "SEARCHED": 48}
    for name, value in {**small, "DRAWN": 32, "STEPS": 1}.items():
        monkeypatch.setattr(data, name, value)
    photo = images.read(data.PHOTOGRAPH, 64)
    rows = json.loads(json.dumps(data.layers(network, photo)))
    assert [row["name"] for row in rows] == ["relu1_1", "relu3_1"]
    found = network(vgg.preprocess(photo[None]), data.LAYERS)
    paths = sorted(IMAGES.glob("*/*.jpg"))
    pictures = [images.read(path, 48) for path in paths]
    for row in rows:
        maps = found[row["name"]][0].numpy()
        assert (row["height"], row["width"], row["of"]) == maps.shape
        field = receptive_field("vgg19", row["name"])
        assert (row["size"], row["stride"], row["start"]) == field
        assert len(row["channels"]) == 1
        for channel in row["channels"]:
            there = decoded(channel, row["height"], row["width"])
            error = np.abs(there - maps[..., channel["number"]]).max()
            assert error <= 0.51 * channel["step"]
            number = channel["number"]
            best = explore.strongest(network, pictures, row["name"], channel=number)
            names = [paths[one.picture].stem.replace("_", " ") for one in best]
            shown = channel["strongest"]
            assert [patch["name"] for patch in shown] == names[: data.PATCHES]
            assert shown[0]["value"] == pytest.approx(best[0].value, rel=1e-3)
            assert opened(channel["drawn"]).size == (32, 32)
            for patch in shown:
                assert 72 <= max(opened(patch["jpeg"]).size) <= data.SHOWN


def test_the_pixels_of_a_small_patch_stay_squares(data):
    patch = np.random.default_rng(3).uniform(0, 255, (3, 3, 3))
    large = data.enlarge(patch)
    np.testing.assert_array_equal(large[::32, ::32], patch)
    np.testing.assert_array_equal(large[31::32, 31::32], patch)


@pytest.mark.parametrize("layer", ["relu1_1", "relu2_1", "relu3_1", "relu4_1"])
def test_nothing_outside_of_a_receptive_field_moves_its_position(layer, network):
    features, field = features_of(network), receptive_field("vgg19", layer)
    random = np.random.default_rng(4)
    image = random.uniform(0, 255, (120, 136, 3)).astype(np.float32)
    row, column = 60 // field.stride, 68 // field.stride
    top, left, bottom, right = field.box(row, column)
    outside, inside = 255 - image, image.copy()
    outside[top:bottom, left:right] = image[top:bottom, left:right]
    inside[top:bottom, left:right] = 255 - image[top:bottom, left:right]

    def answers(picture):
        return features(tf.constant(picture), layer)[layer][0].numpy()

    before, after = answers(image), answers(outside)
    scale = np.abs(before).max()
    at = row, column
    np.testing.assert_allclose(after[at], before[at], atol=1e-5 * scale)
    assert np.abs(answers(inside)[at] - before[at]).max() > 1e-2 * scale
    assert np.abs(after - before).max() > 1e-2 * scale


@pytest.mark.slow
def test_gram_matrices_and_losses_by_hand(data, network, monkeypatch):
    small = {"GRAM_SIZE": 64, "TEXTURE": 32, "TEXTURE_STEPS": 1}
    for name, value in {**small, "STYLES": data.STYLES[:2]}.items():
        monkeypatch.setattr(data, name, value)
    found = json.loads(json.dumps(data.gram(network)))
    flat = {}
    for name in data.STYLES:
        picture = images.read(IMAGES / "style" / f"{name}.jpg", 64)
        maps = network(vgg.preprocess(picture[None]), data.GRAM_LAYER, "average")
        flat[name] = maps[data.GRAM_LAYER].numpy().reshape(-1, 128).astype(np.float64)
    whole = {name: f.T @ f / len(f) for name, f in flat.items()}
    corner = np.ix_(found["channels"], found["channels"])
    assert len(found["channels"]) == len(set(found["channels"])) == 16
    for style, (name, matrix) in zip(found["styles"], whole.items(), strict=True):
        assert style["name"] == name.replace("_", " ")
        tolerance = 1e-4 * matrix.max()
        np.testing.assert_allclose(style["gram"], matrix[corner], atol=tolerance)
        losses = [
            np.square(other - matrix).sum() / np.square(matrix).sum()
            for other in whole.values()
        ]
        np.testing.assert_allclose(style["losses"], losses, rtol=1e-3, atol=1e-6)
    (row,) = found["textures"]
    assert row["of"] == [0, 1]
    assert [opened(jpeg).size for jpeg in row["jpegs"]] == [(32, 32)] * 5


def test_a_mixture_of_positions_has_the_blend_of_both_matrices():
    """What the page says of its blend, and of the loss on the way."""
    a, b = np.random.default_rng(5).normal(size=(2, 40, 6))
    one, two = a.T @ a / 40, b.T @ b / 40
    mixed = np.concatenate([a, a, a, b])  # three positions of the one, one of the other
    blend = 0.75 * one + 0.25 * two
    np.testing.assert_allclose(mixed.T @ mixed / 160, blend)
    way = np.square(two - one).mean()
    np.testing.assert_allclose(np.square(blend - one).mean(), 0.25**2 * way)
