"""The self-checks of the notebooks know a right answer from a wrong one."""

import ast
import itertools
import re
import tempfile
from itertools import islice
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from conftest import ROOT
from style_workshop import (
    IMAGES,
    color,
    exercises,
    images,
    losses,
    matching,
    perceptual,
    reconstruct,
)
from style_workshop.batches import BatchGenerator
from style_workshop.features import features_of
from style_workshop.optimize import Result
from style_workshop.video import painted, warping

NOTEBOOKS = ROOT / "notebooks"


def test_a_seal_knows_its_answer_and_does_not_show_it():
    seal = exercises.seal(138_357_544)
    assert seal == exercises.seal(np.int64(138_357_544)) == exercises.seal("138357544 ")
    assert exercises.seal("relu4_4") == exercises.seal("ReLU4_4")
    assert seal != exercises.seal(138_357_545)
    assert len(seal) == 8 and "138" not in seal


@pytest.mark.parametrize(
    ("answer", "is_right", "said"),
    [
        (..., exercises.seal(3), "No answer yet"),
        (3, exercises.seal(3), "Right."),
        (4, exercises.seal(3), "Not yet"),
        (np.ones(2), lambda a: a.sum() == 2, "Right."),
        (np.ones(2), lambda a: a.sum() == 3, "Not yet: the hint"),
        (None, lambda a: a.sum() == 3, "Not yet: the check stopped at AttributeError"),
    ],
)
def test_what_is_said(answer, is_right, said, capsys):
    exercises.check(answer, is_right)
    assert capsys.readouterr().out.startswith(said)


# ------------------------------------------------------- the checks in the notebooks


def code_of(stem: str, tag: str | None = None) -> list[str]:
    """The code cells of a lesson, in their order; those with a tag."""
    path = min(NOTEBOOKS.glob(f"{stem}*.ipynb"))  # 2.0 comes before 2.0 color
    cells = nbformat.read(path, as_version=4).cells
    cells = [c for c in cells if c.cell_type == "code"]
    return [c.source for c in cells if not tag or tag in c.metadata.get("tags", [])]


def functions_of(stem: str, *wanted: str, **names) -> dict:
    """Functions that a lesson defines.

    Args:
        names: what they use of the cells above them.
    """
    for source in code_of(stem):
        if any(f"def {name}(" in source for name in wanted):
            for node in ast.parse(source).body:
                if isinstance(node, ast.FunctionDef) and node.name in wanted:
                    exec(ast.unparse(node), names)
    return names


def said(stem: str, number: int, answer, capsys, **names) -> str:
    """What a lesson's self-check prints for an answer.

    Args:
        names: what the cell uses of those above it, beside ``exercises`` and ``np``.
    """
    source = code_of(stem, "exercise")[number - 1]
    assert source.count("answer = ...") == 1
    source = source.replace("answer = ...", "answer = given")
    exec(source, {"given": answer, "exercises": exercises, "np": np, **names})
    return capsys.readouterr().out


@pytest.mark.parametrize(
    "path", sorted(NOTEBOOKS.glob("[0-9]*.ipynb")), ids=lambda path: path.stem
)
def test_each_exercise_has_a_check_that_waits_for_an_answer(path):
    cells = nbformat.read(path, as_version=4).cells
    checks = [c for c in cells if "exercise" in c.metadata.get("tags", [])]
    (text,) = (c.source for c in cells if c.source.startswith("## Exercises"))
    assert len(checks) == len(re.findall(r"^\d\. ", text, re.M))
    for cell in checks:
        assert cell.outputs[0].text.startswith("No answer yet"), cell.source


@pytest.mark.parametrize(
    ("stem", "number", "right", "wrong"),
    [
        ("0.0", 2, 9, 3),
        ("0.1", 1, 133_638_952, 138_357_544),
        ("0.1", 2, 24, 20),
        ("0.2", 1, 0.425, 0.02),
        ("0.2", 2, 0.189, 1.0),
        ("0.2", 3, "relu2_1", "relu1_1"),
        ("1.0", 1, 252, 156),
        ("1.0", 3, "relu4_4", "relu3_1"),
        ("1.1", 1, "average", "max"),
        ("1.1", 2, 60, 50),
        ("1.2", 3, "none", "style"),
        ("2.0", 1, "style", "content"),
        ("2.0", 3, "max", "average"),
        ("2.0_Gatys_method_color", 3, "gray", "orange"),
        ("2.0_Gatys_method_video", 2, 13, 14),
        ("3.0", 2, "style_size", "size"),
        ("3.1", 1, "swirling_night and starry_night", "mosaic and great_wave"),
        ("3.1", 2, "after", "before"),
        ("4.0", 1, "means", "deviations"),
        ("4.0", 2, 0, 1),
        ("4.1", 1, 75, 60),
        ("4.1", 2, 50, 25),
        ("4.2", 1, 75, 25),
    ],
)
def test_words_and_numbers(stem, number, right, wrong, capsys):
    assert said(stem, number, right, capsys).startswith("Right")
    assert said(stem, number, wrong, capsys).startswith("Not yet")


