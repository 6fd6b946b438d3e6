"""The feed-forward networks: shapes, variants, files."""

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from style_workshop import WorkshopError, fast, feedforward, files
from style_workshop.architecture import ARCHITECTURES, PAPER, PUBLIC, Architecture
from style_workshop.feedforward import TransformNetwork

SMALL = Architecture(filters=2, blocks=1)
RANDOM = np.random.default_rng(0)


def photo(h=24, w=20, b=1) -> np.ndarray:
    return RANDOM.uniform(0, 255, (b, h, w, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def small() -> TransformNetwork:
    return TransformNetwork(SMALL)


@settings(max_examples=15, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40))
def test_any_size_comes_back_in_its_size_and_near_0_255(small, height, width):
    painted = small(photo(height, width)).numpy()
    assert painted.shape == (1, height, width, 3)
    assert painted.min() >= 127.5 - 150
    assert painted.max() <= 127.5 + 150


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_variant_by_name_paints(name):
    architecture = replace(ARCHITECTURES[name], filters=2)
    network = TransformNetwork(architecture)
    assert network(photo(45, 42)).shape == (1, 45, 42, 3)
    assert len([v for v in network.variables if "kernel" in v.name]) == 16


def test_the_paper_s_sizes_and_the_public_half():
    """1.68 million numbers: the table of the supplement, counted by hand."""
    kernels = [9 * 9 * 3 * 32, 9 * 32 * 64, 9 * 64 * 128, *[9 * 128 * 128] * 10]
    kernels += [9 * 128 * 64, 9 * 64 * 32, 9 * 9 * 32 * 3]
    norms = 2 * (32 + 64 + 128 + 10 * 128 + 64 + 32)
    paper = TransformNetwork(PAPER)
    assert sum(v.numpy().size for v in paper.variables) == sum(kernels) + norms + 3
    assert PUBLIC.filters == 16
    assert PUBLIC.norm == "instance"


def test_reflection_at_the_start_is_taken_away_exactly():
    """Far from the edge a translation moves the result, whatever is padded where."""
    network = TransformNetwork(replace(PUBLIC, filters=2))
    assert network(photo(64, 48)).shape == (1, 64, 48, 3)


def test_the_same_seed_gives_the_same_network_and_another_another():
    one, two = TransformNetwork(SMALL, seed=1), TransformNetwork(SMALL, seed=1)
    other = TransformNetwork(SMALL, seed=2)
    x = photo()
    np.testing.assert_array_equal(one(x), two(x))
    assert np.abs(one(x) - other(x)).max() > 1
    assert list(one.values()) == list(two.values())


def test_pictures_of_a_batch_do_not_see_each_other_with_instance_norm(small):
    x = photo(b=3)
    together = small(x)
    for row in range(3):
        np.testing.assert_allclose(together[row], small(x[row, None])[0], atol=0.01)


def test_a_mixture_of_two_styles_lies_between_them():
    network = TransformNetwork(replace(SMALL, styles=2))
    values = network.values()
    for name, array in values.items():
        if "/shift" in name:
            array[1] = RANDOM.normal(size=array.shape[1])
    network = TransformNetwork(network.architecture, values)
    x = photo()
    first, second = network(x, [1, 0]), network(x, [0, 1])
    half = network(x, [0.5, 0.5])
    assert np.abs(first - second).max() > 5
    assert np.abs(half - first).mean() < np.abs(second - first).mean()
    rows = network(tf.repeat(x, 2, axis=0), [[1, 0], [0, 1]])
    np.testing.assert_allclose(rows, tf.concat([first, second], 0), atol=0.01)


def test_another_mixture_is_painted_without_compiling_again():
    network = TransformNetwork(replace(SMALL, styles=2))
    for share in (0.0, 0.25, 1.0):
        fast.paint(network, photo()[0], [share, 1 - share])
    assert fast.compiled(network).experimental_get_tracing_count() == 1


def test_norm_variables_are_scales_and_shifts(small):
    names = [v.name.split("/")[-1] for v in small.norm_variables]
    assert set(names) == {"scale:0", "shift:0"}
    assert len(names) == len([v for v in small.variables if "kernel" not in v.name]) - 1


def test_bfloat16_paints_nearly_the_same(small):
    x = photo()
    difference = small(x, dtype="bfloat16") - small(x)
    assert float(tf.reduce_mean(tf.abs(difference))) < 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"norm": "group"}, "norm is 'group': use instance or batch"),
        ({"padding": "same"}, "use reflect, zero or start"),
        ({"upsampling": "nearest"}, "use resize or transposed"),
        ({"filters": 0}, "filters is 0: use a whole number, 1 to 1024"),
        ({"blocks": -1}, "blocks is -1"),
        ({"styles": 2.5}, "styles is 2.5"),
        ({"reach": float("nan")}, "reach is nan: use a number above 0"),
        ({"reach": "150"}, "reach is '150'"),
        ({"styles": 2, "norm": "batch"}, "Several styles need"),
    ],
)
def test_an_architecture_that_cannot_be_is_refused_where_it_is_made(change, message):
    with pytest.raises(WorkshopError, match=message):
        replace(SMALL, **change)


def test_whole_numbers_of_numpy_are_taken_as_python_s():
    """A card in JSON has no others."""
    assert type(replace(SMALL, filters=np.int64(2)).filters) is int


def test_pictures_and_styles_that_make_no_sense_are_refused(small):
    with pytest.raises(WorkshopError, match="images.None. makes a batch"):
        small(photo()[0])
    with pytest.raises(WorkshopError, match="7x20 pixels is too small: .* 8 pixels"):
        small(photo(7))
    with pytest.raises(WorkshopError, match=r"styles must be \[b, 1\] or \[1\]"):
        small(photo(), [0.5, 0.5])
    with pytest.raises(WorkshopError, match="has 2 styles: say how much of each"):
        TransformNetwork(replace(SMALL, styles=2))(photo())


