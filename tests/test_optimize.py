"""The optimizers: on losses whose minimum is known, and when they are disturbed."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from style_workshop import WorkshopError
from style_workshop.optimize import (
    OPTIMIZERS,
    NotFinite,
    Result,
    check,
    optimize,
    start_image,
)

ROOT = Path(__file__).resolve().parent.parent
RANDOM = np.random.default_rng(2)
SHAPE = (4, 5, 3)
TARGET = RANDOM.uniform(20, 230, SHAPE).astype(np.float32)
STIFFNESS = np.float32(10 ** RANDOM.uniform(-1, 1, SHAPE))
START = np.full(SHAPE, 60, np.float32)


def bowl(image):
    """Least, and 0, at ``TARGET``; a hundred times steeper in some directions."""
    far = tf.reduce_sum(STIFFNESS * (image - TARGET) ** 2)
    return far, {"bowl": far}


def valley(image):
    """Rosenbrock's bent valley in the first two channels; least, 0, at 150, 150, 125.

    Straight lines miss it: an optimizer that stops after a few steps is far off.
    """
    z = (image - 100) / 50
    bend = tf.reduce_sum(100 * (z[..., 1] - z[..., 0] ** 2) ** 2)
    rest = tf.reduce_sum((1 - z[..., 0]) ** 2 + (z[..., 2] - 0.5) ** 2)
    return bend + rest, {"bend": bend, "rest": rest}


def quietly(loss, start=START, *arguments, **named) -> Result:
    return optimize(loss, start, *arguments, progress=None, **named)


# --- it finds the minimum -----------------------------------------------------------


@pytest.mark.parametrize(("optimizer", "steps"), [("lbfgs", 60), ("adam", 250)])
@pytest.mark.slow
def test_finds_the_bottom_of_a_bowl(optimizer, steps):
    result = quietly(bowl, START, steps, optimizer=optimizer, learning_rate=3.0)
    np.testing.assert_allclose(result.image, TARGET, atol=0.5)
    assert result.history["total"][-1] < 1e-5 * result.history["total"][0]


def test_lbfgs_follows_a_bent_valley_to_its_end():
    result = quietly(valley, START, 80)
    assert result.steps > 10  # no straight way leads there
    np.testing.assert_allclose(
        result.image, np.broadcast_to([150, 150, 125], SHAPE), atol=0.1
    )


def test_adam_comes_down_a_bent_valley():
    result = quietly(valley, START, 100, optimizer="adam", learning_rate=2.0)
    assert result.history["total"][-1] < 0.01 * result.history["total"][0]


def slopes(image):
    """Steep where neighbors differ: least for ``TARGET``, hard to find from pixels."""
    far = image - np.resize(TARGET, image.shape)
    across = tf.reduce_sum((far[:, 1:] - far[:, :-1]) ** 2)
    down = tf.reduce_sum((far[1:] - far[:-1]) ** 2)
    total = across + down + 1e-3 * tf.reduce_sum(far**2)
    return total, {"slopes": total}


@pytest.mark.slow
def test_with_a_falloff_the_same_minimum_is_found_in_fewer_steps():
    start = np.full((48, 64, 3), 60, np.float32)
    waves = quietly(slopes, start, 60, falloff=1.0)
    pixels = quietly(slopes, start, 60)
    np.testing.assert_allclose(waves.image, np.resize(TARGET, start.shape), atol=0.5)
    few = next(
        step
        for step, total in enumerate(waves.history["total"])
        if total <= pixels.history["total"][30]
    )
    assert few <= 15


@pytest.mark.parametrize("falloff", [0.3, 0.5])
@pytest.mark.slow
def test_a_falloff_finds_the_bottom_of_bowl_and_valley(falloff):
    result = quietly(bowl, START, 120, falloff=falloff)
    np.testing.assert_allclose(result.image, TARGET, atol=0.5)
    loss = float(bowl(result.image)[0])
    np.testing.assert_allclose(result.history["total"][-1], loss, rtol=1e-3, atol=1e-2)
    result = quietly(valley, START, 200, falloff=falloff)
    np.testing.assert_allclose(
        result.image, np.broadcast_to([150, 150, 125], SHAPE), atol=0.5
    )


@pytest.mark.parametrize("factor", [1e-9, 1e9])
def test_lbfgs_goes_the_same_way_whatever_the_loss_is_multiplied_by(factor):
    def scaled(image):
        total, _ = valley(image)
        return factor * total, {}

    result = quietly(scaled, START, 15)
    plain = quietly(valley, START, 15)
    assert result.steps == 15  # and so not merely at rest
    np.testing.assert_allclose(result.image, plain.image, atol=1)


@pytest.mark.parametrize("start", [START, np.full((48, 64, 3), 60, np.float32)])
def test_the_first_trial_of_lbfgs_is_one_gray_level_away(start):
    """Root mean square, however many pixels there are and however steep the loss."""
    tried = []

    def loss(image):
        tf.py_function(lambda x: tried.append(x.numpy()), [image], [])
        return 1e3 * tf.reduce_sum(image**2), {}

    quietly(loss, start, 1)
    moved = next(image for image in tried if not np.array_equal(image, start))
    assert np.sqrt(np.mean((moved - start) ** 2)) == pytest.approx(1, rel=1e-3)


def test_the_same_run_twice_gives_the_same_picture():
    for optimizer in OPTIMIZERS:
        first = quietly(valley, START, 12, optimizer=optimizer)
        second = quietly(valley, START, 12, optimizer=optimizer)
        np.testing.assert_array_equal(first.image, second.image)
        assert first.history == second.history


# --- history, steps and callback ----------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_history_has_every_term_at_the_start_and_after_each_step(optimizer):
    result = quietly(valley, START, 7, optimizer=optimizer)
    assert result.steps == 7 and not result.interrupted
    assert set(result.history) == {"total", "bend", "rest"}
    assert {len(values) for values in result.history.values()} == {8}
    total, terms = valley(tf.constant(START))
    first = {name: values[0] for name, values in result.history.items()}
    assert first == pytest.approx(
        {"total": float(total), **{name: float(t) for name, t in terms.items()}}
    )
    np.testing.assert_allclose(
        np.add(result.history["bend"], result.history["rest"]),
        result.history["total"],
        rtol=1e-5,
    )


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_callback_sees_each_picture_with_its_own_losses(optimizer):
    seen = []
    result = quietly(
        bowl,
        START,
        6,
        optimizer=optimizer,
        callback=lambda *a: seen.append(a[:2] + (dict(a[2]),)),
    )
    assert [step for step, _, _ in seen] == [0, 1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(seen[0][1], START)
    np.testing.assert_array_equal(seen[-1][1], result.image)
    for step, image, terms in seen:
        assert terms["total"] == result.history["total"][step]
        # The bowl's pictures stay within 0-255, so that clipping changes nothing.
        assert terms["bowl"] == pytest.approx(float(bowl(image)[0]), rel=1e-5)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_callback_is_called_at_the_chosen_steps_only(optimizer):
    seen = []
    quietly(
        valley,
        START,
        9,
        optimizer=optimizer,
        callback=lambda step, *_: seen.append(step),
        callback_steps={0, 4, 9, 100},
    )
    assert seen == [0, 4, 9]


def test_a_callback_that_spoils_its_picture_spoils_nothing_else():
    def spoil(step, image, terms):
        image[:] = 0
        terms.clear()

    for optimizer in OPTIMIZERS:
        spoiled = quietly(valley, START, 5, optimizer=optimizer, callback=spoil)
        np.testing.assert_array_equal(
            spoiled.image, quietly(valley, START, 5, optimizer=optimizer).image
        )
    np.testing.assert_array_equal(START, 60)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_picture_is_clipped_to_0_255(optimizer):
    def outside(image):
        total = tf.reduce_sum((image - [-100.0, 128.0, 400.0]) ** 2)
        return total, {}

    pictures = []
    result = quietly(
        outside,
        START,
        80,
        optimizer=optimizer,
        learning_rate=10.0,
        callback=lambda *a: pictures.append(a[1]),
    )
    np.testing.assert_allclose(
        result.image, np.broadcast_to([0, 128, 255], SHAPE), atol=1
    )
    for picture in (*pictures, result.image):
        assert picture.dtype == np.float32
        assert picture.min() >= 0 and picture.max() <= 255


def test_the_progress_bar_counts_steps_and_shows_the_loss(capsys):
    optimize(bowl, START, 3, progress="brush strokes")
    shown = capsys.readouterr().err
    assert "brush strokes: 100%" in shown and "3/3" in shown and "loss" in shown
    quietly(bowl, START, 3)
    assert capsys.readouterr().err == ""


# --- it does not give up early ------------------------------------------------------


def test_lbfgs_is_started_afresh_when_its_line_search_fails():
    """From evaluation 5 to 40 the gradient points uphill, as float32 noise can."""
    count = tf.Variable(0)

    def lying(image):
        total, _ = bowl(image)
        evaluation = count.assign_add(1)
        lies = tf.logical_and(evaluation > 4, evaluation <= 40)
        gives_slope = tf.where(lies, -1.0, 1.0) * total
        return gives_slope + tf.stop_gradient(total - gives_slope), {}

    def alone(flat):
        image = tf.constant(flat.reshape(SHAPE), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(image)
            total, _ = lying(image)
        gradient = tape.gradient(total, image).numpy().ravel()
        return float(total) / 1e6, gradient.astype(np.float64) / 1e6

    given_up = scipy.optimize.minimize(
        alone,
        START.ravel(),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 50, "ftol": 0, "gtol": 0},
    )
    assert given_up.nit < 10 and given_up.fun > 0.1  # the trap works
    count.assign(0)
    result = quietly(lying, START, 50)
    assert result.steps == 50 or result.history["total"][-1] == 0
    np.testing.assert_allclose(result.image, TARGET, atol=1)


def test_lbfgs_stops_where_nothing_is_left_to_gain():
    result = quietly(bowl, TARGET, 50)
    assert result.steps == 0 and not result.interrupted
    np.testing.assert_array_equal(result.image, TARGET)
    assert result.history["total"] == [0]


@pytest.mark.parametrize("rounding", [0.0, 1e-6])
def test_a_loss_of_0_but_for_rounding_is_left_alone(rounding):
    """As of a picture that is stylized with itself; L-BFGS would chase the noise."""

    def loss(image):
        total = tf.reduce_mean((image - TARGET - rounding) ** 2)
        return total, {"far": total}

    result = quietly(loss, TARGET, 20)
    assert result.steps == 0 and len(result.history["far"]) == 1
    np.testing.assert_array_equal(result.image, TARGET)


# --- interrupted --------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_interrupt_returns_the_picture_so_far(optimizer, monkeypatch):
    def stop(step, image, terms):
        if step == 5:
            raise KeyboardInterrupt

    told = []  # the notebook, if it runs in one
    monkeypatch.setattr("style_workshop.optimize.stop_notebook", lambda: told.append(1))
    result = quietly(valley, START, 50, optimizer=optimizer, callback=stop)
    assert result.interrupted and result.steps == 5 and told == [1]
    assert {len(values) for values in result.history.values()} == {6}
    np.testing.assert_array_equal(
        result.image, quietly(valley, START, 5, optimizer=optimizer).image
    )


def test_an_interrupt_before_the_first_step_returns_the_start():
    def stop(image):
        raise KeyboardInterrupt

    result = quietly(stop)
    assert result.interrupted and result.steps == 0 and result.history == {}
    np.testing.assert_array_equal(result.image, START)


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process")
@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_the_work_returns_the_picture_so_far():
    script = """
        import numpy as np, tensorflow as tf
        from style_workshop.optimize import optimize

        kernel = np.random.default_rng(0).normal(0, 1, (5, 5, 3, 24)).astype("f")

        def loss(image):
            maps = tf.nn.relu(tf.nn.conv2d(image[None] / 255, kernel, 1, "SAME"))
            total = tf.reduce_mean((maps - 3) ** 2)
            return total, {"far": total}

        for optimizer in ("lbfgs", "adam"):
            start = np.random.default_rng(1).uniform(0, 255, (96, 96, 3)).astype("f")
            result = optimize(
                loss, start, 100000, optimizer=optimizer, progress=None,
                callback_steps={3}, callback=lambda *a: print("running", flush=True),
            )
            losses = result.history["total"]
            assert result.interrupted and result.steps + 1 == len(losses), losses
            assert 3 <= result.steps < 100000
            now = float(loss(tf.constant(result.image))[0])
            assert now < losses[0], (now, losses[0])
            assert len(result.history["far"]) == len(losses)
            print("stopped well", flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = []
    try:
        for line in process.stdout:
            lines.append(line.strip())
            if line.startswith("running"):
                process.send_signal(signal.SIGINT)
    finally:
        _, errors = process.communicate(timeout=600)
    assert lines == ["running", "stopped well"] * 2, errors[-2000:]
    assert process.returncode == 0, errors[-2000:]


# --- numbers that are not finite ----------------------------------------------------


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_nan_names_its_term_and_carries_the_picture_so_far(optimizer):
    def breaks(image):
        good = tf.reduce_sum((image - TARGET) ** 2)
        bad = tf.where(good < 0.1 * first, np.nan, 1.0)
        return good + bad, {"good": good, "ugly": bad}

    first = np.sum((START - TARGET) ** 2)
    with pytest.raises(NotFinite, match="The ugly is not finite any more") as caught:
        quietly(breaks, START, 50, optimizer=optimizer)
    result = caught.value.result
    assert f"after {result.steps} steps" in str(caught.value)
    assert np.sum((result.image - TARGET) ** 2) >= 0.1 * first
    assert optimizer == "lbfgs" or result.steps > 3  # Adam goes there in small steps
    assert result.image.shape == SHAPE and np.isfinite(result.image).all()
    assert np.isfinite([*result.history.values()]).all()
    assert isinstance(caught.value, WorkshopError)


def test_a_picture_with_nan_in_it_is_named_before_any_step():
    start = START.copy()
    start[0, 0, 0] = np.nan
    with pytest.raises(NotFinite, match="bowl is not finite .* 0 steps"):
        quietly(bowl, start)


def test_an_infinite_gradient_of_a_finite_loss_is_named():
    def cliff(image):
        return tf.reduce_sum(tf.sqrt(image)), {}

    with pytest.raises(NotFinite, match="gradient of the loss is not finite"):
        quietly(cliff, np.zeros(SHAPE, np.float32))


# --- what it refuses ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"steps": 0}, "steps is 0: use a whole number, 1 or more"),
        ({"steps": -3}, "steps is -3"),
        ({"steps": 2.5}, "steps is 2.5"),
        ({"steps": float("nan")}, "steps is nan"),
        ({"optimizer": "sgd"}, "optimizer is 'sgd': use lbfgs, adam or descent"),
        ({"learning_rate": 0.0}, "learning_rate is 0.0: use a number above 0"),
        ({"learning_rate": -1.0}, "learning_rate is -1.0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
    ],
    ids=str,
)
def test_arguments_that_make_no_sense_are_refused_before_the_loss_is_called(
    arguments, message
):
    def never(image):
        raise AssertionError("the loss was called")

    with pytest.raises(WorkshopError, match=message):
        quietly(never, START, **arguments)


