"""The training loop: it learns, stops at any moment, and goes on exactly."""

import gc
import os
import re
import signal
import subprocess
import sys
import time
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from style_workshop import (
    IMAGES,
    WorkshopError,
    fast,
    feedforward,
    images,
    perceptual,
    training,
)
from style_workshop.batches import BatchGenerator
from style_workshop.training import TrainingSettings

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


def run(line, photos, settings=None, folder=None, **more) -> training.History:
    settings, given = settings or SETTINGS, {"progress": None, **more}
    loss = given.pop("loss", line)
    return training.train(
        [line.variable],
        loss,
        batches(photos),
        settings=settings,
        folder=folder,
        **given,
    )


pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped:UserWarning"),
    pytest.mark.usefixtures("narrow_vgg"),
]
SETTINGS = TrainingSettings(20, 0.1, every=5)


def test_it_takes_the_steps_of_adam(photos):
    """Against Adam written with NumPy (Kingma and Ba, algorithm 1)."""
    line = Line()
    history = run(line, photos)
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


def test_nothing_of_its_graph_outlives_a_run(photos):
    """A graph holds what the loss brought: VGG, and the targets of its styles."""
    line, graphs = Line(), []

    def loss(batch, step):
        graphs.append(weakref.ref(tf.compat.v1.get_default_graph()))
        return line(batch, step)

    run(line, photos, loss=loss)
    gc.collect()
    assert graphs and not any(graph() for graph in graphs)


def test_a_long_gradient_is_shortened(photos):
    """Adam does not mind the length of all gradients, but of one among them it does."""
    line, moves = Line(), []
    for clip in (0, 1e-9):
        line.variable.assign([0, 0])
        run(line, photos, replace(SETTINGS, steps=1, clip=clip))
        moves.append(line.variable.numpy()[0])
    assert moves[0] == pytest.approx(0.1, rel=1e-3)
    assert moves[1] < 0.01  # 1e-9 is lost in Adam's own epsilon of 1e-7


def test_batches_of_a_stopped_run_go_on_where_they_were(photos, tmp_path):
    def losses(steps, folder):
        return run(Line(), photos, replace(SETTINGS, steps=steps), folder).losses

    whole = losses(20, None)
    losses(10, tmp_path / "run")
    assert losses(20, tmp_path / "run") == whole


def test_few_checkpoints_stay_and_leftovers_go(photos, tmp_path):
    line, folder = Line(), tmp_path / "run"
    (folder / ".part-dead").mkdir(parents=True)
    (folder / ".part-dead.lock").touch()
    run(line, photos, folder=folder)
    names = [path.name for path in training.checkpoints(folder)]
    assert names == ["step-0000010.npz", "step-0000015.npz", "step-0000020.npz"]
    assert len(list(folder.iterdir())) == 3


def test_it_goes_back_from_nan_with_half_the_rate_and_says_so(photos, tmp_path, capsys):
    line, bad = Line(), tf.Variable(True)

    def loss(batch, step):
        total, terms = line(batch, step)
        broken = tf.logical_and(bad, step == 7)
        return tf.where(broken, np.nan, total), terms

    run = training._Run([line.variable], loss, batches(photos), SETTINGS, None, None)
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
        bad.assign(False)
        run.go()
        assert float(run.adam.learning_rate.numpy()) == pytest.approx(0.05)
        while run.step < 20:
            run.go()
    assert run.history.rollbacks == [7]
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
        run(line, photos, folder=tmp_path / "run", loss=loss)
    assert np.isfinite(line.variable.numpy()).all()
    assert training.checkpoints(tmp_path / "run")[-1].name == "step-0000005.npz"


def test_ctrl_c_keeps_the_step_and_returns(photos, tmp_path):
    line, stopped = Line(), []

    def stop(history):
        if not stopped:
            stopped.append(history.steps)
            raise KeyboardInterrupt

    folder = tmp_path / "run"
    first = run(line, photos, folder=folder, callback=stop)
    assert first.interrupted
    assert first.steps == 5
    again = run(Line(), photos, folder=folder)
    # Another variable of the same name: what counts is in the checkpoint.
    assert again.steps == 20
    assert not again.interrupted


def test_a_checkpoint_of_another_training_is_refused(photos, tmp_path):
    line, folder = Line(), tmp_path / "run"
    run(line, photos, folder=folder, made_for={"style": "gold"})
    with pytest.raises(WorkshopError, match="another training, with other settings"):
        run(line, photos, folder=folder, made_for={"style": "blue"})
    slower = replace(SETTINGS, learning_rate=0.01)
    with pytest.raises(WorkshopError, match="another training, with other settings"):
        run(line, photos, slower, folder, made_for={"style": "gold"})


