"""The networks that ship: small, described, and painting what they should."""

import numpy as np
import pytest

from style_workshop import IMAGES, NETWORKS, fast, feedforward, images
from style_workshop.__main__ import main

FILES = sorted(NETWORKS.glob("*.npz"))
every = pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    return images.read(IMAGES / "content" / "temple.jpg", 96)


@every
def test_card_of_a_shipped_network(path):
    assert path.stat().st_size < 4e6
    with np.load(path) as arrays:
        kernels = [a for a in arrays.values() if a.ndim > 1]
    assert {a.dtype for a in kernels} == {np.dtype("float16")}
    network = feedforward.load(path)
    card = network.card
    assert len(card["styles"]) == network.architecture.styles
    assert set(card["credit"]) == set(card["styles"])
    for text in card["credit"].values():
        assert "CC0" in text or "public domain" in text
    assert sum(lesson["steps"] for lesson in card["training"]) >= 4000
    for lesson in card["training"]:
        assert {"loss", "data", "training", "steps", "losses"} <= set(lesson)
        assert lesson["loss"]["content_unit"] > 0
    if judged := card.get("judged"):
        assert 0 < judged["ratio"] <= 2.0
        assert set(judged["styles"]) == set(card["styles"])
        over = {name for name, row in judged["styles"].items() if row["ratio"] > 2.0}
        # data/networks/README.md names them.
        assert over <= {"starry_night", "composition_vii"}


@every
def test_a_shipped_network_paints_each_style_differently(path, photograph):
    network = feedforward.load(path)
    count = network.architecture.styles
    made = [fast.paint(network, photograph, mixture) for mixture in np.eye(count)]
    for one in made:
        assert one.shape == photograph.shape and np.isfinite(one).all()
        assert 10 < np.abs(one - photograph).mean() < 150
        assert one.std() > 20  # no veil
    for number, one in enumerate(made):
        assert all(np.abs(one - other).mean() > 5 for other in made[:number])


@every
def test_stylize_knows_a_shipped_network_by_its_name(path, tmp_path):
    output = tmp_path / "painted.jpg"
    given = ["stylize", str(IMAGES / "content" / "cat.jpg"), path.stem]
    styles = feedforward.load(path).card["styles"]
    blend = ["--blend", f"{styles[0]}=1"] if len(styles) > 1 else []
    given += ["--method", "fast", "--size", "64", "-o", str(output), *blend]
    assert main(given) == 0
    assert max(images.read(output).shape) == 64


def test_one_network_of_ten_styles_or_more_and_three_of_one():
    counts = [feedforward.load(path).architecture.styles for path in FILES]
    assert max(counts) >= 10
    assert counts.count(1) >= 3
