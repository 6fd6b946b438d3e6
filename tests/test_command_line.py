"""The command line, run as a person runs it: answers, refusals and pictures."""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from style_workshop import IMAGES, __version__, animations, images, weights
from style_workshop.__main__ import COMMANDS, main
from style_workshop.commands.shared import keep
from style_workshop.optimize import Result

pytestmark = pytest.mark.slow

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
    out, errors = process.communicate(timeout=600)
    return process.returncode, out, errors


def interrupt_at_step_4_of_100000(process: subprocess.Popen) -> None:
    """Press Ctrl-C; the command must end well and say what it wrote."""
    errors = ""
    try:
        while "4/100000" not in errors and process.poll() is None:
            errors += process.stderr.read(1)
        process.send_signal(signal.SIGINT)
        out, rest = process.communicate(timeout=600)
    finally:
        process.kill()
    assert process.returncode == 130, (errors + rest)[-2000:]
    assert "Traceback" not in errors + rest and "Wrote" in out


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
    ("arguments", "sentence"),
    [
        ((), "required: COMMAND"),
        (("stylise",), "There is no command stylise: did you mean stylize?"),
        (("stylize",), "required: content, style, -o/--output"),
        (("weights", "vgg17"), "NAME is vgg17: use vgg16 or vgg19."),
        (
            ("stylize", "a", "b", "-o", "c.jpg", "--szie", "9"),
            "There is no option --szie: did you mean --size?",
        ),
        (("dream", "a", "b", "-o", "c.jpg"), "Nothing takes b."),
    ],
)
def test_wrong_usage_is_answered_with_a_sentence(arguments, sentence, capsys):
    with pytest.raises(SystemExit) as refused:
        main(list(arguments))
    first, second = capsys.readouterr().err.splitlines()
    assert refused.value.code == 2 and sentence in first
    assert re.fullmatch(r"See `python -m style_workshop.* --help`\.", second)


def test_help_has_groups_an_example_and_only_defaults_that_say_something():
    _, out, _ = run("stylize", "--help")
    groups = ["what it makes:", "how long and how large:", "color:"]
    assert re.findall(r"^[a-z ]+:$", out, re.M)[2:] == [
        *groups,
        "several styles:",
        "expert:",
    ]
    for name in COMMANDS:
        _, out, _ = run(name, "--help")
        assert f"example: python -m style_workshop {name} " in " ".join(out.split())
        assert "(default: False)" not in out and "(default: None)" not in out