def test_a_damaged_checkpoint_is_put_aside_for_the_one_before(photos, tmp_path, capsys):
    folder, whole = tmp_path / "run", run(Line(), photos).losses
    run(Line(), photos, replace(SETTINGS, steps=10), folder)
    last = training.checkpoints(folder)[-1]
    last.write_bytes(last.read_bytes()[:-50])
    assert run(Line(), photos, folder=folder).losses == whole
    assert "step-0000010.npz is damaged: back to step-0000005.npz" in "".join(
        capsys.readouterr()
    )
    assert (folder / "step-0000010.npz.damaged").exists()
    for path in training.checkpoints(folder):
        path.write_bytes(b"PK rubbish")
    with pytest.raises(WorkshopError, match="damaged.*No checkpoint before it is left"):
        run(Line(), photos, folder=folder)


def test_the_rate_falls_along_a_cosine(photos):
    """The first steps of Adam are as long as the rate, whatever the gradient."""
    settings = TrainingSettings(4, 0.2, schedule="cosine")
    rates = [settings.rate(step) for step in range(5)]
    half = np.sqrt(0.5)
    expected = [0.2, 0.1 + 0.1 * half, 0.1, 0.1 - 0.1 * half, 0]
    np.testing.assert_allclose(rates, expected, atol=1e-9)
    line = Line(target=1e6)  # so far away that the gradient stays the same
    run(line, photos, settings)
    np.testing.assert_allclose(line.variable.numpy(), sum(expected), rtol=1e-3)


def test_the_average_counts_the_latest_steps_most(photos):
    line, values = Line(), []
    for steps in range(1, 5):  # no folder: each run begins anew
        line.variable.assign([0, 0])
        run(line, photos, TrainingSettings(steps, 0.1))
        values.append(line.variable.numpy())
    line.variable.assign([0, 0])
    seen = []
    run(
        line,
        photos,
        TrainingSettings(4, 0.1, average=0.5, every=2),
        callback=lambda history: seen.append(line.variable.numpy()),
    )
    weights = np.array([1, 2, 4, 8])  # each step twice the one before
    for count, found in ((2, seen[0]), (4, seen[1]), (4, line.variable.numpy())):
        expected = np.average(values[:count], axis=0, weights=weights[:count])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_average_and_schedule_go_on_exactly(photos, tmp_path):
    settings = replace(SETTINGS, average=0.9, schedule="cosine", every=3)
    whole, stopped, folder = Line(), Line(), tmp_path / "run"
    run(whole, photos, settings)

    def stop(history):
        if history.steps == 9:
            raise KeyboardInterrupt

    assert run(stopped, photos, settings, folder, callback=stop).interrupted
    again = Line()
    run(again, photos, settings, folder)
    np.testing.assert_array_equal(again.variable.numpy(), whole.variable.numpy())