@pytest.fixture
def gray():
    """What the checks of notebook 0.0 use of the cells above them."""
    names = {"Path": Path, "tempfile": tempfile, "Image": Image}
    return functions_of("0.0", "gray_pictures", **names)


def pairs(contents, styles, seeds=(0, 1)):
    options = {"target_size": 8, "batch_size": 4}
    return zip(
        BatchGenerator(contents, seed=seeds[0], **options),
        BatchGenerator(styles, seed=seeds[1], **options),
        strict=False,
    )


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (pairs, "Right."),
        (lambda contents, styles: pairs(styles, contents), "Not yet"),
        (lambda contents, styles: pairs(contents, styles, (0, 0)), "Not yet"),
        (lambda contents, styles: islice(pairs(contents, styles), 3), "Not yet"),
        (lambda contents: contents, "Not yet: the check stopped at TypeError"),
    ],
)
def test_0_0_pairs_of_batches(answer, expected, gray, capsys):
    found = said("0.0", 1, answer, capsys, itertools=itertools, **gray)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda x, by: tf.clip_by_value(x + by, 0, 255), "Right."),
        (lambda x, by: x + by, "Not yet"),
        (lambda x, by: x, "Not yet"),
    ],
)
def test_0_0_batches_of_another_brightness(change, expected, gray, capsys):
    def brighten(generator):
        return generator.as_dataset().map(
            lambda x: change(x, tf.random.uniform([], -80, 80))
        )

    found = said("0.0", 3, brighten, capsys, BatchGenerator=BatchGenerator, **gray)
    assert found.startswith(expected)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (lambda network, one, other: tf.norm(network(one) - network(other)), "Right."),
        (lambda network, one, other: tf.norm(network(one)), "Not yet"),
        (lambda network, one, other: tf.norm(one - other), "Not yet"),
    ],
)
def test_0_1_two_pictures_through_one_template(answer, expected, capsys):
    names = functions_of("0.1", "conv_block", "getter_of", tf=tf, tf1=tf.compat.v1)
    saved = {"conv1_1/kernel": np.full([3, 3, 1, 1], 2.0), "conv1_1/bias": np.ones(1)}
    assert said("0.1", 3, answer, capsys, saved=saved, **names).startswith(expected)


@pytest.mark.parametrize(("channel", "expected"), [(0, "Right."), (1, "Not yet")])
def test_1_0_a_channel_for_the_dahlia(channel, expected, capsys):
    maxima = iter([[4.0, 1.0], [1.0, 1.0]])  # of the dahlia, then of the cat
    names = {
        "features": lambda x, layer: {layer: tf.reshape(next(maxima), [1, 1, 1, 2])},
        **{"images": images, "IMAGES": IMAGES, "tf": tf, "size": 32},
    }
    assert said("1.0", 2, channel, capsys, **names).startswith(expected)


# --- chapters 1 and 2 ---------------------------------------------------------------


def test_1_1_asks_for_few_steps_that_suffice(capsys):
    def rebuilt(network, picture, layer, *, steps, **options):
        assert layer == "conv2_2"
        return Result(picture, {"content": [1 / (1 + step) for step in range(steps)]})

    names = {"reconstruct": SimpleNamespace(reconstruct_content=rebuilt)}
    names |= {"network": None, "picture": np.zeros((4, 4, 3)), "seed": 0}
    assert said("1.1", 3, 15, capsys, **names).startswith("Right")
    for wrong in (3, 100, 0):
        assert said("1.1", 3, wrong, capsys, **names).startswith("Not yet")


def test_1_2_knows_a_texture_without_shallow_layers(capsys):
    terms = {"conv1_1": 0.5, "conv4_1": 0.1, "conv5_1": 0.1}

    def loss_of_shares(features, style, layers):
        return lambda image: (0, {n: terms[n] * float(image[0, 0, 0]) for n in layers})

    names = {"reconstruct": SimpleNamespace(texture_loss=loss_of_shares), "tf": tf}
    names |= {"network": None, "pooling": "average", "style": None}
    names["features_of"] = lambda *given: None
    picture = np.ones((4, 4, 3), np.float32)
    assert said("1.2", 1, picture, capsys, **names).startswith("Right")
    assert said("1.2", 1, 3 * picture, capsys, **names).startswith("Not yet")
    terms["conv1_1"] = 0.1  # the shallow layers were asked for as well
    assert said("1.2", 1, picture, capsys, **names).startswith("Not yet")


@pytest.mark.slow
def test_1_2_knows_a_loss_of_two_styles(network, capsys):
    random = np.random.default_rng(5)
    style, other = random.uniform(0, 255, (2, 48, 48, 3)).astype(np.float32)
    features = features_of(network, "average")
    layers = list(reconstruct.STYLE_LAYERS)

    def both(fine, coarse):
        grain = reconstruct.texture_loss(features, fine, layers[:2])
        forms = reconstruct.texture_loss(features, coarse, layers[2:])

        def loss(image):
            (a, terms), (b, more) = grain(image), forms(image)
            return a + b, {**terms, **more}

        return loss

    names = {"style": style, "other": other, "layers": layers, "tf": tf}
    assert said("1.2", 2, both(other, style), capsys, **names).startswith("Right")
    assert said("1.2", 2, both(style, other), capsys, **names).startswith("Not yet")
    one = reconstruct.texture_loss(features, style, layers)
    assert said("1.2", 2, one, capsys, **names).startswith("Not yet")