def test_quiet_says_nothing_but_what_went_wrong(tmp_path, capsys):
    assert main(["paintings", "--list", "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    output = str(tmp_path / "x.jpg")
    assert main(["dream", "none.jpg", "-o", output, "--quiet"]) == 1
    out, errors = capsys.readouterr()
    assert out == "" and errors == (
        "style_workshop: There is no file none.jpg: check its name and folder.\n"
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("arguments", [("stylize", "--help"), ("data", "--list")])
def test_a_closed_pipe_ends_it_without_a_word(arguments):
    process = start(*arguments)
    process.stdout.close()  # as `| true`
    assert process.stderr.read() == ""
    # argparse itself passes over it, and the help has been asked for and given.
    assert process.wait(60) in (0, 128 + signal.SIGPIPE)


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
    assert status == len(lines) in (1, 2), errors[-2000:]  # 2: "See ... --help"
    assert time.monotonic() - before < 30
    assert not (folder / out).exists()
    return lines[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--size", "0"), "--size is 0: use a whole number, 1 to 16384."),
        (("--size", "99999"), "--size is 99999: use a whole number, 1 to 16384."),
    ],
)
def test_a_bad_size_is_refused(tmp_path, style, options, sentence):
    assert sentence in refused(tmp_path, CONTENT, style, *options)


#: Each command with the least that it needs, and what each is refused for.
DREAM, STYLIZE = ["dream", "a", "-o", "x.jpg"], ["stylize", "a", "b", "-o", "x.jpg"]
TRAIN = ["train", "a", "--photos", "b", "-o", "x.npz"]
TRAIN_ADAIN = ["train-adain", "--photos", "a", "--paintings", "b", "-o", "x.npz"]
REFUSED = [
    ([*STYLIZE, "--steps", "0"], "--steps is 0: use a whole number, 1 or more."),
    ([*STYLIZE, "--style-weight", "-1"], "--style-weight is -1: use a weight of 0"),
    ([*STYLIZE, "--style-scale", "1e308"], "--style-scale is 1e308: use a number"),
    ([*STYLIZE, "--blend", "a=b"], "--blend is a=b: use a number for each style"),
    ([*STYLIZE, "--blend", "nan"], "--blend is nan: use a number for each style"),
    ([*STYLIZE, "--color", "lumi"], "--color is lumi: use none, luminance or linear."),
    (["stylize", "https://a/b.jpg", "b", "-o", "x.jpg"], "is the URL https://a/b.jpg"),
    ([*STYLIZE, "--masks", "ftp://a"], "--masks is the URL ftp://a: download"),
    ([*DREAM, "--layer", "conv9_9"], "--layer is conv9_9: use conv1_1, relu1_1, "),
    ([*DREAM, "--jitter", "2147483647"], "--jitter is 2147483647: use a whole number"),
    ([*DREAM, "--octaves", "1" + 30 * "0"], "use a whole number, 1 to 100."),
    ([*DREAM, "--octaves", "9" * 9999], "use a whole number, 1 to 100."),
    (["reconstruct", "a", "-o", "x.jpg", "--layers", "conv9_9"], "--layers is conv9_9"),
    ([*TRAIN, "--seed", "-1"], "--seed is -1: use a whole number, 0 to 2147483647."),
    ([*TRAIN, "--steps", "0"], "--steps is 0: use a whole number, 1 or more."),
    (["train", CONTENT, "--photos", "none", "-o", "x.npz"], "There is no folder none"),
    (["export", CONTENT, "-o", "x.onnx"], "temple.jpg is no network: give an .npz"),
    (["export", "NET", "-o", "x.tflite"], "a fixed size: give --size HEIGHT WIDTH."),
    (["stylize", CONTENT, "NET", "-o", "x.jpg"], "is a network: add --method fast."),
    (["stylize", CONTENT, CONTENT, "-o", "x.jpg", "--method", "fast"], "is no network"),
    ([*STYLIZE, "--method", "adain", "--alpha", "2"], "--alpha is 2: use a number"),
    ([*TRAIN_ADAIN, "--size", "100"], "--size is 100: use a multiple of 8"),
    ([*TRAIN_ADAIN, "--devices", "3"], "use a multiple of 3"),
    ([*TRAIN_ADAIN, "--strategy", "multiworker"], "needs the addresses of two"),
    (TRAIN_ADAIN, "There is no folder a"),
    ([*STYLIZE, "--init", "adin"], "--init is adin: use content, noise, style, adain"),
]


def test_what_can_be_refused_is_refused_before_tensorflow_loads(tmp_path):
    """In one process, which has no TensorFlow at the end, and wrote no file."""
    network = tmp_path / "net.npz"
    network.touch()
    script = """
        import json, sys
        from style_workshop.__main__ import COMMANDS, main
        for arguments in json.load(sys.stdin):
            try:
                status = main(arguments)
            except SystemExit as refused:
                status = refused.code
            assert status in (1, 2) and "tensorflow" not in sys.modules, arguments
            print("---", file=sys.stderr)
    """
    given = [
        [str(network) if word == "NET" else str(word) for word in arguments]
        for arguments, _ in REFUSED
    ]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        input=json.dumps(given),
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for (arguments, sentence), said in zip(
        REFUSED, done.stderr.split("---\n"), strict=False
    ):
        assert sentence in said, (arguments, said)
    assert done.stderr.count("---\n") == len(REFUSED)
    assert list(tmp_path.iterdir()) == [network]


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
        (("--style-scale", "100"), "A size of 38400 pixels does not work"),
        ((), "get it with `python -m style_workshop weights vgg19`"),
    ):
        status, _, errors = run(
            *("stylize", CONTENT, style, "-o", tmp_path / "x.jpg", *options),
            STYLE_WORKSHOP_DATA=str(tmp_path),
        )
        assert status == 1 and sentence in errors and "Traceback" not in errors
        assert list(tmp_path.iterdir()) == []


# --- pictures -----------------------------------------------------------------------


@pytest.mark.slow
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
    assert settings["init"] == "noise" and settings["pooling"] == "average"
    assert settings["style_weight"] == pytest.approx(3 * 0.1)  # the workshop's own
    assert settings["tv_weight"] == 0.01
    assert settings["dtype"] == "float32" and settings["optimizer"] == "lbfgs"
    assert settings["content_layers"] == {"relu4_2": 2.0}
    assert settings["falloff"] == 0.5


@pytest.fixture
def decoder(tmp_path):
    from style_workshop import adain

    path = tmp_path / "decoder.npz"
    adain.save(adain.Decoder(scale=1000.0), path)
    return path


@pytest.mark.slow
def test_adain_paints_in_two_styles_each_in_its_place(tmp_path, need_weights, decoder):
    masks = [tmp_path / "left.png", tmp_path / "right.png"]
    for path, box in zip(masks, [(0, 0, 20, 40), (20, 0, 40, 40)], strict=True):
        mask = Image.new("L", (40, 40))
        mask.paste(255, box)
        mask.save(path)
    out = tmp_path / "x.png"
    status, said, errors = run(
        *("stylize", CONTENT, *STYLES, "-o", out, "--method", "adain", "--size", 64),
        *("--masks", *masks, "--alpha", 0.5, "--decoder", decoder, "--side-by-side"),
    )
    assert status == 0, errors[-2000:]
    assert "is ready" in said and len(images.read(out)) == len(images.read(CONTENT, 64))
    settings = images.read_settings(out)
    assert settings["method"] == "adain" and settings["alpha"] == 0.5


@pytest.mark.slow
def test_train_adain_makes_a_decoder_on_two_devices(tmp_path, need_weights):
    from style_workshop import adain

    out = tmp_path / "decoder.npz"
    status, said, errors = run(
        *("train-adain", "--photos", CONTENT.parent, "--paintings", STYLES[0].parent),
        *("-o", out, "--steps", 2, "--size", 32, "--short-side", 40, "--windows", 4),
        *("--batch-size", 2, "--devices", 2),
    )
    assert status == 0, errors[-2000:]
    assert adain.load(out).card["training"][0]["steps"] == 2


@pytest.mark.slow
@pytest.mark.parametrize("color", ["none", "luminance"])
def test_gatys_starts_from_what_adain_painted(tmp_path, need_weights, decoder, color):
    out = tmp_path / "x.png"
    status, _, errors = run(
        *("stylize", CONTENT, STYLES[0], "-o", out, "--init", "adain", "--size", 64),
        *("--steps", 1, "--decoder", decoder, "--color", color),
    )
    assert status == 0, errors[-2000:]
    assert images.read_settings(out)["init"] == "adain"


@pytest.mark.slow
def test_gatys_starts_from_a_network_that_knows_the_style(tmp_path, need_weights):
    out = tmp_path / "x.png"
    arguments = ("stylize", CONTENT, "--size", 64, "--steps", 1, "--init", "fast")
    status, _, errors = run(*arguments, IMAGES / "style" / "mosaic.jpg", "-o", out)
    assert status == 0, errors[-2000:]
    assert images.read_settings(out)["init"] == "fast"
    other = tmp_path / "other.jpg"
    Image.new("RGB", (64, 64)).save(other)
    status, _, errors = run(*arguments, other, "-o", tmp_path / "y.png")
    assert status == 1 and "use --init adain for others" in errors


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process")
def test_ctrl_c_keeps_the_picture_so_far(tmp_path, style, need_weights):
    path = tmp_path / "x.jpg"
    process = start(
        *("stylize", CONTENT, style, "-o", path, "--size", 64, "--steps", 100000),
        *("--optimizer", "adam"),
    )
    interrupt_at_step_4_of_100000(process)
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
    _, errors = process.communicate(timeout=600)
    assert process.returncode == 130 and "Traceback" not in errors, errors[-2000:]
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_has_taken_no_step_is_not_written(tmp_path):
    start = np.zeros((4, 4, 3), np.float32)
    stopped = Result(start, {"total": [1.0]}, interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        keep(lambda: stopped, tmp_path / "x.png", {}, 10)
    assert list(tmp_path.iterdir()) == []
    stopped.history["total"].append(0.5)
    assert keep(lambda: stopped, tmp_path / "x.png", {}, 10) == 130
    assert images.read_settings(tmp_path / "x.png")["steps_taken"] == 1


def test_ctrl_c_inside_of_c_code_is_no_traceback_either(monkeypatch, capsys):
    def hit(*_arguments):
        raise SystemError("returned a result with an exception set") from (
            KeyboardInterrupt()
        )

    monkeypatch.setattr("style_workshop.images.require_savable", hit)
    assert main(["stylize", "a.jpg", "b.jpg", "-o", "c.jpg"]) == 130
    assert "interrupted" in capsys.readouterr().err


# --- dream and reconstruct ----------------------------------------------------------


def test_dream_and_reconstruct_have_a_help_with_defaults():
    for command, words in (
        ("dream", ("--octaves", "--tile", "--guide", "--zoom", "(default: relu5_1)")),
        ("reconstruct", ("--keep", "--layers", "--tv-weight", "(default: gram)")),
    ):
        status, out, _ = run(command, "--help")
        assert status == 0 and command in run("--help")[1]
        for word in words:
            assert word in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("dream", CONTENT, "-o", "x.bmp"), "does not say what to write"),
        (("dream", CONTENT, "-o", "x.png", "--zoom", "3"), "in .gif or .webp"),
        (("dream", "none.jpg", "-o", "x.png"), "There is no file none.jpg"),
        (("dream", CONTENT, "-o", "x.png", "--guide", "none.jpg"), "no file none.jpg"),
        (("reconstruct", CONTENT, "-o", "x"), "does not say what to write"),
        (
            ("reconstruct", CONTENT, "-o", "x.png", "--layers", "conv1_1", "conv2_1"),
            "The content is taken from one layer: name one.",
        ),
        (
            ("reconstruct", CONTENT, "-o", "x.png", "--result", "64", "64"),
            "add --keep style",
        ),
        (
            ("reconstruct", CONTENT, "-o", "x.png"),
            "get it with `python -m style_workshop weights vgg19`",
        ),
    ],
    ids=str,
)
def test_dreams_and_reconstructions_that_cannot_be_are_refused(
    tmp_path, arguments, sentence
):
    """In an empty folder without weights: a refusal leaves nothing behind."""
    arguments = [tmp_path / a if a in ("x", "x.bmp", "x.png") else a for a in arguments]
    status, _, errors = run(*arguments, STYLE_WORKSHOP_DATA=str(tmp_path))
    assert status == 1 and sentence in errors and "Traceback" not in errors
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def run_here(capsys):
    """`run` in this process, where TensorFlow is loaded already."""

    def run(*arguments) -> tuple[int, str, str]:
        status = main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--octaves", "20"), "Use fewer octaves"),
        (("--layer", "relu5_1", "--octaves", "100"), "Use fewer octaves"),
    ],
)
def test_what_only_a_dream_knows_is_refused(tmp_path, run_here, options, sentence):
    status, _, errors = run_here("dream", CONTENT, "-o", tmp_path / "x.png", *options)
    assert status == 1 and sentence in errors
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_dream_writes_a_picture_that_says_how_it_was_made(
    tmp_path, style, need_weights, run_here
):
    path = tmp_path / "new" / "x.webp"
    status, out, errors = run_here(
        *("dream", CONTENT, "-o", path, "--size", 64, "--layer", "relu2_1"),
        *("--octaves", 2, "--steps", 2, "--tile", 40, "--guide", style),
    )
    assert status == 0, errors[-2000:]
    assert f"Wrote {path} after 4 of 4 steps." in out and "octave 2 of 2" in errors
    content, picture = images.read(CONTENT, 64), images.read(path)
    assert picture.shape == content.shape and np.abs(picture - content).mean() > 1
    settings = images.read_settings(path)
    assert settings["photo"] == "temple.jpg" and settings["guide"] == style.name
    assert settings["layers"] == {"relu2_1": 1.0} and settings["steps_taken"] == 4


