"""Photographs that move by known flows, and what a network learns of them."""

import json

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import (
    WorkshopError,
    fast,
    feedforward,
    images,
    perceptual,
    vgg,
)
from style_workshop.__main__ import main
from style_workshop.architecture import ARCHITECTURES, Architecture
from style_workshop.video import painted
from style_workshop.video.motion import Motion, flows_of

pytestmark = pytest.mark.usefixtures("narrow_vgg")
RANDOM = np.random.default_rng(5)
SMALL = Architecture(filters=2, blocks=0)
LOSS = perceptual.LossSettings(
    "vgg19", content_layer="relu2_1", style_layers=["relu1_1"], style_size=48
)


def noise(*shape) -> np.ndarray:
    return RANDOM.uniform(0, 255, shape).astype(np.float32)


def ramps(count: int, height: int = 24, width: int = 32) -> tuple:
    """Colors that are the place itself, so that a flow can be read off them."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    places = np.stack([columns, rows], -1)
    picture = np.concatenate([places, 0 * places[..., :1]], -1)
    return np.stack([picture] * count), places


# --- how photographs move -------------------------------------------------------------


@pytest.mark.parametrize("step", range(4))
def test_a_flow_leads_back_to_where_the_photograph_shows_the_same(step):
    known = np.float32(RANDOM.uniform(-3, 3, (2, 1, 1, 2))) + np.zeros((2, 24, 32, 2))
    photographs, places = ramps(6)
    moved, flows, trusted = Motion(flows=np.float32(known)).move(photographs, [7, step])
    at = places + flows.numpy()
    inside = (at >= 0).all(-1) & (at[..., 0] <= 31) & (at[..., 1] <= 23)
    np.testing.assert_array_equal(trusted, inside)  # nothing has a boundary here
    assert 0.3 < inside.mean() < 1
    np.testing.assert_allclose(moved.numpy()[..., :2][inside], at[inside], atol=1e-4)


def test_shifts_zooms_and_known_flows_are_drawn():
    known = np.float32(RANDOM.normal(size=(3, 24, 32, 2)))
    motion, (photographs, places) = Motion(0.0, 5.0, 0.1, known), ramps(60)
    flows = motion.move(photographs, [0, 0])[1].numpy()
    middle = places - (15.5, 11.5)
    shifts = zooms = 0
    for flow in flows:
        slope = flow[0, 0, 0] / middle[0, 0, 0]
        if np.ptp(flow, (0, 1)).max() == 0:
            shifts += 1
            assert 0 < np.abs(flow).max() <= 5
        elif np.allclose(flow, slope * middle, atol=1e-5):
            zooms += 1
            assert 0 < abs(slope) <= 0.1
        else:
            assert any(np.array_equal(flow, one) for one in known)
    assert shifts > 9 and zooms > 9 and 60 - shifts - zooms > 9


def test_what_is_drawn_follows_from_seed_and_step():
    photographs, motion = noise(2, 16, 16, 3), Motion()
    one, same, other = (motion.move(photographs, [3, s])[0] for s in (8, 8, 9))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_the_boundaries_of_a_known_motion_are_not_trusted():
    flow = np.zeros((1, 24, 32, 2), np.float32)
    flow[:, :, 16:, 0] = -4
    photographs, _ = ramps(24)
    _, flows, trusted = Motion(flows=flow).move(photographs, [0, 0])
    real = [bool((f.numpy() == flow[0]).all()) for f in flows]
    assert any(real)
    mask = trusted.numpy()[real.index(True)]
    assert not mask[:, 15:17].any() and mask[:, :14].all() and mask[:, 18:].all()


def test_the_motion_of_a_clip_is_estimated_in_the_size_of_the_windows(tmp_path):
    clip = painted.paint(3, 96)
    for number, frame in enumerate(clip.frames):
        images.save(frame, tmp_path / f"{number}.png")
    flows = flows_of(tmp_path, 64)
    assert flows.shape == (2, 64, 64, 2)
    for flow, truth in zip(flows, clip.backward, strict=True):
        colors = np.concatenate([truth, truth[..., :1]], -1) * 8 + 128  # to resize
        truth = (images.resize(colors, (64, 64))[..., :2] - 128) / 8 * (1 / 2, 2 / 3)
        error = np.linalg.norm(flow - truth, axis=-1)
        assert np.median(error) < 0.15 < 0.6 < np.linalg.norm(truth, axis=-1).max()


def test_one_frame_has_no_motion(tmp_path):
    images.save(noise(32, 32, 3), tmp_path / "1.png")
    with pytest.raises(WorkshopError, match="one frame"):
        flows_of(tmp_path, 32)


# --- the temporal loss ----------------------------------------------------------------


def case() -> tuple:
    """Two pictures of each photograph, flows, and a mask with both 0 and 1."""
    _, flows, _ = Motion().move(np.zeros((2, 12, 16, 3), np.float32), [1, 1])
    mask = np.float32(RANDOM.uniform(size=(2, 12, 16)) > 0.4)
    return noise(2, 12, 16, 3), noise(2, 12, 16, 3), flows, mask


def slopes(loss, *pictures) -> list[np.ndarray]:
    pictures = [tf.constant(one) for one in pictures]
    with tf.GradientTape() as tape:
        tape.watch(pictures)
        value = loss(*pictures)
    return [slope.numpy() for slope in tape.gradient(value, pictures)]


def test_its_slope_is_there_for_both_and_zero_where_the_mask_is():
    first, later, flows, mask = case()
    motion = Motion(20.0)
    of_first, of_later = slopes(
        lambda a, b: motion.loss(a, b, flows, mask), first, later
    )
    assert (of_later[mask == 1] != 0).all() and not of_later[mask == 0].any()
    assert of_first.any()
    none = slopes(lambda a, b: motion.loss(a, b, flows, 0 * mask), first, later)
    assert not any(slope.any() for slope in none)


@pytest.mark.parametrize("which", [0, 1])
def test_its_slope_agrees_with_finite_differences(which):
    first, later, flows, mask = case()

    def loss(*pictures):
        return Motion(1e4).loss(*pictures, flows, mask)

    slope = slopes(loss, first, later)[which]
    place = np.unravel_index(np.abs(slope).argmax(), slope.shape)
    step = np.zeros_like(first)
    step[place] = 8.0  # a parabola: the difference is exact whatever the step
    moved = [[first, later], [first, later]]
    moved[0][which], moved[1][which] = moved[0][which] + step, moved[1][which] - step
    difference = float(loss(*moved[0]) - loss(*moved[1])) / 16
    assert difference == pytest.approx(slope[place], rel=0.01)


def test_black_that_turns_white_costs_the_weight():
    flat = np.zeros((1, 16, 16, 3), np.float32)
    still, all_of_it = np.zeros((1, 16, 16, 2), np.float32), np.ones((1, 16, 16))
    loss = Motion(3.0).loss(flat, flat + 255, still, np.float32(all_of_it))
    assert float(loss) == pytest.approx(3)


# --- in a training --------------------------------------------------------------------


@pytest.fixture(scope="module")
def vgg19(values):
    return vgg.Network("vgg19", values)


@pytest.mark.slow
def test_the_loss_of_a_network_has_it_as_a_term_with_a_slope(vgg19):
    network, motion = feedforward.TransformNetwork(SMALL, seed=1), Motion(40.0)
    photographs, step = tf.constant(noise(2, 32, 32, 3)), tf.constant(5)
    whole = perceptual.PerceptualLoss(vgg19, [noise(48, 48, 3)], LOSS)
    with tf.GradientTape() as tape:
        total, terms = whole.of(network, seed=2, motion=motion)(photographs, step)
        term = terms["temporal"]
    assert float(total) == pytest.approx(sum(map(float, terms.values())), rel=1e-5)
    moved, flows, trusted = motion.move(photographs, [2, 5])
    expected = motion.loss(network(photographs), network(moved), flows, trusted)
    assert float(term) == pytest.approx(float(expected), rel=1e-3)
    for slope, variable in zip(
        tape.gradient(term, network.variables), network.variables, strict=True
    ):
        assert tf.reduce_any(slope != 0) or len(variable.shape) == 1
    plain = whole.of(network, seed=2)(photographs, step)[1]
    assert float(terms["content"]) == pytest.approx(float(plain["content"]), rel=1e-4)
    assert "temporal" not in plain


@pytest.mark.slow
def test_a_checkpoint_knows_the_motion(vgg19, tmp_path, monkeypatch):
    monkeypatch.setattr(fast.weights, "pretrained", lambda name: vgg19)
    for number in range(2):
        images.save(noise(40, 40, 3), tmp_path / f"{number}.png")

    class Asked(Exception):
        """What the training was made for."""

    def train(variables, loss, batches, *, made_for, **rest):
        raise Asked(made_for)

    monkeypatch.setattr(fast.training, "train", train)
    still = np.zeros((1, 16, 16, 2), np.float32)
    known = {}
    for motion in (None, Motion(2.0, flows=still)):
        with pytest.raises(Asked) as asked:
            fast.train(
                feedforward.TransformNetwork(SMALL),
                {"gold": noise(48, 48, 3)},
                fast.TrainingData(tmp_path, 16, batch_size=2),
                loss_settings=LOSS,
                motion=motion,
            )
        known[motion is None] = asked.value.args[0]
    assert "motion" not in known[True]  # those of other trainings stay as they are
    assert known[False]["motion"] == Motion(2.0, flows=still).describe()


def test_motion_describes_all_that_it_depends_on():
    still = np.zeros((1, 16, 16, 2), np.float32)
    one = Motion(flows=still).describe()
    assert json.loads(json.dumps(one)) == one == Motion(flows=still.copy()).describe()
    for change in ({"weight": 3.0}, {"shift": 3.0}, {"zoom": 0.1}):
        assert Motion(flows=still, **change).describe() != one
    assert Motion().describe() != one != Motion(flows=still + 1).describe()


@pytest.mark.slow
def test_train_takes_a_weight_and_clips(tmp_path, monkeypatch, vgg19, capsys):
    from style_workshop import IMAGES, weights

    monkeypatch.setattr(weights, "pretrained", lambda name: vgg19)
    monkeypatch.setitem(ARCHITECTURES, "workshop", SMALL)
    clip = tmp_path / "clip"
    for number, frame in enumerate(painted.paint(3, 24).frames):
        images.save(frame, clip / f"{number}.png")
    output = tmp_path / "steady.npz"
    given = ["train", IMAGES / "style" / "mosaic.jpg", "--photos", IMAGES / "content"]
    given += ["-o", output, "--size", 32, "--batch-size", 2, "--style-size", 64]
    given += ["--network", "vgg19", "--steps", 1, "--clips", clip]
    assert main([str(word) for word in given]) == 1
    assert "--clips goes with --temporal-weight" in capsys.readouterr().err
    assert main([str(word) for word in [*given, "--temporal-weight", 4]]) == 0
    (lesson,) = feedforward.load(output).card["training"]
    assert lesson["motion"]["weight"] == 4 and lesson["losses"]["temporal"] > 0
    assert len(lesson["motion"]["flows_sha256"]) == 64


@pytest.mark.parametrize("change", [{"weight": -1}, {"shift": -1}, {"zoom": 0.5}])
def test_motion_that_makes_no_sense_is_refused(change):
    with pytest.raises(WorkshopError, match=next(iter(change))):
        Motion(**change)