@pytest.mark.parametrize("falloff", [-0.1, 2.5, float("nan")])
def test_a_falloff_that_makes_no_sense_is_refused(falloff):
    with pytest.raises(
        WorkshopError, match="falloff is .*: use a number from 0 up to 2"
    ):
        quietly(bowl, falloff=falloff)


def test_numbers_of_numpy_are_steps_too():
    check("lbfgs", np.int64(3), learning_rate=np.float32(1))


# --- where it starts ----------------------------------------------------------------


def test_starts_from_content_style_or_a_picture_of_ones_own():
    content = RANDOM.uniform(0, 255, (8, 12, 3)).astype(np.float32)
    style = np.full((30, 20, 3), (10, 20, 30), np.float32)
    own = np.full((5, 5, 3), (200, 100, 50), np.float32)
    np.testing.assert_array_equal(start_image("content", content, style), content)
    for start, color in ((None, (10, 20, 30)), (own, (200, 100, 50))):
        image = start_image("style", content, style, start=start)
        assert image.dtype == np.float32
        np.testing.assert_allclose(image, np.broadcast_to(color, (8, 12, 3)), atol=1e-3)


def test_the_start_is_a_copy_of_the_content():
    content = np.zeros(SHAPE, np.float32)
    start_image("content", content, content)[:] = 9
    assert content.max() == 0


