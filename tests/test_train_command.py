"""``python -m style_workshop train`` and ``stylize --method fast``."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style_workshop import (
    IMAGES,
    __version__,
    feedforward,
    images,
    training,
    vgg,
    weights,
)
from style_workshop.__main__ import main
from style_workshop.architecture import ARCHITECTURES, Architecture
from style_workshop.commands.shared import mixture, share
from style_workshop.feedforward import TransformNetwork

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("narrow_vgg")]

PHOTO = IMAGES / "content" / "cat.jpg"
STYLE = IMAGES / "style" / "mosaic.jpg"


@pytest.fixture
def run_here(capsys):
    """Run a command in this process: status, output, errors."""

    def run(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as refused:
            status = refused.code
        return status, *capsys.readouterr()

    return run


@pytest.fixture
def network(tmp_path) -> Path:
    path = tmp_path / "two.npz"
    card = {"styles": ["gold", "blue"]}
    small = Architecture(filters=2, blocks=1, styles=2)
    feedforward.save(TransformNetwork(small, card=card), path)
    return path


def test_train_makes_a_network_goes_on_and_says_how_it_was_made(
    tmp_path, run_here, values, monkeypatch
):
    """With a small network and a VGG of random weights: what a command does with it."""
    vgg19 = vgg.Network("vgg19", values)
    monkeypatch.setattr(weights, "pretrained", lambda name: vgg19)
    monkeypatch.setitem(ARCHITECTURES, "workshop", Architecture(2, 0))
    output = tmp_path / "mosaic.npz"
    given = ["train", STYLE, "--photos", IMAGES / "content", "-o", output]
    given += ["--size", 32, "--batch-size", 2, "--style-size", 64, "--every", 1]
    given += ["--network", "vgg19", "--short-side", 40, "--average", 0.5]
    given += ["--credit", "a program of this workshop, CC0", "--samples", PHOTO]
    status, out, errors = run_here(*given, "--steps", 1)
    assert (status, "1 steps" in out) == (0, True), errors
    status, out, _ = run_here(*given, "--steps", 2)
    assert status == 0
    assert "Going on from" in out and "2 steps" in out
    network = feedforward.load(output)
    assert network.card["credit"] == {"mosaic": "a program of this workshop, CC0"}
    (lesson,) = network.card["training"]
    assert lesson["steps"] == 2
    assert lesson["data"]["photos"] == "content"  # no path of this machine
    assert lesson["data"]["short_side"] == 40
    assert lesson["training"]["average"] == 0.5
    assert lesson["loss"]["tile_share"] == 0.3
    folder = tmp_path / "mosaic.npz.training"
    assert training.checkpoints(folder)[-1].stem == "step-0000002"
    assert (folder / "sample-1-step-0000002.jpg").exists()

    status, _, errors = run_here(*given, "--steps", 2, "--spike-weight", 7)
    assert status == 1
    assert "another training" in errors


def test_fast_paints_a_picture_that_says_how_it_was_made(tmp_path, network, run_here):
    output = tmp_path / "cat.jpg"
    given = ["stylize", PHOTO, network, "-o", output, "--method", "fast", "--size", 90]
    status, out, _ = run_here(*given, "--blend", 0.25, 0.75)
    assert status == 0 and "is ready" in out
    assert max(Image.open(output).size) == 90
    made = images.read_settings(output)
    versions = made.pop("versions")
    assert versions["style_workshop"] == __version__
    assert made == {"content": "cat.jpg", "network": "two.npz", "blend": [0.25, 0.75]}


@pytest.mark.parametrize(
    ("words", "shares"),
    [
        (["blue=0.75", "gold=0.25"], [0.25, 0.75]),
        (["blue=1"], [0.0, 1.0]),
        (["1", "0"], [1.0, 0.0]),
    ],
)
def test_styles_are_blended_by_name_or_in_their_order(words, shares):
    given = [share(word) for word in words]
    assert mixture(given, ["gold", "blue"]) == shares


def test_fast_keeps_the_photograph_s_chroma(tmp_path, network, run_here):
    output = tmp_path / "cat.png"
    given = ["stylize", PHOTO, network, "-o", output, "--method", "fast", "--size", 90]
    run_here(*given, "--blend", 1, 0, "--color", "luminance")
    painted, photo = images.read(output), images.read(PHOTO, 90)

    def redness(image):
        return image[..., 0] - image.mean(-1)

    inside = (painted > 1).all(-1) & (painted < 254).all(-1)
    np.testing.assert_allclose(redness(painted)[inside], redness(photo)[inside], atol=2)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["--blend", 1], r"styles must be \[b, 2\]"),
        ([], "has the styles gold, blue: say with --blend"),
        (["--blend", "red=1"], "the styles are gold, blue"),
        (["--blend", "gold=1", 0], "NAME=WEIGHT once for each"),
        (["--blend", "gold=1", "gold=0"], "NAME=WEIGHT once for each"),
        (["--blend", 1, 0, "--color", "linear"], "of the colors luminance"),
        (["--blend", 1, 0, "--masks", "a.png"], "no masks"),
    ],
)
def test_what_fast_cannot_do_is_refused(tmp_path, network, run_here, changes, sentence):
    output = tmp_path / "cat.jpg"
    given = ["stylize", PHOTO, network, "-o", output, "--method", "fast"]
    status, _, errors = run_here(*given, *changes)
    assert status == 1
    assert re.search(sentence, errors)
    assert not output.exists()


def test_a_network_that_is_not_there_is_refused(tmp_path, run_here):
    given = ["stylize", PHOTO, "nowhere", "-o", tmp_path / "a.jpg", "--method", "fast"]
    status, _, errors = run_here(*given)
    assert status == 1
    assert "There is no network nowhere: give an .npz file, or one of" in errors


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (["-o", "net.txt"], "should end in .npz"),
        (["-o", "net.npz", "--norms-only"], "--norms-only needs a trained network"),
        (["-o", "net.npz", "--credit", "a", "b"], "other than one text"),
        (["-o", "net.npz", "--photos", "nowhere"], "nowhere"),
        (["-o", "net.npz", "--steps", 0], "steps is 0"),
        (["-o", "net.npz", "--style-weight", -1], "--style-weight is -1"),
        (["-o", "net.npz", "--logs", "/proc/x"], "Cannot write into /proc/x"),
        (["-o", "net.npz", "--size", 16], "too small"),
        (["-o", "net.npz", "--seed", -1], "seed is -1"),
        (["-o", "net.npz", "--average", 2], "average is 2"),
        (["-o", "net.npz", "--short-side", 9], "short_side of 9 has no room"),
    ],
)
def test_trainings_that_make_no_sense_are_refused(
    tmp_path, monkeypatch, run_here, changes, sentence
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(weights.find, "load", None)  # before VGG is loaded
    status, _, errors = run_here(
        "train", STYLE, "--photos", IMAGES / "content", *changes
    )
    assert status in (1, 2)
    assert sentence in errors
    assert not list(tmp_path.iterdir())