# --- files --------------------------------------------------------------------------


def test_a_network_comes_back_from_its_file_with_its_card(tmp_path):
    network = TransformNetwork(SMALL, seed=5, card={"style": "gold", "steps": 7})
    feedforward.save(network, tmp_path / "gold.npz")
    again = feedforward.load(tmp_path / "gold.npz")
    assert again.architecture == SMALL
    assert again.card == {"style": "gold", "steps": 7}
    x = photo()
    np.testing.assert_allclose(again(x), network(x), atol=2)  # float16


def test_a_full_network_is_small_enough_to_ship(tmp_path):
    feedforward.save(TransformNetwork(), tmp_path / "net.npz")
    assert (tmp_path / "net.npz").stat().st_size < 1e6


def test_values_that_float16_cannot_hold_are_refused(tmp_path):
    network = TransformNetwork(SMALL)
    network.variables[0].assign(tf.fill(network.variables[0].shape, 1e9))
    with pytest.raises(WorkshopError, match="block_1/conv_1/kernel is not finite"):
        feedforward.save(network, tmp_path / "net.npz")
    assert not list(tmp_path.iterdir())


def test_other_files_are_refused_with_one_sentence(tmp_path):
    path = tmp_path / "net.npz"
    with pytest.raises(WorkshopError, match="There is no file"):
        feedforward.load(path)
    for note in ({}, {"architecture": {"depth": 3}, "card": {}}):
        files.save_arrays(path, {}, note)
        with pytest.raises(WorkshopError, match="holds no feed-forward network"):
            feedforward.load(path)
    values = TransformNetwork(SMALL).values()
    values["down_1/kernel"][0] = np.nan
    note = {"architecture": {"filters": 2, "blocks": 1}, "card": {}}
    files.save_arrays(path, values, note)
    with pytest.raises(WorkshopError, match="not finite"):
        feedforward.load(path)


@pytest.mark.parametrize(
    ("architecture", "card"),
    [
        ({"reach": "150"}, {}),
        ({"reach": None}, {}),
        ({"reach": []}, {}),
        ({"blocks": 1e300}, {}),
        ({"norm": ["instance"]}, {}),
        ({"filters": {}}, {}),
        ({}, {"styles": "gold"}),
        ({}, {"styles": [1]}),
        ({}, {"styles": {"gold": 1}}),
        ({}, {"styles": [["gold"]]}),
        ({}, {"training": 7}),
        ({}, ["card"]),
        ({}, "card"),
    ],
)
def test_a_card_that_makes_no_sense_is_refused(tmp_path, architecture, card):
    path = tmp_path / "net.npz"
    architecture = {"filters": 2, "blocks": 1} | architecture
    note = {"architecture": architecture, "card": card}
    files.save_arrays(path, TransformNetwork(SMALL).values(), note)
    with pytest.raises(WorkshopError, match="holds no feed-forward network"):
        feedforward.load(path)


@pytest.mark.parametrize(
    "kernel",
    [
        np.full([9, 9, 3, 2], "0.5"),
        np.full([9, 9, 3, 2], b"0.5"),
        np.zeros([9, 9, 3, 2], [("a", "f4"), ("b", "f4")]),
        np.zeros([9, 9, 3, 2], complex),
        np.zeros([9, 9, 3, 2], "M8[s]"),
    ],
)
def test_values_that_are_no_numbers_are_refused(tmp_path, kernel):
    path = tmp_path / "net.npz"
    note = {"architecture": {"filters": 2, "blocks": 1}, "card": {}}
    values = TransformNetwork(SMALL).values() | {"down_1/kernel": kernel}
    files.save_arrays(path, values, note)
    with pytest.raises(WorkshopError, match="damaged, or no file of this workshop"):
        feedforward.load(path)


def test_names_of_styles_cannot_steer_a_terminal(tmp_path):
    network = TransformNetwork(SMALL, card={"styles": ["\x1b[2J\ngold\u202e", "Félix"]})
    feedforward.save(network, tmp_path / "net.npz")
    styles = feedforward.load(tmp_path / "net.npz").card["styles"]
    assert styles == ["\\x1b[2J\\ngold\\u202e", "Félix"]


def test_damaged_files_are_refused_with_one_sentence(tmp_path, mutations):
    path = tmp_path / "net.npz"
    feedforward.save(TransformNetwork(SMALL), path)
    for content in mutations(path.read_bytes(), 40, seed=1):
        path.write_bytes(content)
        with contextlib.suppress(WorkshopError):
            feedforward.load(path)


def test_no_code_of_a_file_is_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a file ran code",))

    np.savez(tmp_path / "trap.npz", trap=np.array([Trap()], object))
    with pytest.raises(WorkshopError, match="damaged, or no file of this workshop"):
        feedforward.load(tmp_path / "trap.npz")


def test_a_network_of_the_first_format_loads_and_paints_the_same_numbers():
    """The file of ``golden_network.py``: whoever changes the format sees it here."""
    path = Path(__file__).parent / "golden_network.npz"
    with np.load(path.with_name("golden_picture.npz")) as golden:
        picture, wanted = golden["picture"], golden["painted"]
    network = feedforward.load(path)
    assert network.architecture == Architecture(filters=2, blocks=1, styles=2)
    assert network.card == {"styles": ["gold", "silver"], "steps": 7}
    painted = network(picture[None].astype(np.float32), [0.25, 0.75])[0]
    np.testing.assert_allclose(painted, wanted, atol=0.02)
    assert wanted.std() > 10