def test_batches_may_be_anything_that_can_be_restored(tmp_path):
    class Pairs:
        count = 0

        def next(self):
            self.count += 1
            return {"content": np.float32([self.count]), "style": np.float32([2])}

        def state(self):
            return {"count": self.count}

        def restore(self, state):
            self.count = state["count"]

    def losses(steps, folder=None):
        line = Line()

        def loss(batch, step):
            product = batch["content"][0] * batch["style"][0]
            return line(batch["content"], step)[0] * product, {"product": product}

        settings, given = TrainingSettings(steps, every=2), {"progress": None}
        return training.train(
            [line.variable], loss, Pairs(), settings=settings, folder=folder, **given
        ).losses

    whole = losses(6)
    assert whole["product"] == [2, 4, 6, 8, 10, 12]
    losses(4, tmp_path / "run")
    assert losses(6, tmp_path / "run") == whole


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps is 0"),
        ({"every": 1.5}, "every is 1.5"),
        ({"keep": 0}, "keep is 0"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"clip": -1}, "clip is -1"),
        ({"schedule": "linear"}, "schedule is 'linear': use constant or cosine"),
        ({"average": 1}, "average is 1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(change, message):
    with pytest.raises(WorkshopError, match=message):
        replace(SETTINGS, **change)


def test_logs_for_tensorboard(photos, tmp_path):
    line = Line()
    run(line, photos, logs=tmp_path)
    (events,) = tmp_path.glob("events*")
    found = [
        value.tag
        for record in tf.compat.v1.train.summary_iterator(str(events))
        for value in record.summary.value
    ]
    assert found.count("total") == 20


# --- exactly ------------------------------------------------------------------------

#: Trains a toy, a convolution with noise that hangs on the step, and prints as it goes.
SCRIPT = """
import sys
import numpy as np
import tensorflow as tf
from style_workshop import fast, training
photos, folder, steps = sys.argv[1], sys.argv[2], int(sys.argv[3])
kernel = tf.Variable(tf.ones([3, 3, 3, 4]) / 9, name="toy/kernel")

def loss(batch, step):
    noise = tf.random.stateless_normal(tf.shape(batch), [7, step])
    found = tf.nn.conv2d(batch / 255 + noise, kernel, 1, "SAME")
    return tf.reduce_mean(tf.tanh(found) ** 2), {"mean": tf.reduce_mean(found)}

training.train(
    [kernel], loss, fast.TrainingData(photos, 16, batch_size=2, seed=1).batches(),
    settings=training.TrainingSettings(
        steps, 0.01, schedule="cosine", average=0.9, every=1
    ),
    folder=folder, callback=lambda history: print(history.steps, flush=True),
    progress=None,
)
np.save(folder + "/kernel.npy", kernel.numpy())
"""


def start(photos, folder, steps) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, photos, folder, str(steps)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "2"},
    )


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="Windows has no SIGKILL")
def test_a_run_that_is_killed_ends_bit_for_bit_as_one_that_is_not(photos, tmp_path):
    steps, kills = 40, 0
    whole, killed = str(tmp_path / "whole"), str(tmp_path / "killed")
    first = start(photos, whole, steps)
    process = start(photos, killed, steps)
    for line in process.stdout:
        if int(line) >= 20:
            time.sleep(0.013)  # somewhere in the next step, or while it is written
            process.kill()
            kills += 1
            break
    process.wait()
    assert start(photos, killed, steps).wait() == 0
    assert first.wait() == 0
    assert kills == 1
    ours, theirs = (np.load(f"{folder}/kernel.npy") for folder in (whole, killed))
    np.testing.assert_array_equal(ours, theirs)


# --- the perceptual loss and the whole training ---------------------------------------


@pytest.fixture(scope="module")
def vgg19(values):
    from style_workshop import vgg

    return vgg.Network("vgg19", values)


LOSS = perceptual.LossSettings(
    "vgg19",
    content_layer="relu2_2",
    style_layers=("relu1_2", "relu2_2"),
    style_size=48,
)
PLAIN = replace(LOSS, tile_share=0)


def noise(*shape, seed=0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 255, shape).astype(np.float32)


@pytest.mark.slow
def test_the_perceptual_loss_is_its_formula(vgg19):
    styles = [noise(48, 40, 3, seed=s) for s in (1, 2)]
    loss = perceptual.PerceptualLoss(vgg19, styles, PLAIN)
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
        for layer in LOSS.style_layers
        for p, s in ((painted[0], styles[1]), (painted[1], styles[0]))
    ]
    assert float(terms["style"]) == pytest.approx(5 * np.mean(shares), rel=1e-3)
    missed = np.mean((maps(painted, "relu2_2") - maps(photographs, "relu2_2")) ** 2) / 2
    assert float(terms["content"]) == pytest.approx(
        missed / loss.content_unit, rel=1e-3
    )
    assert float(total) == pytest.approx(float(sum(terms.values())))


@pytest.mark.slow
def test_the_unit_of_the_content_loss_is_that_of_six_photographs(
    vgg19, values, monkeypatch, tmp_path
):
    """Against a convolution in NumPy, and whatever else lies in the folder."""
    names = ("astronaut", "cat", "coffee", "flower", "rocket", "temple")
    kernel = values["conv1_1/kernel"].reshape(27, -1).astype(np.float64)
    bias = values["conv1_1/bias"]

    def maps(image):  # [h, w, 3] to relu1_1, [h, w, c]
        bgr = image[..., ::-1] - np.array([103.939, 116.779, 123.68])
        padded = np.pad(bgr, [(1, 1), (1, 1), (0, 0)])
        windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (0, 1))
        rows = windows.transpose(0, 1, 3, 4, 2).reshape(-1, 27)
        return np.maximum(rows @ kernel + bias, 0)

    gray = maps(np.full((256, 256, 3), 127.5))
    missed = [
        np.mean(
            (maps(images.read(IMAGES / f"content/{n}.jpg", (256, 256))) - gray) ** 2
        )
        for n in names
    ]
    first = replace(PLAIN, content_layer="relu1_1")
    loss = perceptual.PerceptualLoss(vgg19, [noise(48, 40, 3)], first)
    assert loss.content_unit == pytest.approx(np.mean(missed) / 2, rel=1e-4)
    assert loss.describe()["content_unit"] == pytest.approx(loss.content_unit, rel=1e-3)


