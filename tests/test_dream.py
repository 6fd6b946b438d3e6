"""DeepDream: tiles without seams, octaves, jitter, the guide, the zoom."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import (
    IMAGES,
    WorkshopError,
    dream,
    images,
    objectives,
    tiles,
)
from style_workshop.dream import Settings
from style_workshop.features import features_of, receptive_field

RANDOM = np.random.default_rng(12)
PICTURE = RANDOM.uniform(0, 255, (42, 60, 3)).astype(np.float32)
SMALL = Settings(layers={"relu2_1": 1.0}, octaves=2, steps=3, jitter=4)


def value_and_gradient(loss, picture) -> tuple[np.ndarray, np.ndarray]:
    @tf.function(autograph=False)
    def compiled(image):
        with tf.GradientTape() as tape:
            tape.watch(image)
            total, terms = loss(image)
        assert list(terms) == ["dream"]
        return total, tape.gradient(total, image)

    value, gradient = compiled(tf.constant(picture))
    return np.float64(value), np.float64(gradient)


# --- tiles --------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("layers", "size", "tile"),
    [
        (["relu2_2"], (64, 90), 24),
        (["pool2"], (61, 51), 16),
        (["relu1_2", "conv3_1"], (50, 83), 30),  # two strides, an odd tile
        (["relu4_1"], (67, 90), 40),
        (["pool2"], (21, 10), 1),  # as small as they get: one position a tile
    ],
)
def test_tiles_leave_no_seam(network, layers, size, tile):
    """Value and gradient are those of the whole picture, up to its border."""
    picture = RANDOM.uniform(0, 255, (*size, 3)).astype(np.float32)
    features, objective = (
        features_of(network),
        objectives.energy(dict.fromkeys(layers, 1.0)),
    )
    whole = objectives.whole_loss(features, layers, objective)
    tiled = objectives.tiled_loss(
        network, features, layers, objective=objective, tile=tile
    )
    value, gradient = value_and_gradient(whole, picture)
    tiled_value, tiled_gradient = value_and_gradient(tiled, picture)
    assert tiled_value == pytest.approx(value, rel=1e-5)
    assert np.abs(tiled_gradient - gradient).max() < 2e-6 * np.abs(gradient).max()


def test_tiles_with_too_little_around_them_would_leave_a_seam(network, monkeypatch):
    """The number that the test above would find: it can see a seam."""
    picture = RANDOM.uniform(0, 255, (64, 90, 3)).astype(np.float32)
    features, objective = features_of(network), objectives.energy({"relu2_2": 1.0})
    _, gradient = value_and_gradient(
        objectives.whole_loss(features, ["relu2_2"], objective), picture
    )
    short = receptive_field("vgg19", "relu2_2")._replace(size=4, start=-1)
    monkeypatch.setattr(tiles, "receptive_field", lambda *_: short)
    tiled = objectives.tiled_loss(
        network, features, ["relu2_2"], objective=objective, tile=24
    )
    _, seamed = value_and_gradient(tiled, picture)
    assert np.abs(seamed - gradient).max() > 0.1 * np.abs(gradient).max()


def test_tiles_account_for_each_pixel_once_and_stay_within_their_size():
    fields = {"conv3_1": receptive_field("vgg19", "conv3_1")}
    for height, width, tile in ((64, 64, 64), (65, 40, 32), (200, 7, 50), (30, 30, 1)):
        count = np.zeros((height, width), int)
        for outer, own in tiles._tiles((height, width), fields, tile):
            top, left, bottom, right = own
            count[top:bottom, left:right] += 1
            assert top % 4 == left % 4 == outer[0] % 4 == outer[1] % 4 == 0
            assert 0 <= outer[0] <= top and outer[2] <= height and outer[3] <= width
            assert bottom - top <= max(tile + 3, 4)
        assert (count == 1).all()


# --- objectives ---------------------------------------------------------------------


def test_energy_is_half_the_sum_of_squares_by_weight():
    maps = {"a": tf.constant([[[[1.0, 2.0]]]]), "b": tf.constant([[[[3.0]], [[1.0]]]])}
    total = objectives.energy({"a": 1.0, "b": 0.1})(maps)
    np.testing.assert_allclose(total, 2.5 + 0.5, rtol=1e-6)


def test_likeness_draws_each_position_to_its_best_match():
    own = np.float32([[[1, 0], [0, 2]]])[None]  # two positions, two channels
    guide = np.float32([[[3, 1]], [[1, 4]]])[None]
    objective = objectives.likeness({"layer": 1.0}, {"layer": tf.constant(guide)})
    maps = tf.constant(own)
    with tf.GradientTape() as tape:
        tape.watch(maps)
        total = objective({"layer": maps})
    assert total == 3 + 8
    np.testing.assert_array_equal(tape.gradient(total, maps), [[[[3, 1], [1, 4]]]])


# --- jitter -------------------------------------------------------------------------


def test_jitter_rolls_and_its_gradient_is_rolled_back():
    weight = RANDOM.normal(0, 1, PICTURE.shape).astype(np.float32)
    seen = []

    def loss(image):
        seen.append(image.numpy())
        total = tf.reduce_sum(weight * image)
        return total, {}

    jittered = objectives.jittered(loss, 5, seed=3)
    shifts = set()
    for _ in range(8):
        image = tf.constant(PICTURE)
        with tf.GradientTape() as tape:
            tape.watch(image)
            total, _ = jittered(image)
        gradient = tape.gradient(total, image).numpy()
        (shift,) = [
            (i, j)
            for i in range(-5, 6)
            for j in range(-5, 6)
            if np.array_equal(np.roll(PICTURE, (i, j), (0, 1)), seen[-1])
        ]
        shifts.add(shift)
        np.testing.assert_array_equal(np.roll(gradient, shift, (0, 1)), weight)
    assert len(shifts) > 4


# --- octaves ------------------------------------------------------------------------


def test_octaves_grow_by_their_scale_to_the_picture_itself():
    sizes = dream.octave_sizes((280, 400), Settings(octaves=3, octave_scale=2.0))
    assert sizes == [(70, 100), (140, 200), (280, 400)]


@pytest.mark.slow
def test_a_dream_excites_its_layer_and_the_seed_decides_it(network):
    results = [
        dream.dream(network, PICTURE, replace(SMALL, seed=seed), progress=None)
        for seed in (1, 1, 2)
    ]
    pictures = [result.image for result in results]
    assert pictures[0].shape == PICTURE.shape and pictures[0].dtype == np.float32
    assert pictures[0].min() >= 0 and pictures[0].max() <= 255
    assert results[0].steps == 6 and not results[0].interrupted
    np.testing.assert_allclose(pictures[0], pictures[1], atol=0.05)
    assert np.abs(pictures[0] - pictures[2]).max() > 1
    features = features_of(network)
    objective = objectives.energy(SMALL.layers)
    before, after = (
        objective(features(tf.constant(p), ["relu2_1"])) for p in (PICTURE, pictures[0])
    )
    assert after > 1.05 * before


def test_the_mean_change_of_a_step_is_the_step_size(network):
    gray = np.full((32, 32, 3), 127.0, np.float32)
    gray += RANDOM.normal(0, 10, gray.shape).astype(np.float32)
    settings = replace(SMALL, octaves=1, steps=1, step_size=2.0)
    result = dream.dream(network, gray, settings, progress=None)
    assert np.abs(result.image - gray).mean() == pytest.approx(2, rel=0.01)


def test_details_of_the_picture_come_back_in_the_last_octave(network):
    """What the small octaves cannot hold is added again, not lost."""
    settings = replace(SMALL, octaves=3, step_size=1e-3)
    result = dream.dream(network, PICTURE, settings, progress=None)
    assert np.abs(result.image - PICTURE).max() < 1


@pytest.mark.slow
def test_a_picture_in_tiles_dreams_the_same(network):
    settings = replace(SMALL, octaves=1, steps=2, tile=0)
    whole = dream.dream(network, PICTURE, settings, progress=None)
    tiled = dream.dream(network, PICTURE, replace(settings, tile=20), progress=None)
    np.testing.assert_allclose(tiled.image, whole.image, atol=0.05)
    assert np.abs(whole.image - PICTURE).max() > 2


def test_a_guide_leads_elsewhere(network):
    guide = RANDOM.uniform(0, 255, (24, 20, 3)).astype(np.float32)
    settings = replace(SMALL, octaves=1)
    free = dream.dream(network, PICTURE, settings, progress=None)
    led = dream.dream(network, PICTURE, settings, guide=guide, progress=None)
    assert np.abs(free.image - led.image).max() > 2


def test_an_interrupt_returns_the_dream_so_far_at_full_size(network):
    def stop(step, image, terms):
        if step == 2:
            raise KeyboardInterrupt

    result = dream.dream(network, PICTURE, SMALL, callback=stop, progress=None)
    assert result.interrupted and result.steps == 2
    assert result.image.shape == PICTURE.shape
    assert 0.5 < np.abs(result.image - PICTURE).mean() < 10


# --- zoom ---------------------------------------------------------------------------


def test_going_in_enlarges_the_middle():
    y, x = np.mgrid[:41, :61].astype(np.float32)
    image = np.stack([y, x, x], -1)
    found = dream.go_in(image, 0.25)
    assert found.shape == image.shape
    np.testing.assert_allclose(found[20, 30], [20, 30, 30], atol=1e-3)  # the center
    np.testing.assert_allclose(found[0, 0], [20 * 0.2, 30 * 0.2, 30 * 0.2], atol=1e-3)
    np.testing.assert_array_equal(dream.go_in(image, 0.0), image)


def test_each_frame_dreams_into_the_middle_of_the_one_before(network):
    settings = replace(SMALL, octaves=1, steps=1)
    frames = dream.zoom(
        network, PICTURE, 3, settings=settings, scale=0.2, progress=None
    )
    assert len(frames) == 3
    for before, after in zip(frames, frames[1:], strict=False):
        assert np.abs(after - dream.go_in(before, 0.2)).mean() < 2
        assert np.abs(after - before).mean() > 10


# --- the real network ---------------------------------------------------------------


@pytest.mark.slow
def test_the_real_network_dreams_in_a_photograph(pretrained):
    photo = images.read(IMAGES / "content" / "temple.jpg", 96)
    settings = Settings(layers={"relu4_1": 1.0}, octaves=1, steps=5, jitter=8)
    history = dream.dream(pretrained, photo, settings, progress=None).history
    assert history["total"][-1] < 1.5 * history["total"][0]  # negative: half more


# --- what it refuses ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": {}}, "layers is {}: use layers with their weights"),
        ({"layers": ["relu5_1"]}, "layers is .*: use layers with their weights"),
        ({"layers": {"relu6_1": 1.0}}, "no layer 'relu6_1'"),
        ({"layers": {"fc6": 1.0}}, "fc6"),
        ({"octaves": 0}, "octaves is 0: use a whole number, 1 to 100"),
        ({"octaves": 2.5}, "octaves is 2.5: use a whole number"),
        ({"octaves": 10**30}, "octaves is 1000"),
        ({"jitter": 2147483647}, "jitter is 2147483647: use a whole number, 0 to"),
        (
            {"octave_scale": 1.0},
            "octave_scale is 1.0: use a number above 1 and below 10, such as 1.4",
        ),
        ({"octave_scale": float("nan")}, "octave_scale is nan"),
        ({"octaves": 9}, "first of 9 octaves: .* Use fewer octaves"),
        ({"steps": 0}, "steps is 0"),
        ({"step_size": -1.0}, "step_size is -1.0"),
        ({"jitter": -1}, "jitter is -1"),
        ({"tile": -8}, "tile is -8"),
        ({"seed": -1}, "seed is -1"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused(change, message):
    with pytest.raises(WorkshopError, match=message):
        dream.check(replace(Settings(), **change), PICTURE)


def test_pictures_and_films_that_make_no_sense_are_refused(network):
    with pytest.raises(WorkshopError, match="small for relu5_1: each side must be 16"):
        dream.check(Settings(octaves=1), PICTURE[:8])
    with pytest.raises(WorkshopError, match="too small for relu5_1"):
        dream.check(Settings(octaves=1), PICTURE, guide=PICTURE[:8])
    with pytest.raises(WorkshopError, match=r"the picture has the shape \(42, 60\)"):
        dream.check(Settings(), PICTURE[..., 0])
    for frames, scale in ((0, 0.05), (2.5, 0.05), (3, 1.0), (3, -0.1)):
        with pytest.raises(WorkshopError, match="^(frames|scale) is .*: use a"):
            dream.zoom(network, PICTURE, frames, settings=SMALL, scale=scale)
