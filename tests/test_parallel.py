"""Many devices: the same gradients and weights as one; workers that come back."""

import importlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import toy_decoder
from style_workshop import WorkshopError, parallel, replicas, training
from style_workshop.adain_training import AdainData, AdainLoss
from style_workshop.division import Division

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def four():
    try:
        return parallel.devices(4)
    except WorkshopError:
        pytest.skip("TensorFlow has started with fewer devices in this process")


@pytest.fixture(scope="module")
def alone(four):
    return toy_decoder.train()


def distance(found, wanted) -> float:
    """Relative error of all arrays together."""
    missed = sum(((a - b) ** 2).sum() for a, b in zip(found, wanted, strict=True))
    return float(np.sqrt(missed / sum((b**2).sum() for b in wanted)))


# --- the same as on one device ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("count", [2, 4])
def test_replicas_learn_what_one_device_learns(four, alone, count):
    with parallel.mirrored(four[:count]).scope():
        weights, history = toy_decoder.train()
    assert distance(weights, alone[0]) < 1e-5
    np.testing.assert_allclose(
        history.losses["total"], alone[1].losses["total"], rtol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize(("count", "in_flight"), [(2, 2), (3, 1), (4, 4)])
def test_a_pipeline_learns_what_one_device_learns(four, alone, count, in_flight):
    places = parallel.on_devices(four[:count])
    weights, history = toy_decoder.train(places=places, in_flight=in_flight)
    assert distance(weights, alone[0]) < 1e-5
    np.testing.assert_allclose(
        history.losses["style"], alone[1].losses["style"], rtol=1e-5
    )


def test_gradients_of_a_pipeline_and_the_order_of_its_jobs(four):
    decoder, stages = toy_decoder.toy()
    batch = toy_decoder.Pairs().next()
    places = parallel.on_devices(four[:3])
    pipeline = parallel.Pipeline(
        stages, decoder.variables, places, micro_batches=2, in_flight=2
    )
    wanted = replicas.by_tape(toy_decoder.whole(stages), decoder.variables)(batch, 0)
    (total, _, found), spans = tf.function(pipeline.timed)(batch, 0)
    np.testing.assert_allclose(total, wanted[0], rtol=1e-5)
    assert distance([g.numpy() for g in found], [g.numpy() for g in wanted[2]]) < 1e-5
    assert [job for job, _ in pipeline.order] == [*parallel.JOBS[:4] * 2, *["back"] * 2]
    begin, end = spans.numpy().T
    assert (begin <= end).all()
    for device in four[:3]:  # a device does one thing at a time
        own = [i for i, (_, name) in enumerate(pipeline.order) if name == device]
        assert (end[own[:-1]] <= begin[own[1:]]).all()


def test_gradients_of_replicas_are_clipped_as_one(four):
    """Adam's moments tell the gradient that it was given."""
    variable, gradient = None, tf.constant([[3.0, 0.0], [0.0, 4.0]])
    with parallel.mirrored(four[:2]).scope() as _:
        strategy = tf.distribute.get_strategy()
        variable = tf.Variable([0.0, 0.0])
        adam = replicas.Adam(0.1, global_clipnorm=1.0)
        adam.build([variable])
        parts = replicas.split(strategy, gradient.numpy())

        def move(part):
            adam.apply_gradients([(replicas.mean(part[0]), variable)])

        tf.function(lambda: strategy.run(move, (parts,)), autograph=False)()
    mean = np.array([1.5, 2.0])
    (moment,) = (v for v in adam.variables if "momentum" in v.path)
    np.testing.assert_allclose(moment.numpy(), 0.1 * mean / 2.5, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("replicated", [True, False])
def test_training_after_training_keeps_no_graph(four, replicated, graphs_alive):
    def graphs_left() -> int:
        if replicated:
            with parallel.mirrored(four[:2]).scope():
                toy_decoder.train(1)
        else:
            toy_decoder.train(1, places=parallel.on_devices(four[:2]), in_flight=1)
        return graphs_alive()

    assert len({graphs_left() for _ in range(3)}) == 1


# --- placing ------------------------------------------------------------------------


def test_variables_are_placed_by_scope(four):
    places = {"decoder": four[1], "decoder/conv_2": four[2], "encoder": four[3]}
    with parallel.placed(places):
        decoder, _ = toy_decoder.toy()
    found = {v.name.split("/")[1]: v.device[-5:] for v in decoder.variables}
    assert found == {"conv_1": four[1], "conv_2": four[2]}


def test_more_devices_than_tensorflow_started_with_are_refused(four):
    with pytest.raises(WorkshopError, match="restart"):
        parallel.devices(9)


@pytest.mark.parametrize(
    ("strategy", "options", "says"),
    [
        ("all", {}, "strategy is 'all'"),
        ("pipeline", {"devices": 5}, "1 to 4"),
        ("pipeline", {"in_flight": 0}, "in_flight is 0"),
        ("mirrored", {"workers": ("a:1", "b:2")}, "choose it"),
        ("multiworker", {"workers": ("a:1",)}, "two or more"),
        ("multiworker", {"workers": ("a:1", "a:1")}, "each another"),
        ("multiworker", {"workers": ("a:1", "b")}, "b is no address"),
        ("multiworker", {"workers": ("a:1", "b:99999")}, "no address"),
        ("multiworker", {"workers": ("a:1", "b:2"), "worker": 2}, "worker is 2"),
        ("multiworker", {"workers": ("a:1", "b:2"), "devices": 2}, "one device"),
    ],
)
def test_divisions_that_make_no_sense(strategy, options, says):
    with pytest.raises(WorkshopError, match=says):
        Division(strategy, **options)


def test_a_batch_comes_in_equal_parts():
    with pytest.raises(WorkshopError, match="3 equal parts: use a multiple of 3"):
        Division(devices=3).require_batch(4)
    Division("pipeline", 2, micro_batches=2).require_batch(4)


# --- several machines ---------------------------------------------------------------


@pytest.mark.parametrize("error", ["UnavailableError", "AbortedError"])
def test_that_another_worker_has_gone_is_said_in_a_sentence(error, monkeypatch):
    module = importlib.import_module("style_workshop.parallel.train")

    def gone(*_):
        raise getattr(tf.errors, error)(None, None, "Socket closed")

    monkeypatch.setattr(module, "_replicated", gone)
    data = AdainData("photos", "paintings", batch_size=2)
    with pytest.raises(WorkshopError, match="Another worker has gone: give the same"):
        parallel.train(None, data, AdainLoss(), Division("mirrored", 2))


def start(worker, folder, steps, seconds, output, workers):
    command = [sys.executable, ROOT / "tests" / "toy_decoder.py", worker, folder]
    command += [steps, seconds, output, *workers]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [str(word) for word in command],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def both(folder, steps, seconds, outputs):
    workers = parallel.free_addresses(2)
    return [
        start(number, folder, steps, seconds, output, workers)
        for number, output in enumerate(outputs)
    ]


@pytest.mark.slow
def test_a_worker_that_is_killed_and_restarted_goes_on(alone, tmp_path):
    folder, outputs = tmp_path / "run", [tmp_path / "0.npz", tmp_path / "1.npz"]
    processes = both(folder, 10, 0.3, outputs)
    try:
        until = time.monotonic() + 60
        while not (folder / "step-0000005.npz").exists():
            assert time.monotonic() < until
            assert all(process.poll() is None for process in processes)
            time.sleep(0.05)
        processes[1].send_signal(signal.SIGKILL)
        _, errors = processes[0].communicate(timeout=60)
        assert processes[0].returncode and b"UnavailableError" in errors
        assert training.checkpoints(folder)[-1].name == "step-0000005.npz"
        processes = both(folder, 10, 0, outputs)
        for process in processes:
            _, errors = process.communicate(timeout=60)
            assert process.returncode == 0, errors.decode()[-2000:]
    finally:
        for process in processes:
            process.kill()
    for output in outputs:
        with np.load(output) as found:
            losses = found["losses"]
            weights = [found[f"arr_{i}"] for i in range(len(alone[0]))]
        np.testing.assert_allclose(losses, alone[1].losses["total"], rtol=1e-5)
        assert distance(weights, alone[0]) < 1e-5