@pytest.mark.slow
def test_a_checkpoint_knows_the_pixels_of_each_style(vgg19):
    styles = [noise(48, 40, 3), noise(48, 40, 3, seed=1)]
    before = perceptual.PerceptualLoss(vgg19, styles, LOSS).describe()
    styles[1][47, 39, 2] += 1
    after = perceptual.PerceptualLoss(vgg19, styles, LOSS).describe()
    assert before["style_sha256"][0] == after["style_sha256"][0]
    assert before["style_sha256"][1] != after["style_sha256"][1]
    for name in ("tile_share", "tiles", "range_weight", "spike_weight", "content_unit"):
        assert name in before


@pytest.mark.slow
def test_a_training_does_not_go_on_with_another_picture_of_the_same_name(
    photos, tmp_path, monkeypatch, vgg19
):
    monkeypatch.setattr(fast.weights, "pretrained", lambda name: vgg19)

    def go_on(style):
        fast.train(
            feedforward.TransformNetwork(SMALL),
            {"gold": style},
            fast.TrainingData(photos, 16, batch_size=2),
            settings=TrainingSettings(1),
            loss_settings=LOSS,
            folder=tmp_path / "run",
            progress=None,
        )

    go_on(noise(48, 48, 3))
    go_on(noise(48, 48, 3))
    with pytest.raises(WorkshopError, match="another training, with other settings"):
        go_on(noise(48, 48, 3, seed=1))


