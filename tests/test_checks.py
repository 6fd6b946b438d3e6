"""Each kind of value is taken or refused by one function, in a sentence."""

import subprocess
import sys

import numpy as np
import pytest

from style_workshop import WorkshopError, checks

NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("value", [2, np.int64(2), np.uint8(2)])
def test_a_whole_number_may_be_numpys_and_comes_back_as_pythons(value):
    found = checks.whole_number("steps", value, least=1, most=2)
    assert found == 2 and type(found) is int


@pytest.mark.parametrize(
    "value", [True, False, np.True_, 2.0, np.float64(2), "2", None, 0, 4, np.array(2)]
)
def test_what_is_no_whole_number_in_the_range_is_refused(value):
    with pytest.raises(WorkshopError, match="^steps is .*: use a whole number, 1 to 3"):
        checks.whole_number("steps", value, least=1, most=3)


def test_a_sentence_says_what_was_given_and_what_to_use():
    with pytest.raises(WorkshopError) as caught:
        checks.whole_number("steps", 2.5, least=1)
    assert str(caught.value) == "steps is 2.5: use a whole number, 1 or more."


def test_a_seed_is_one_that_numpy_and_tensorflow_take():
    assert checks.seed(2**31 - 1) == 2**31 - 1
    for value in (-1, 2**31, 1.0, True):
        with pytest.raises(WorkshopError, match="seed is .* use a whole number, 0 to"):
            checks.seed(value)


@pytest.mark.parametrize("value", [1, 0.5, np.float32(0.5), np.int32(1), 10**400])
def test_a_number_may_be_numpys_and_comes_back_as_pythons(value):
    if value > 1:
        with pytest.raises(WorkshopError, match="rate is 1000"):
            checks.number("rate", value, above=0, most=1)
    else:
        assert checks.number("rate", value, above=0, most=1) == value
        assert type(checks.number("rate", value)) is float


def test_the_ends_of_a_range_count_as_they_are_said():
    assert checks.number("a", 0, least=0) == 0
    assert checks.number("a", 1, most=1) == 1
    for value, limits, words in (
        (0, {"above": 0, "such_as": 5}, "a number above 0, such as 5"),
        (-1, {"least": 0, "most": 2}, "a number from 0 up to 2"),
        (3, {"least": 0, "most": 2}, "a number from 0 up to 2"),
        (10, {"above": 1, "below": 10}, "a number above 1 and below 10"),
        (NAN, {}, "a number"),
        (INF, {"least": 0}, "a number from 0"),
        (True, {}, "a number"),
        ("1", {}, "a number"),
    ):
        with pytest.raises(WorkshopError, match=f"^a is .*: use {words}[.]$"):
            checks.number("a", value, **limits)


def test_a_weight_is_finite_and_not_negative():
    assert checks.weight("w", 0) == 0 and checks.weight("w", np.float32(0.5)) == 0.5
    for value in (-1, NAN, INF, 1e308, True, "1", None, np.ones(2)):
        with pytest.raises(WorkshopError, match="^w is .*: use a weight of 0 or more"):
            checks.weight("w", value)


def test_a_choice_is_one_of_the_words():
    assert checks.choice("norm", "batch", ("instance", "batch")) == "batch"
    for value in ("Batch", "", None, 1, ["batch"], np.ones(3)):
        with pytest.raises(
            WorkshopError, match="^norm is .*: use instance or batch[.]"
        ):
            checks.choice("norm", value, ("instance", "batch"))
    with pytest.raises(WorkshopError, match="use a, b or c[.]"):
        checks.choice("norm", "x", ("a", "b", "c"))
    with pytest.raises(WorkshopError, match="use a[.]"):
        checks.choice("norm", "x", ("a",))


def test_a_flag_is_true_or_false():
    assert checks.flag("flip", np.True_) is True and checks.flag("flip", False) is False
    for value in (1, 0, None, "False"):
        with pytest.raises(WorkshopError, match="^flip is .*: use True or False[.]$"):
            checks.flag("flip", value)


def test_a_picture_is_an_array_of_three_colors():
    for kind in (np.float32, np.uint8):
        checks.picture("content", np.zeros((4, 5, 3), kind))
    for value, message in (
        (np.zeros((4, 5)), r"content has the shape \(4, 5\): a picture is \[h, w, 3\]"),
        (np.zeros((4, 5, 4)), r"shape \(4, 5, 4\)"),
        (np.zeros((1, 4, 5, 3)), r"shape \(1, 4, 5, 3\)"),
        (np.zeros((0, 5, 3)), r"shape \(0, 5, 3\)"),
        ([[[0, 0, 0]]], "content is of type list: use an array .* images.read"),
        ("cup.jpg", "content is of type str"),
        (None, "content is of type NoneType"),
        (np.full((4, 5, 3), NAN), "content holds values that are no finite numbers"),
        (np.full((4, 5, 3), "a"), "content holds values that are no finite numbers"),
    ):
        with pytest.raises(WorkshopError, match=message):
            checks.picture("content", value)


def test_layers_are_a_list_of_names():
    assert checks.layers("layers", ["conv1_1"]) == ("conv1_1",)
    assert checks.layers("layers", {"a": 1.0, "b": 2.0}) == ("a", "b")
    for value in ((), [], {}, "conv1_1", None, [1], 3):
        with pytest.raises(WorkshopError, match="^layers is .*: use a list of layers"):
            checks.layers("layers", value)


def test_layer_weights_are_weights_by_layer():
    weights = checks.layer_weights("layers", {"conv1_1": np.float32(0.5), "pool1": 1})
    assert weights == {"conv1_1": 0.5, "pool1": 1.0}
    for value in ({}, (), [], ["conv1_1"], None, {1: 1.0}):
        with pytest.raises(WorkshopError, match="^layers is .*: use layers with their"):
            checks.layer_weights("layers", value)
    with pytest.raises(
        WorkshopError, match=r"^layers\['conv1_1'\] is -1: use a weight"
    ):
        checks.layer_weights("layers", {"conv1_1": -1})


def test_a_long_value_is_cut_in_the_sentence():
    with pytest.raises(WorkshopError) as caught:
        checks.choice("norm", "x" * 10_000, ("instance", "batch"))
    assert len(str(caught.value)) < 100


def test_the_checks_need_no_tensorflow():
    code = "import sys, style_workshop.checks; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