def test_dream_with_zoom_writes_an_animation(tmp_path, need_weights, run_here):
    path = tmp_path / "x.gif"
    status, out, errors = run_here(
        *("dream", CONTENT, "-o", path, "--size", 48, "--layer", "relu1_2"),
        *("--octaves", 1, "--steps", 1, "--zoom", 3),
    )
    assert status == 0, errors[-2000:]
    assert f"Wrote {path} with 3 of 3 frames." in out and "3/3" in errors
    assert "retracing" not in errors
    with Image.open(path) as animation:
        assert animation.n_frames == 3
    assert animations.read_settings(path)["frames"] == 3


@pytest.mark.parametrize("keep", ["content", "style"])
def test_reconstruct_writes_a_picture_that_says_how_it_was_made(
    tmp_path, keep, need_weights, run_here
):
    path, more = tmp_path / "x.png", ()
    if keep == "style":
        more = ("--layers", "conv1_1", "conv2_1", "--result", 40, 56)
    status, out, errors = run_here(
        *("reconstruct", CONTENT, "-o", path, "--size", 48, "--steps", 3),
        *("--keep", keep, "--seed", 5, *more),
    )
    assert status == 0, errors[-2000:]
    assert f"Wrote {path} after 3 of 3 steps." in out and "3/3" in errors
    settings = images.read_settings(path)
    assert settings["keep"] == keep and settings["seed"] == 5
    if keep == "style":
        assert images.read(path).shape == (40, 56, 3)
        assert settings["layers"] == ["conv1_1", "conv2_1"]
        assert settings["pooling"] == "average" and settings["falloff"] == 0.25
    else:
        assert images.read(path).shape == images.read(CONTENT, 48).shape
        assert settings["layer"] == "conv4_2" and settings["pooling"] == "max"


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no SIGINT to a process")
@pytest.mark.parametrize("zoom", [False, True])
def test_ctrl_c_keeps_what_was_dreamt(tmp_path, zoom, need_weights):
    path = tmp_path / ("x.gif" if zoom else "x.png")
    film = ("--zoom", 100000, "--steps", 1) if zoom else ("--steps", 100000)
    process = start(
        *("dream", CONTENT, "-o", path, "--size", 48, "--layer", "relu1_1"),
        *("--octaves", 1, *film),
    )
    interrupt_at_step_4_of_100000(process)
    assert path.exists()


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


