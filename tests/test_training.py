"""The training loop: it learns, stops at any moment, and goes on exactly."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from style_workshop import WorkshopError, fast, feedforward, perceptual, training
from style_workshop.batches import BatchGenerator
from style_workshop.training import Plan

ROOT = Path(__file__).resolve().parent.parent
SMALL = feedforward.Architecture(filters=2, blocks=1)


@pytest.fixture
def photos(tmp_path) -> Path:
    """Nine photographs of noise: gray ones, a broken one and odd sizes among them."""
    folder, random = tmp_path / "photos", np.random.default_rng(0)
    folder.mkdir()
    for number in range(9):
        size = (40 + 3 * number, 50) if number else (33, 80)
        noise = random.integers(0, 255, (*size, 3), np.uint8)
        picture = Image.fromarray(noise).convert("L" if number % 3 == 0 else "RGB")
        picture.save(folder / f"{number}.jpg")
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def batches(photos, **changes) -> BatchGenerator:
    given = {"batch_size": 2, "seed": 3, "short_side": 20, **changes}
    return BatchGenerator(photos, "random_crop", 16, **given)


class Line:
    """A loss that one knows: half the squared distance of a variable from a target."""

    def __init__(self, target=3.0):
        self.variable = tf.Variable([0.0, 0.0], name="line")
        self.target = target

    def __call__(self, batch, step):
        half = tf.reduce_sum((self.variable - self.target) ** 2) / 2
        return half, {"half": half, "photographs": tf.reduce_mean(batch)}


pytestmark = pytest.mark.filterwarnings("ignore:Skipped:UserWarning")
PLAN = Plan(steps=20, learning_rate=0.1, every=5)


def test_it_takes_the_steps_of_adam(photos):
    """Against Adam written with NumPy (Kingma and Ba, algorithm 1)."""
    line = Line()
    history = training.train(
        [line.variable], line, batches(photos), PLAN, progress=None
    )
    x, m, v = np.zeros(2), 0.0, 0.0
    for step in range(1, 21):
        gradient = x - 3
        m, v = 0.9 * m + 0.1 * gradient, 0.999 * v + 0.001 * gradient**2
        root = np.sqrt(v / (1 - 0.999**step)) + 1e-7
        x = x - 0.1 * m / (1 - 0.9**step) / root
    np.testing.assert_allclose(line.variable.numpy(), x, rtol=1e-4)
    assert history.steps == 20
    assert history.losses["half"][0] == pytest.approx(9)
    assert history.losses["total"][-1] < 5


def test_a_long_gradient_is_shortened(photos):
    """Adam does not mind the length of all gradients, but of one among them it does."""
    line, moves = Line(), []
    for clip in (0, 1e-9):
        line.variable.assign([0, 0])
        plan = replace(PLAN, steps=1, clip=clip)
        training.train([line.variable], line, batches(photos), plan, progress=None)
        moves.append(line.variable.numpy()[0])
    assert moves[0] == pytest.approx(0.1, rel=1e-3)
    assert moves[1] < 0.01  # 1e-9 is lost in Adam's own epsilon of 1e-7


def test_batches_of_a_stopped_run_go_on_where_they_were(photos, tmp_path):
    def losses(steps, folder):
        line = Line()
        plan = replace(PLAN, steps=steps)
        return training.train(
            [line.variable], line, batches(photos), plan, folder, progress=None
        ).losses

    whole = losses(20, None)
    losses(10, tmp_path / "run")
    assert losses(20, tmp_path / "run") == whole


def test_few_checkpoints_stay_and_leftovers_go(photos, tmp_path):
    line, folder = Line(), tmp_path / "run"
    (folder / ".part-dead").mkdir(parents=True)
    (folder / ".part-dead.lock").touch()
    training.train([line.variable], line, batches(photos), PLAN, folder, progress=None)
    names = [path.name for path in training.checkpoints(folder)]
    assert names == ["step-0000010.npz", "step-0000015.npz", "step-0000020.npz"]
    assert len(list(folder.iterdir())) == 3


def test_it_goes_back_from_nan_with_half_the_rate_and_says_so(photos, tmp_path, capsys):
    line, bad = Line(), tf.Variable(True)

    def loss(batch, step):
        total, terms = line(batch, step)
        broken = tf.logical_and(bad, step == 7)
        return tf.where(broken, np.nan, total), terms

    rates = []

    def callback(history):
        rates.append(history.steps)
        if history.retreats:
            bad.assign(False)

    run = training._Run([line.variable], loss, batches(photos), PLAN, None, None, None)
    run.resume()
    with training.tqdm(total=20) as run.bar:
        while run.step < 7:
            run.go()
            if run.step == 5:
                run.save()
                after_five = line.variable.numpy()
        run.go()
        assert run.step == 5
        np.testing.assert_array_equal(line.variable.numpy(), after_five)
        assert float(run.adam.learning_rate.numpy()) == pytest.approx(0.05)
        bad.assign(False)
        while run.step < 20:
            run.go()
    assert run.history.retreats == [7]
    printed = "".join(capsys.readouterr())
    assert (
        "loss of step 8 is not finite: back to step 5, with a learning rate of 0.05"
        in (printed)
    )


def test_a_loss_that_stays_infinite_ends_the_run_with_the_last_good_weights(
    photos, tmp_path
):
    line = Line()

    def loss(batch, step):
        total, terms = line(batch, step)
        return tf.where(step >= 6, np.inf, total), terms

    with pytest.raises(WorkshopError, match="loss of step 7 is not finite, with ever"):
        training.train(
            [line.variable],
            loss,
            batches(photos),
            PLAN,
            tmp_path / "run",
            progress=None,
        )
    assert np.isfinite(line.variable.numpy()).all()
    assert training.checkpoints(tmp_path / "run")[-1].name == "step-0000005.npz"


def test_ctrl_c_keeps_the_step_and_returns(photos, tmp_path):
    line, stopped = Line(), []

    def stop(history):
        if not stopped:
            stopped.append(history.steps)
            raise KeyboardInterrupt

    folder = tmp_path / "run"
    given = ([line.variable], line, batches(photos), PLAN, folder)
    first = training.train(*given, callback=stop, progress=None)
    assert first.interrupted
    assert first.steps == 5
    line2 = Line()
    again = training.train(
        [line2.variable], line2, batches(photos), PLAN, folder, progress=None
    )
    # Another variable of the same name: what counts is in the checkpoint.
    assert again.steps == 20
    assert not again.interrupted


def test_a_checkpoint_of_another_training_is_refused(photos, tmp_path):
    line, folder = Line(), tmp_path / "run"
    given = ([line.variable], line, batches(photos), PLAN, folder)
    training.train(*given, made_for={"style": "gold"}, progress=None)
    with pytest.raises(WorkshopError, match="another training, with other settings"):
        training.train(*given, made_for={"style": "blue"}, progress=None)
    training.checkpoints(folder)[-1].write_bytes(b"PK rubbish")
    with pytest.raises(WorkshopError, match="damaged, or no file of this workshop"):
        training.train(*given, made_for={"style": "gold"}, progress=None)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"every": 1.5}, "every is 1.5"),
        ({"keep": 0}, "keep is 0"),
        ({"learning_rate": float("inf")}, "A learning rate of inf"),
        ({"clip": -1}, "A clip of -1"),
    ],
)
def test_plans_that_make_no_sense_are_refused(change, message):
    with pytest.raises(WorkshopError, match=message):
        training.check(replace(PLAN, **change))


def test_logs_for_tensorboard(photos, tmp_path):
    line = Line()
    training.train(
        [line.variable], line, batches(photos), PLAN, logs=tmp_path, progress=None
    )
    (events,) = tmp_path.glob("events*")
    found = [
        value.tag
        for record in tf.compat.v1.train.summary_iterator(str(events))
        for value in record.summary.value
    ]
    assert found.count("total") == 20


# --- exactly ------------------------------------------------------------------------

#: Trains a real network with a real VGG of random weights, and prints as it goes.
SCRIPT = """
import sys
import numpy as np
from style_workshop import fast, feedforward, perceptual, training, vgg
photos, folder, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
values, random, channels = {}, np.random.default_rng(0), 3
for layer in vgg.layer_names("vgg16"):
    if layer.startswith("conv"):
        out = vgg.CHANNELS[int(layer[4]) - 1]
        scale = np.float32(np.sqrt(2 / 9 / channels))
        kernel = random.standard_normal((3, 3, channels, out), np.float32) * scale
        values[layer + "/kernel"], values[layer + "/bias"] = kernel, np.zeros(out)
        channels = out
