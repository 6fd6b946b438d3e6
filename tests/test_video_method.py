"""The temporal loss, the painter of a frame, and the ways through a clip."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import WorkshopError, gatys, losses
from style_workshop.optimize import Result
from style_workshop.video import method, painted, passes, warping

RANDOM = np.random.default_rng(3)
#: Quick to compile and to run.
SHALLOW = method.Settings(
    replace(
        gatys.WORKSHOP,
        content_layers={"relu2_1": 1},
        style_layers={"relu1_1": 1},
        steps=8,
    ),
    steps=4,
    temporal_weight=300.0,
)


def picture(height: int = 6, width: int = 8) -> np.ndarray:
    return np.float32(RANDOM.uniform(0, 255, (height, width, 3)))


def value_and_gradient(terms, image: np.ndarray) -> tuple[float, np.ndarray]:
    image = tf.constant(image)
    with tf.GradientTape() as tape:
        tape.watch(image)
        (value,) = terms(image).values()
    return float(value), tape.gradient(value, image).numpy()


@pytest.fixture(scope="module")
def clip() -> painted.Clip:
    return painted.paint(3, 48)


@pytest.fixture(scope="module")
def style() -> np.ndarray:
    return picture(32, 32)


# --- the temporal loss ----------------------------------------------------------------


def test_the_loss_is_the_formula_of_the_paper():
    image, carried, weights = picture(), picture(), RANDOM.uniform(0, 1, (6, 8))
    d = 6 * 8 * 3
    expected = sum(
        weights[i, j] * (image[i, j, c] - carried[i, j, c]) ** 2 / d
        for i in range(6)
        for j in range(8)
        for c in range(3)
    )
    found = losses.temporal_loss(image, carried, np.float32(weights))
    assert float(found) == pytest.approx(expected, rel=1e-5)


def test_its_gradient_is_not_zero_but_where_the_mask_is():
    """A carried picture that is a constant of the graph would give none at all."""
    weights = np.float32(RANDOM.uniform(0, 1, (6, 8)) > 0.4)
    image, carried = picture(), picture()
    _, gradient = value_and_gradient(
        method.temporal_terms([(carried, weights)], 7.0), image
    )
    assert not gradient[weights == 0].any()
    assert (gradient[weights == 1] != 0).all()
    expected = 7 * 2 * weights[..., None] * (image - carried) / image.size
    np.testing.assert_allclose(gradient, expected, rtol=1e-5)


def test_its_gradient_agrees_with_finite_differences():
    held = [(picture(), np.float32(RANDOM.uniform(0, 1, (6, 8)))) for _ in range(2)]
    terms, image = method.temporal_terms(held, 2.0), picture()
    _, gradient = value_and_gradient(terms, image)
    for place in [(0, 0, 0), (3, 5, 1), (5, 7, 2)]:
        step = np.zeros_like(image)
        step[place] = 4.0  # a parabola: the difference is exact whatever the step
        above, below = (value_and_gradient(terms, image + s)[0] for s in (step, -step))
        assert (above - below) / 8 == pytest.approx(gradient[place], rel=2e-3)


# --- one frame ------------------------------------------------------------------------


def test_a_painted_frame_is_carried_to_where_its_things_are(clip):
    carried, weights = method.carry(clip.frames[1], (clip.frames[0], clip.frames[0]))
    sure = (weights > 0) & (clip.seen[0] > 0)
    error = np.abs(carried - clip.frames[1])[sure].mean()
    assert error < np.abs(clip.frames[0] - clip.frames[1])[sure].mean() / 3
    assert sure.mean() > 0.5


@pytest.mark.parametrize(
    ("changes", "starts", "named"),
    [
        ({}, "carried", True),
        ({"temporal_weight": 0.0}, "carried", False),
        ({"warped_start": False}, None, True),
    ],
)
def test_what_a_later_frame_starts_from_and_is_held_to(
    clip, style, network, monkeypatch, changes, starts, named
):
    """The two parts of the method, each by itself."""
    seen = {}

    def stylize(frame, style, settings, *, start, more_terms, callback, **rest):
        seen.update(start=start, terms=more_terms, steps=settings.steps)
        for step in range(settings.steps + 1):
            callback(step, frame, {})
        return Result(frame, {})

    monkeypatch.setattr(gatys, "stylize", stylize)
    painter = method.Painter(style, replace(SHALLOW, **changes), network=network)
    last = picture(*clip.frames[0].shape[:2])
    done = []
    painter.paint(
        clip.frames[1], {1: (clip.frames[0], last)}, lambda: done.append("step")
    )
    assert len(done) == SHALLOW.steps
    carried, weights = method.carry(clip.frames[1], (clip.frames[0], last))
    assert seen["steps"] == SHALLOW.steps
    assert (seen["terms"] is not None) == named
    if starts is None:
        assert seen["start"] is None
    else:
        np.testing.assert_array_equal(seen["start"], carried)
    if named:
        value, gradient = value_and_gradient(seen["terms"], clip.frames[1])
        expected = losses.temporal_loss(clip.frames[1], carried, weights)
        assert value == pytest.approx(300 * float(expected), rel=1e-5)
        assert gradient[weights > 0].any() and not gradient[weights == 0].any()


def test_long_term_weights_fill_what_the_last_frame_did_not_show(
    clip, style, network, monkeypatch
):
    seen = {}
    monkeypatch.setattr(
        gatys,
        "stylize",
        lambda frame, *_, more_terms, **rest: (
            seen.update(terms=more_terms) or Result(frame, {})
        ),
    )
    painter = method.Painter(style, replace(SHALLOW, lags=(1, 2)), network=network)
    # In the middle frame a hand lies over everything, in the first nothing does.
    covered = picture(*clip.frames[0].shape[:2])
    frame = clip.frames[2]
    painter.paint(frame, {1: (covered, covered), 2: (frame, frame + 10)})
    _, hidden = method.carry(frame, (covered, covered))
    _, gradient = value_and_gradient(seen["terms"], frame)
    old = (hidden == 0)[2:-2, 2:-2]
    assert old.mean() > 0.5
    assert (gradient[2:-2, 2:-2][old] < 0).mean() > 0.9  # towards the brighter one


def test_vgg_is_frozen_once_for_all_frames(clip, style, network, monkeypatch):
    frozen, freeze = [], type(network).freeze

    def count(one):
        frozen.append(one)
        return freeze(one)

    monkeypatch.setattr(type(network), "freeze", count)
    settings = replace(SHALLOW, gatys=replace(SHALLOW.gatys, steps=1), steps=1)
    painter = method.Painter(style, settings, network)
    passes.paint_clip(clip.frames[:2], painter, {}, progress=None)
    assert frozen == [network]


# --- through a clip -------------------------------------------------------------------


@pytest.mark.slow
def test_the_whole_method_flickers_less_than_frame_by_frame(clip, style, network):
    found = {}
    for name, changes in {
        "alone": {"temporal_weight": 0.0, "warped_start": False, "steps": 8},
        "whole": {},
    }.items():
        painter = method.Painter(style, replace(SHALLOW, **changes), network)
        pictures = passes.paint_clip(clip.frames, painter, {}, progress=None)
        pictures = [pictures[number] for number in range(3)]
        found[name] = warping.flicker(pictures, clip.backward, clip.seen).mean()
    assert found["whole"] < found["alone"]


class Toy:
    """Paints in no time; notes what it was shown."""

    lags = (1, 3)
    settings = replace(SHALLOW, passes=4)

    def __init__(self):
        self.seen = []

    def steps(self, first: bool) -> int:
        return 5 if first else 2

    def paint(self, frame, past, step_done):
        step_done()
        self.seen.append((frame, {lag: p for lag, (_, p) in past.items()}))
        return frame + 100

    def improve(self, frame, own, neighbor, *, temporal, step_done):
        self.seen.append((frame, own, neighbor, temporal))
        return (own or 0) + 1


def test_each_frame_sees_those_before_it():
    painter = Toy()
    pictures = passes.paint_clip([0, 1, 2, 3], painter, {}, progress=None)
    assert pictures == {0: 100, 1: 101, 2: 102, 3: 103}
    assert painter.seen == [
        (0, {}),
        (1, {1: 100}),
        (2, {1: 101}),
        (3, {1: 102, 3: 100}),
    ]


def test_what_is_there_is_not_painted_again():
    painter = Toy()
    pictures = passes.paint_clip([0, 1, 2], painter, {0: 7, 1: 8}, progress=None)
    assert pictures == {0: 7, 1: 8, 2: 102}
    assert painter.seen == [(2, {1: 8})]


def test_passes_go_to_and_fro_and_learn_from_the_side_they_come_from():
    painter, kept = Toy(), [{}, {}, {}, {}]
    assert passes.paint_in_passes([0, 1], painter, kept.__getitem__, progress=None) == {
        0: 4,
        1: 4,
    }
    assert painter.seen == [
        (0, None, None, False),
        (1, None, (0, 1), False),
        (1, 1, None, False),
        (0, 1, (1, 2), False),
        (0, 2, None, True),
        (1, 2, (0, 3), True),
        (1, 3, None, True),
        (0, 3, (1, 4), True),
    ]


def test_passes_go_on_where_they_were_ended():
    painter, kept = Toy(), [{0: 1, 1: 1}, {1: 2}, {}, {}]
    passes.paint_in_passes([0, 1], painter, kept.__getitem__, progress=None)
    assert painter.seen[0] == (0, 1, (1, 2), False)
    assert len(painter.seen) == 5


@pytest.mark.slow
def test_a_pass_improves_pictures_and_a_frame_alone_has_no_neighbor(
    clip, style, network
):
    settings = replace(SHALLOW, passes=3, pass_steps=2)
    painter, kept = method.Painter(style, settings, network), [{}, {}, {}]
    done = passes.paint_in_passes(
        clip.frames[:2], painter, kept.__getitem__, progress=None
    )
    assert [sorted(one) for one in kept] == [[0, 1]] * 3 and done is kept[2]
    assert not np.array_equal(kept[0][0], kept[1][0])


# --- what makes no sense --------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"steps": 0}, "steps"),
        ({"lags": (0,)}, "lags"),
        ({"flow": "farneback"}, "flow"),
        ({"blend": 2}, "blend"),
        ({"temporal_weight": -1}, "temporal_weight"),
    ],
)
def test_settings_that_make_no_sense_are_refused(changes, word):
    with pytest.raises(WorkshopError, match=word):
        replace(SHALLOW, **changes)


def test_more_terms_do_not_go_with_several_sizes(clip, style, network):
    with pytest.raises(WorkshopError, match="scales=1"):
        gatys.stylize(
            clip.frames[0],
            style,
            replace(SHALLOW.gatys, scales=2),
            network=network,
            more_terms=lambda image: {},
        )
