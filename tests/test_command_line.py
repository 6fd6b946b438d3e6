"""The command line, run as a person runs it: answers, refusals and pictures."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style_workshop import IMAGES, __version__, images, weights

ROOT = Path(__file__).resolve().parent.parent
CONTENT = IMAGES / "content" / "temple.jpg"


def start(*arguments, **environment) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "style_workshop", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(*arguments, **environment) -> tuple[int, str, str]:
    process = start(*arguments, **environment)
    out, errors = process.communicate(timeout=120)
    return process.returncode, out, errors


@pytest.fixture(scope="module")
def style() -> Path:
    return sorted((IMAGES / "style").glob("*.jpg"))[0]


@pytest.fixture(scope="module")
def need_weights() -> None:
    if not weights.path_of("vgg19").exists():
        pytest.skip("no VGG19 here: `python -m style_workshop weights vgg19`")


# --- answers ------------------------------------------------------------------------


def test_help_names_the_commands_and_their_defaults():
    status, out, _ = run("--help")
    assert status == 0
    for command in ("weights", "stylize", "paintings", "data"):
        assert command in out
    status, out, _ = run("stylize", "--help")
    assert status == 0
    for option in ("--size", "--steps", "--style-weight", "--init", "--optimizer"):
        assert option in out
    for option in ("--seed", "--dtype", "--side-by-side", "(default: 384)"):
        assert option in out


def test_version_is_that_of_the_package():
    assert run("--version")[:2] == (0, f"{__version__}\n")


@pytest.mark.parametrize(
    "arguments", [(), ("paint",), ("stylize",), ("weights", "vgg17")]
)
def test_wrong_usage_is_answered_with_the_usage(arguments):
    status, _, errors = run(*arguments)
    assert status == 2 and errors.startswith("usage: python -m style_workshop")
    assert "Traceback" not in errors


# --- refusals -----------------------------------------------------------------------


def refused(folder: Path, content, style, *options, out="x.jpg") -> str:
    """The sentence with which a command is refused, before TensorFlow is loaded."""
    before = time.monotonic()
    status, _, errors = run(
        *("stylize", content, style, "-o", folder / out, *options),
        STYLE_WORKSHOP_DATA=str(folder / "nothing"),
        PYTHONPROFILEIMPORTTIME="1",
    )
    lines = errors.splitlines()
    imports = [line for line in lines if line.startswith("import time")]
    assert any("style_workshop" in line for line in imports)
    assert not any("tensorflow" in line for line in imports)
    lines = [line for line in lines if not line.startswith("import time")]
    assert status == 1 and len(lines) == 1, errors[-2000:]
    assert time.monotonic() - before < 30
    assert not (folder / out).exists()
    return lines[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--size", "0"), "A size of 0 pixels does not work: use 1 to 16384."),
        (("--size", "-5"), "A size of -5 pixels does not work: use 1 to 16384."),
        (("--size", "99999"), "A size of 99999 pixels does not work"),
    ],
)
def test_a_bad_size_is_refused(tmp_path, style, options, sentence):
    assert sentence in refused(tmp_path, CONTENT, style, *options)


def test_bad_files_are_refused(tmp_path, style):
    text = tmp_path / "text.jpg"
    text.write_text("words")
    assert "There is no file none.jpg" in refused(tmp_path, "none.jpg", style)
    assert "There is no file none.jpg" in refused(tmp_path, CONTENT, "none.jpg")
    assert "text.jpg is not a picture" in refused(tmp_path, text, style)
    assert "is a folder" in refused(tmp_path, tmp_path, style)


def test_a_bad_output_is_refused(tmp_path, style):
    sentence = refused(tmp_path, CONTENT, style, out="x.bmp")
    assert "does not say what to write" in sentence and ".png" in sentence
    sentence = refused(tmp_path, CONTENT, style, out="none")
    assert "does not say what to write" in sentence


def test_a_style_too_long_for_a_row_is_refused_before_the_work(tmp_path):
    long = tmp_path / "long.png"
    Image.new("RGB", (4000, 10)).save(long)
    sentence = refused(tmp_path, CONTENT, long, "--side-by-side")
    assert "pixels does not work" in sentence


def test_what_only_the_method_knows_is_refused_before_any_work(tmp_path, style):
    """TensorFlow is loaded by then. There are no weights here, which comes second."""
    for options, sentence in (
        (("--style-scale", "nan"), "A style scale of nan does not work"),
        ((), "get it with `python -m style_workshop weights vgg19`"),
    ):
        status, _, errors = run(
            *("stylize", CONTENT, style, "-o", tmp_path / "x.jpg", *options),
            STYLE_WORKSHOP_DATA=str(tmp_path),
        )
        assert status == 1 and sentence in errors and "Traceback" not in errors
        assert list(tmp_path.iterdir()) == []


# --- pictures -----------------------------------------------------------------------


def test_stylize_paints_a_picture_that_says_how_it_was_made(
    tmp_path, style, need_weights
):
    path = tmp_path / "new" / "x.png"
    status, out, errors = run(
        *("stylize", CONTENT, style, "-o", path, "--size", 64, "--steps", 2),
        *("--seed", 7, "--init", "noise", "--side-by-side", "--dtype", "float32"),
        *("--style-weight", 3, "--pooling", "average", "--tv-weight", 0.01),
    )
    assert status == 0, errors[-2000:]
    assert f"Wrote {path} after 2 of 2 steps." in out and "2/2" in errors
    content = images.read(CONTENT, 64)
    picture = images.read(path)
    height, width = content.shape[:2]
    with Image.open(style) as opened:
        wide = round(opened.width * height / opened.height)
    assert picture.shape == (height, width + 8 + wide + 8 + width, 3)
    np.testing.assert_array_equal(picture[:, :width], np.rint(content))
    assert np.abs(picture[:, -width:] - content).mean() > 5
    settings = images.read_settings(path)
    assert settings["content"] == "temple.jpg" and settings["style"] == style.name
    assert settings["steps"] == settings["steps_taken"] == 2
    assert settings["size"] == 64 and settings["seed"] == 7
    assert settings["start"] == "noise" and settings["pooling"] == "average"
    assert settings["style_weight"] == pytest.approx(3 * 0.1)  # the workshop's own
    assert settings["tv_weight"] == 0.01
    assert settings["dtype"] == "float32" and settings["optimizer"] == "lbfgs"
    assert settings["content_layers"] == {"relu4_2": 2.0}


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process")
def test_ctrl_c_keeps_the_picture_so_far(tmp_path, style, need_weights):
    path = tmp_path / "x.jpg"
    process = start(
        *("stylize", CONTENT, style, "-o", path, "--size", 64, "--steps", 100000),
        *("--optimizer", "adam"),
    )
    errors = ""
    try:
        while "4/100000" not in errors and process.poll() is None:
            errors += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 130, (errors + rest)[-2000:]
    assert "Traceback" not in errors + rest and "Wrote" in out
    settings = images.read_settings(path)
    assert 4 <= settings["steps_taken"] < settings["steps"] == 100000
    assert images.read(path).shape == images.read(CONTENT, 64).shape


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process")
def test_ctrl_c_before_the_first_step_leaves_no_picture_and_no_traceback(
    tmp_path, style
):
    process = start("stylize", CONTENT, style, "-o", tmp_path / "x.jpg", "--size", 64)
    process.stdout.readline()  # "Painting ...": TensorFlow is being loaded
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in errors, errors[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_weights_that_are_there_are_checked_and_not_fetched(tmp_path, need_weights):
    """In a folder of its own, which also shows that pictures are found without one."""
    folder = tmp_path / "weights"
    folder.mkdir()
    for path in weights.path_of("vgg19").parent.glob("vgg19.npz*"):
        (folder / path.name).symlink_to(path)
    status, out, errors = run("weights", "vgg19", STYLE_WORKSHOP_DATA=str(tmp_path))
    assert status == 0, errors[-2000:]
    assert "vgg19.npz is already there and whole." in out
    assert "vgg19 sees what it should." in out