def test_noise_is_gray_within_0_255_and_the_seed_decides_it():
    content = np.zeros((60, 70, 3), np.float32)
    noise = start_image("noise", content, content, seed=5)
    assert noise.shape == content.shape and noise.dtype == np.float32
    assert noise.min() >= 0 and noise.max() <= 255
    np.testing.assert_allclose(noise.mean(axis=(0, 1)), 127.5, atol=3)
    np.testing.assert_allclose(noise.std(), 40, atol=2)
    quiet = start_image("noise", content, content, seed=5, deviation=8)
    np.testing.assert_allclose(quiet.std(), 8, atol=0.4)
    np.testing.assert_array_equal(noise, start_image("noise", content, content, seed=5))
    other = start_image("noise", content, content, seed=6)
    assert np.abs(noise - other).mean() > 20


def test_another_word_to_start_from_is_refused():
    with pytest.raises(
        WorkshopError, match="init is 'chaos': use content, noise or style"
    ):
        start_image("chaos", START, START)


# --- steps of one size, and numbers that are not a picture --------------------------


def test_descent_changes_the_pixels_by_the_learning_rate_on_average():
    pictures = []
    quietly(
        valley,
        START,
        4,
        optimizer="descent",
        learning_rate=2.0,
        callback=lambda *a: pictures.append(a[1]),
    )
    assert len(pictures) == 5
    for before, after in zip(pictures, pictures[1:], strict=False):
        assert np.abs(after - before).mean() == pytest.approx(2, rel=1e-3)