@pytest.mark.slow
def test_the_style_loss_tile_by_tile_is_its_formula(vgg19):
    style, painted = noise(48, 40, 3), noise(1, 32, 48, 3, seed=1)
    tiled, plain = (
        float(
            perceptual.PerceptualLoss(vgg19, [style], settings)(
                painted, painted, tf.constant([0])
            )[1]["style"]
        )
        for settings in (replace(LOSS, tile_share=0.3), PLAIN)
    )
    from style_workshop import vgg

    extra = []  # the variance of the tiles' Gram matrices, over |A|^2
    for layer in LOSS.style_layers:
        maps, wanted = (
            vgg19(vgg.preprocess(image), layer)[layer].numpy()[0].astype(np.float64)
            for image in (painted, style[None])
        )
        h, w, c = maps.shape
        tiles = maps.reshape(4, h // 4, 4, w // 4, c).transpose(0, 2, 1, 3, 4)
        flat = tiles.reshape(16, -1, c)
        grams = np.einsum("tka,tkb->tab", flat, flat) / flat.shape[1]
        flat = wanted.reshape(-1, c)
        target = flat.T @ flat / len(flat)
        extra.append(np.var(grams, axis=0).sum() / np.sum(target**2))
    assert tiled - plain == pytest.approx(5 * 0.3 * np.mean(extra), rel=1e-3)


@pytest.mark.slow
def test_range_and_spikes_are_watched_while_a_network_paints(vgg19):
    network = feedforward.TransformNetwork(replace(SMALL, styles=2))
    values = network.values()
    values["out/kernel"] *= 100  # the tanh is saturated nearly everywhere
    network = feedforward.TransformNetwork(network.architecture, values)
    styles, x = [noise(48, 40, 3)] * 2, noise(2, 32, 32, 3)
    loss = perceptual.PerceptualLoss(vgg19, styles, LOSS).of(network, style=1)
    total, terms = loss(tf.constant(x), tf.constant(0))
    assert float(total) == pytest.approx(sum(map(float, terms.values())), rel=1e-5)
    _, seen = network.activations(x, [0, 1])
    z = seen.pop("out").numpy()
    excess = np.maximum(np.abs(z) - 1.25, 0)
    assert excess.max() > 1
    assert float(terms["range"]) == pytest.approx(np.mean(excess**2), rel=1e-3)
    spikes = []
    for name, y in seen.items():
        y = y.numpy()
        assert abs(y.mean()) < 1e-4 and y.var() == pytest.approx(1, abs=0.1), name
        blocks = y.mean(axis=(1, 2))  # a picture of 32 pixels is one
        spikes.append(
            np.mean(np.maximum(np.abs(y) - 5, 0) ** 2)
            + np.mean(np.maximum(np.abs(blocks) - 2, 0) ** 2)
        )
    assert float(terms["spike"]) == pytest.approx(10 * np.mean(spikes), rel=1e-3)
    off = replace(LOSS, range_weight=0, spike_weight=0)
    terms = perceptual.PerceptualLoss(vgg19, styles, off).of(network)(x, 0)[1]
    assert sorted(terms) == ["content", "style"]


@pytest.mark.slow
def test_the_style_itself_has_no_style_loss_and_nothing_has_1(vgg19):
    style = noise(48, 40, 3)
    loss = perceptual.PerceptualLoss(vgg19, [style], PLAIN)
    itself, _ = loss.of_picture(style)(tf.constant(style))
    assert float(itself) < 1e-4
    empty = {
        layer: tf.zeros([1, 8, 8, gram.shape[-1]])
        for layer, gram in loss.targets.items()
    }
    assert float(loss.style(empty, tf.constant([0]))) == pytest.approx(1)


@pytest.mark.slow
def test_one_style_can_be_trained_by_its_scales_and_shifts_alone(
    photos, values, monkeypatch, vgg19
):
    monkeypatch.setattr(fast.weights, "pretrained", lambda name: vgg19)
    start = feedforward.TransformNetwork(replace(SMALL, styles=2), card={"a": 1})
    network = feedforward.with_styles(start, 3, [0, 1])
    before = network.values()
    styles = {name: noise(48, 48, 3, seed=n) for n, name in enumerate("abc")}
    fast.train(
        network,
        styles,
        fast.TrainingData(photos, 16, batch_size=2),
        settings=TrainingSettings(3, average=0.5),
        loss_settings=LOSS,
        norms_only=True,
        style=2,
        progress=None,
    )
    for name, after in network.values().items():
        if name.split("/")[-1] in ("scale", "shift"):
            np.testing.assert_array_equal(after[:2], before[name][:2])
            assert np.abs(after[2] - before[name][2]).max() > 0
        else:
            np.testing.assert_array_equal(after, before[name])
    assert network.card["a"] == 1
    assert network.card["styles"] == ["a", "b", "c"]
    (lesson,) = network.card["training"]
    assert (lesson["steps"], lesson["style"], lesson["norms_only"]) == (3, 2, True)
    assert lesson["loss"]["content_unit"] > 0
    assert len(lesson["loss"]["style_sha256"]) == 3
    assert lesson["training"]["average"] == 0.5
    assert lesson["versions"]["tensorflow"] == tf.__version__


@pytest.mark.slow
def test_a_training_leaves_curves_and_samples(photos, tmp_path, monkeypatch, vgg19):
    monkeypatch.setattr(fast.weights, "pretrained", lambda name: vgg19)
    network = feedforward.TransformNetwork(SMALL)
    fast.train(
        network,
        {"gold": noise(48, 48, 3)},
        fast.TrainingData(photos, 16, batch_size=2),
        settings=TrainingSettings(2, every=1),
        loss_settings=LOSS,
        folder=tmp_path / "run",
        samples=[noise(20, 30, 3)],
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
        fast.train(network, {}, fast.TrainingData(photos))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"style_weight": -1}, "style_weight is -1"),
        ({"content_layer": "relu9_9"}, "no layer 'relu9_9'"),
        ({"style_size": 4}, "too small"),
        ({"network": "vgg11"}, "no network 'vgg11'"),
        ({"dtype": "float16"}, "dtype is 'float16'"),
        ({"style_layers": ()}, "style_layers is ()"),
        ({"tile_share": 1.5}, "tile_share is 1.5"),
        ({"tiles": 0}, "tiles is 0"),
        ({"spike_weight": float("nan")}, "spike_weight is nan"),
    ],
)
def test_losses_that_make_no_sense_are_refused(change, message):
    with pytest.raises(WorkshopError, match=re.escape(message)):
        replace(perceptual.LOSS_SETTINGS, **change)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 0}, "A size of 0 pixels"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"short_side": 200}, "short_side of 200 has no room for windows of 256"),
    ],
)
def test_data_that_make_no_sense_are_refused(change, message):
    with pytest.raises(WorkshopError, match=message):
        fast.TrainingData("photos", **change)


@pytest.mark.parametrize(("short_side", "made"), [(0, 18), (30, 30)])
def test_windows_are_cut_at_the_scale_of_use(tmp_path, short_side, made):
    """Of a picture that grows by 240 from left to right: by how much each pixel."""
    (tmp_path / "ramp").mkdir()
    ramp = np.linspace(0, 240, 90, dtype=np.uint8)[None, :, None]
    Image.fromarray(np.tile(ramp, (90, 1, 3))).save(tmp_path / "ramp" / "a.png")
    data = fast.TrainingData(tmp_path / "ramp", 16, batch_size=1, short_side=short_side)
    with data.batches() as found:
        row = found.next()[0, 8, 3:-3, 0]
    assert np.abs(np.diff(row)).mean() == pytest.approx(240 / made, rel=0.1)


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
