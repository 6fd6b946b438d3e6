"""The self-checks of the notebooks know a right answer from a wrong one."""

from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import tensorflow as tf

from conftest import ROOT
from style_workshop import IMAGES, color, exercises, images, reconstruct
from style_workshop.features import features_of

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


def check_cells(stem: str) -> list[str]:
    """The self-checks of a lesson, in the order of its exercises."""
    (path,) = NOTEBOOKS.glob(f"{stem}*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    return [c.source for c in cells if "exercise" in c.metadata.get("tags", [])]


def said(stem: str, number: int, answer, capsys, **names) -> str:
    """What a lesson's self-check prints for an answer.

    Args:
        names: what the cell uses of those above it, beside ``exercises`` and ``np``.
    """
    source = check_cells(stem)[number - 1]
    assert "answer = ..." in source
    source = source.replace("answer = ...", "answer = given", 1)
    exec(source, {"given": answer, "exercises": exercises, "np": np, **names})
    return capsys.readouterr().out


# --- chapters 1 and 2 ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("stem", "number", "right", "wrong"),
    [
        ("1.2", 3, "none", "style"),
        ("2.0_Gatys_method_color", 3, "gray", "orange"),
    ],
)
def test_words_and_numbers(stem, number, right, wrong, capsys):
    assert said(stem, number, right, capsys).startswith("Right")
    assert said(stem, number, wrong, capsys).startswith("Not yet")


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