# --- several styles -----------------------------------------------------------------

STYLES = sorted((IMAGES / "style").glob("*.jpg"))[:2]


@pytest.mark.slow
def test_two_styles_with_masks_and_the_photograph_s_colors(tmp_path, need_weights):
    masks = [tmp_path / "left.png", tmp_path / "right.png"]
    for path, left in zip(masks, (0, 20), strict=True):
        mask = Image.new("L", (40, 30))
        mask.paste(255, (left, 0, left + 20, 30))
        mask.save(path)
    status, out, errors = run(
        *("stylize", CONTENT, *STYLES, "-o", tmp_path / "x.png", "--masks", *masks),
        *("--color", "luminance", "--scales", 2, "--size", 48, "--steps", 1),
    )
    assert status == 0, errors[-2000:]
    assert "after 2 of 2 steps" in out
    settings = images.read_settings(tmp_path / "x.png")
    assert settings["style"] == ", ".join(path.name for path in STYLES)
    assert settings["color"] == "luminance" and settings["scales"] == 2


@pytest.mark.parametrize("option", [("--blend", 1), ("--masks", STYLES[0])])
def test_each_style_has_its_value(tmp_path, option):
    status, _, errors = run(
        "stylize", CONTENT, *STYLES, "-o", tmp_path / "x.png", *option
    )
    assert status == 1 and "Traceback" not in errors
    assert f"{option[0]} has 1 values for 2 styles" in errors