def test_descent_goes_downhill_and_clips():
    result = quietly(bowl, START, 40, optimizer="descent", learning_rate=1.0)
    assert result.history["total"][-1] < 0.05 * result.history["total"][0]
    result = quietly(
        lambda x: (-tf.reduce_sum(x), {}),
        START,
        10,
        optimizer="descent",
        learning_rate=50.0,
    )
    np.testing.assert_array_equal(result.image, np.full(SHAPE, 255))


def test_descent_stays_where_there_is_no_slope():
    result = quietly(
        lambda x: (0 * tf.reduce_sum(x), {}), START, 3, optimizer="descent"
    )
    np.testing.assert_array_equal(result.image, START)


@pytest.mark.parametrize("optimizer", ["adam", "descent", "lbfgs"])
def test_what_is_decoded_is_changed_in_its_own_numbers(optimizer):
    def decode(numbers):  # [6] to [2, 1, 3]
        return 127.5 + 100 * tf.reshape(numbers, [2, 1, 3])

    goal = np.float32([[[227.5, 27.5, 127.5]], [[77.5, 177.5, 127.5]]])

    def loss(image):
        assert image.shape == (2, 1, 3)
        total = tf.reduce_mean((image - goal) ** 2)
        return total, {"far": total}

    seen, start = [], np.zeros(6, np.float32)
    result = quietly(
        loss,
        start,
        120,
        optimizer=optimizer,
        learning_rate=0.02,
        callback=lambda *a: seen.append(a[1]),
        decode=decode,
    )
    np.testing.assert_allclose(seen[0], np.full((2, 1, 3), 127.5))
    np.testing.assert_allclose(result.image, goal, atol=4)
    np.testing.assert_array_equal(seen[-1], result.image)


def test_decoded_numbers_are_not_clipped_but_their_picture_is():
    result = quietly(
        lambda x: (-tf.reduce_sum(x), {}),
        np.zeros(SHAPE),
        5,
        optimizer="adam",
        learning_rate=1.0,
        decode=lambda numbers: 100 * numbers,
    )
    np.testing.assert_array_equal(result.image, np.full(SHAPE, 255))
    assert result.history["total"][-1] == pytest.approx(-5 * 100 * 60, rel=1e-3)


def test_a_loss_that_draws_at_random_is_the_same_under_its_seed():
    def run(seed):
        random = tf.random.Generator.from_seed(seed)

        def loss(image):
            place = random.uniform([], 0, 4, tf.int32)
            total = tf.reduce_sum((image[place] - 200) ** 2)
            return total, {}

        return quietly(loss, START, 12, optimizer="descent", learning_rate=1.0)

    first, again, other = run(1), run(1), run(2)
    assert first.history == again.history != other.history
    np.testing.assert_array_equal(first.image, again.image)