style = random.uniform(0, 255, (32, 32, 3)).astype(np.float32)
perception = perceptual.Perception(
    content_layer="relu2_2", style_layers=("relu1_2", "relu2_2"), style_size=32
)
loss = perceptual.PerceptualLoss(vgg.Network("vgg16", values), [style] * 2, perception)
network = feedforward.TransformNetwork(
    feedforward.Architecture(filters=2, blocks=1, styles=2)
)
batches = fast.batches_of(fast.Course(photos, 16, 2, seed=1))
training.train(
    network.variables, loss.of(network), batches,
    training.Plan(steps, every=1), folder,
    callback=lambda history: print(history.steps, flush=True), progress=None,
)
np.savez(folder + "/weights.npz", **network.values())
"""


def start(photos, folder, steps) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, photos, folder, str(steps)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_ends_bit_for_bit_as_one_that_is_not(photos, tmp_path):
    steps, kills = 8, 0
    whole, killed = str(tmp_path / "whole"), str(tmp_path / "killed")
    first = start(photos, whole, steps)
    process = start(photos, killed, steps)
    for line in process.stdout:
        if int(line) >= 4:
            time.sleep(0.013)  # somewhere in the next step, or while it is written
            process.kill()
            kills += 1
            break
    process.wait()
    assert start(photos, killed, steps).wait() == 0
    assert first.wait() == 0
    assert kills == 1
    ours, theirs = (np.load(f"{folder}/weights.npz") for folder in (whole, killed))
    for name in ours.files:
        np.testing.assert_array_equal(ours[name], theirs[name])


# --- the perceptual loss and the whole course ---------------------------------------


@pytest.fixture(scope="module")
def vgg19(values):
    from style_workshop import vgg

    return vgg.Network("vgg19", values)


PERCEPTION = perceptual.Perception(
    network="vgg19",
    content_layer="relu2_2",
    style_layers=("relu1_2", "relu2_2"),
    style_size=48,
)


def noise(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


def test_the_perceptual_loss_is_its_formula(vgg19):
    styles = [noise(48, 40, 3, seed=s) for s in (1, 2)]
    loss = perceptual.PerceptualLoss(vgg19, styles, PERCEPTION)
    photographs, painted = noise(2, 32, 24, 3, seed=3), noise(2, 32, 24, 3, seed=4)
    total, terms = loss(
        tf.constant(painted), tf.constant(photographs), tf.constant([1, 0])
    )

    def maps(images, layer):
        from style_workshop import vgg

        return vgg19(vgg.preprocess(images), layer)[layer].numpy().astype(np.float64)

    def gram(features):
        flat = features.reshape(-1, features.shape[-1])
        return flat.T @ flat / len(flat)

    shares = [
        np.sum((gram(maps(p[None], layer)) - gram(maps(s[None], layer))) ** 2)
        / np.sum(gram(maps(s[None], layer)) ** 2)
        for layer in PERCEPTION.style_layers
        for p, s in ((painted[0], styles[1]), (painted[1], styles[0]))
    ]
    assert float(terms["style"]) == pytest.approx(5 * np.mean(shares), rel=1e-3)
    missed = np.mean((maps(painted, "relu2_2") - maps(photographs, "relu2_2")) ** 2) / 2
    unit = float(loss._content_unit)
    assert float(terms["content"]) == pytest.approx(missed / unit, rel=1e-3)
    assert float(total) == pytest.approx(float(sum(terms.values())))


def test_the_style_itself_has_no_style_loss_and_nothing_has_1(vgg19):
    style = noise(48, 40, 3)
    loss = perceptual.PerceptualLoss(vgg19, [style], PERCEPTION)
    itself, _ = loss.of_picture(style)(tf.constant(style))
    assert float(itself) < 1e-4
    empty = {n: tf.zeros([1, 8, 8, c]) for n, c in (("relu1_2", 64), ("relu2_2", 128))}
    assert float(loss.style(empty, tf.constant([0]))) == pytest.approx(1)


def test_one_style_can_be_trained_by_its_scales_and_shifts_alone(
    photos, values, monkeypatch, vgg19
):
    monkeypatch.setattr(fast.weights, "pretrained", lambda name: vgg19)
    start = feedforward.TransformNetwork(replace(SMALL, styles=2), card={"a": 1})
    network = feedforward.with_styles(start, 3, [0, 1])
    before = network.values()
    styles = {name: noise(48, 48, 3, seed=n) for n, name in enumerate("abc")}
    course = fast.Course(photos, 16, 2, norms_only=True, style=2)
    plan = Plan(steps=3)
    fast.train(network, styles, course, plan, PERCEPTION, progress=None)
    for name, after in network.values().items():
        if name.split("/")[-1] in ("scale", "shift"):
            np.testing.assert_array_equal(after[:2], before[name][:2])
            assert np.abs(after[2] - before[name][2]).max() > 0
        else:
            np.testing.assert_array_equal(after, before[name])
    assert network.card["a"] == 1
    assert network.card["styles"] == ["a", "b", "c"]
    assert network.card["training"][0]["steps"] == 3


def test_a_course_leaves_curves_and_samples(photos, tmp_path, monkeypatch, vgg19):
    monkeypatch.setattr(fast.weights, "pretrained", lambda name: vgg19)
    network = feedforward.TransformNetwork(SMALL)
    fast.train(
        network,
        {"gold": noise(48, 48, 3)},
        fast.Course(photos, 16, 2),
        Plan(steps=2, every=1),
        PERCEPTION,
        tmp_path / "run",
        [noise(20, 30, 3)],
        progress=None,
    )
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == [
        "losses.png",
        "sample-1-step-0000001.jpg",
        "sample-1-step-0000002.jpg",
        *(f"step-000000{step}.npz" for step in range(3)),
    ]


def test_as_many_styles_as_the_network_has(photos):
    network = feedforward.TransformNetwork(SMALL)
    with pytest.raises(WorkshopError, match="has 1 styles, and 0 pictures are given"):
        fast.train(network, {}, fast.Course(photos))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style_weight": -1}, "style_weight is -1"),
        ({"content_layer": "relu9_9"}, "no layer 'relu9_9'"),
        ({"style_size": 4}, "too small"),
        ({"network": "vgg11"}, "no network 'vgg11'"),
        ({"dtype": "float16"}, "No dtype 'float16'"),
    ],
)
def test_perceptions_that_make_no_sense_are_refused(change, message):
    with pytest.raises(WorkshopError, match=message):
        perceptual.check(replace(perceptual.PERCEPTION, **change))


def test_what_a_new_style_starts_from(values):
    start = feedforward.TransformNetwork(replace(SMALL, styles=3))
    given = start.values()
    for name, array in given.items():
        if name.endswith("shift"):
            array[:] = np.arange(3)[:, None]
    start = feedforward.TransformNetwork(start.architecture, given)
    one = feedforward.with_styles(start, 1, [2])
    np.testing.assert_array_equal(one.values()["norm_down_1/shift"], [2, 2])
    more = feedforward.with_styles(start, 4, [0, 1, 2]).values()["norm_down_1/shift"]
    np.testing.assert_array_equal(more[:, 0], [0, 1, 2, 1])
    x = noise(1, 16, 16, 3)
    np.testing.assert_allclose(one(x), start(x, [0, 0, 1]), atol=0.01)
    with pytest.raises(WorkshopError, match=r"Cannot keep the styles \[3\] of 3"):
        feedforward.with_styles(start, 1, [3])