def test_2_0_asks_for_half_the_variation(capsys):
    noise = np.random.default_rng(5).uniform(0, 255, (8, 8, 3)).astype(np.float32)

    def run(title, *, tv_weight, **changes):
        return Result(noise / (1 + tv_weight / 1e4))

    names = {"run": run, "losses": losses, "adam_fast": Result(noise)}
    stem = "2.0"
    assert said(stem, 2, 1e4, capsys, **names).startswith("Right")
    assert said(stem, 2, 1e2, capsys, **names).startswith("Not yet")


def read(kind: str, name: str) -> np.ndarray:
    return images.read(IMAGES / kind / f"{name}.jpg", 64)


def test_2_0_color_knows_a_style_in_the_colors_of_another(capsys):
    night, mosaic = read("style", "swirling_night"), read("style", "mosaic")
    names = {"style": night, "style2": mosaic}
    stem = "2.0_Gatys_method_color"
    stones = color.match_colors(mosaic, night)
    assert said(stem, 1, stones, capsys, **names).startswith("Right")
    for wrong in (night, mosaic, color.match_colors(night, mosaic)):
        assert said(stem, 1, wrong, capsys, **names).startswith("Not yet")


def test_2_0_color_knows_a_result_that_was_matched_afterwards(capsys):
    flower, plain = read("content", "flower"), read("content", "rocket")[:43]
    content = images.resize(flower, plain.shape[:2])
    names = {"content": content, "pictures": {"plain": plain}}
    stem = "2.0_Gatys_method_color"
    after = color.match_colors(plain, content, "transport")
    assert said(stem, 2, after, capsys, **names).startswith("Right")
    for wrong in (content, plain):
        assert said(stem, 2, wrong, capsys, **names).startswith("Not yet")


def test_2_1_knows_three_stripes(capsys):
    place = np.linspace(0, 1, 60)[None].repeat(4, axis=0)
    soft = [np.exp(-(((place - m) / 0.15) ** 2)) for m in (0.17, 0.5, 0.83)]
    hard = [np.eye(3)[k : k + 1] for k in range(3)]
    for right in (soft, hard):
        assert said("2.1", 1, right, capsys).startswith("Right")
    for wrong in (soft[::-1], soft[:2], [np.ones((1, 3))] * 3):
        assert said("2.1", 1, wrong, capsys).startswith("Not yet")


def test_2_1_knows_the_stars(capsys):
    night = read("style", "swirling_night")
    stars = (night[..., 0] > 150) & (night[..., 2] < 120)
    assert said("2.1", 2, stars, capsys, first=night).startswith("Right")
    for wrong in (~stars, np.ones(stars.shape), np.ones((2, 2))):
        assert said("2.1", 2, wrong, capsys, first=night).startswith("Not yet")


# --- video, chapters 3 and 4 --------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda frames: [255 - frame for frame in frames], "Right."),
        (lambda frames: frames, "Not yet"),
        (lambda f: [255 * (n % 2) + 0 * x for n, x in enumerate(f)], "Not yet"),
    ],
)
def test_2_0_a_clip_that_flickers_less(change, expected, capsys):
    clip = painted.paint(3, 48)
    names = {"clip": clip, "frames": clip.frames, "learned": {"mosaic": 60.0}}
    answer = change(clip.frames)
    found = said("2.0_Gatys_method_video", 1, answer, capsys, warping=warping, **names)
    assert found.startswith(expected)


@pytest.mark.parametrize("restored", [True, False])
def test_3_0_the_photograph_s_colors(restored, capsys):
    photo = images.read(IMAGES / "content" / "flower.jpg", 64)
    answer = 0.7 * photo[..., ::-1] + 30
    if restored:
        answer = color.restore(answer, photo, "luminance")
    found = said("3.0", 1, answer, capsys, photo=photo)
    assert found.startswith("Right." if restored else "Not yet")


@pytest.mark.parametrize(("weight", "expected"), [(0.0, "Right."), (1.0, "Not yet")])
def test_3_0_style_alone(weight, expected, capsys):
    settings = perceptual.LossSettings(content_weight=weight)
    assert said("3.0", 3, settings, capsys).startswith(expected)


@pytest.mark.parametrize("kind", ["sorted", "photograph", "style"])
def test_4_2_pixels_sorted(kind, capsys):
    photo = images.read(IMAGES / "content" / "temple.jpg", 64)
    style = images.read(IMAGES / "style" / "swirling_night.jpg", 64)
    answers = {"photograph": photo, "style": images.resize(style, photo.shape[:2])}
    answers["sorted"] = matching.match_sorted(photo[None], style[None])[0]
    found = said("4.2", 2, answers[kind], capsys, photo=photo, style=style)
    assert found.startswith("Right." if kind == "sorted" else "Not yet")
