"""The reader's site in a real browser, and what it is laid out from.

The browser takes minutes, so it starts for ``make test-site`` alone, which sets
``SITE_TEST``; and where the site, node, its packages and Chromium are there.
"""

import base64
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from style_workshop import (
    IMAGES,
    NETWORKS,
    color,
    export,
    fast,
    feedforward,
    images,
    losses,
    reconstruct,
)
from style_workshop.features import features_of, receptive_field
from style_workshop.feedforward import Architecture, TransformNetwork

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CHROMIUM = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))


def read(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


@pytest.fixture
def stage():
    pytest.importorskip("sphinx", reason="needs the site extra")
    sys.path.insert(0, str(DOCS))
    import stage

    yield stage
    sys.path.remove(str(DOCS))


@pytest.fixture(scope="module")
def browse():
    """Give the function that runs a module of ``docs`` that opens pages, or skip."""
    needed = [ROOT / "site/index.html", DOCS / "node_modules/playwright-core", CHROMIUM]
    if "SITE_TEST" not in os.environ or not shutil.which("node"):
        pytest.skip("make test-site runs it")
    if missing := [path.name for path in needed if not path.exists()]:
        pytest.skip(f"no {missing[0]}: make site")

    def run(*words: str) -> dict:
        command = ["node", *words]
        done = subprocess.run(command, cwd=DOCS, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run


def own_network(path: Path, names: list[str]) -> TransformNetwork:
    """Write a small network of as many styles as names, as .onnx."""
    start = TransformNetwork(Architecture(4, 2, styles=len(names)))
    random = np.random.default_rng(len(names))
    values = {
        name: array + random.normal(0, 0.05, array.shape).astype(np.float32)
        for name, array in start.values().items()
    }
    card = {"styles": names} if len(names) > 1 else {}
    network = TransformNetwork(start.architecture, values, card=card)
    export.export(network, path)
    return network


@pytest.fixture(scope="module")
def played(browse, tmp_path_factory):
    """Use the playground once: what was seen, folder, own networks and photograph."""
    pytest.importorskip("tf2onnx", reason="needs the export extra")
    folder = tmp_path_factory.mktemp("played")
    one = own_network(folder / "one.onnx", ["the only one"])
    two = own_network(folder / "two.onnx", ["dry_leaves", "sea"])
    turned = Image.Exif()
    turned[ExifTags.Base.Orientation] = 6
    with Image.open(IMAGES / "content" / "coffee.jpg") as coffee:
        part = coffee.crop((100, 100, 260, 210))
    part.save(folder / "own.jpg", exif=turned, quality=95)
    own = images.read(folder / "own.jpg")
    assert own.shape == (160, 110, 3)
    return browse("check_playground.mjs", str(folder)), folder, one, two, own


@pytest.fixture(scope="module")
def looked(browse):
    """Use the page "Look inside VGG" once: what was seen."""
    return browse("check_look_inside.mjs")


def test_npm_packages_have_exact_versions_and_no_address_of_a_machine():
    package, lock = read("docs/package.json"), read("docs/package-lock.json")
    wanted = json.loads(package)
    for version in {**wanted["dependencies"], **wanted["devDependencies"]}.values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    # npm's own configuration decides where packages come from.
    assert not any("resolved" in row for row in json.loads(lock)["packages"].values())


def test_readme_has_its_badge_once_the_code_host_is_named():
    host = re.search(r'^code-host = "(.*)"$', read("pyproject.toml"), re.M)[1]
    badge = f"{host}/actions/workflows/pages.yml/badge.svg"
    assert (badge in read("README.md")) == bool(host)


def test_every_notebook_has_a_card_and_every_module_a_page(stage):
    index, pages = stage.index(), stage.api()
    for path in ROOT.glob("notebooks/*.ipynb"):
        assert f":link: /notebooks/{path.stem}\n" in index
    for path in (ROOT / "style_workshop").glob("[a-z]*.py"):
        assert f"{path.stem}.rst" in pages


def test_the_badge_is_not_on_the_site_which_asks_nobody(stage):
    line = re.search(r"^\[!\[site\].*\n", read("docs/README.md"), re.M)[0]
    assert stage.BADGE.sub("", f"# Title\n\n{line}\nText") == "# Title\n\n\nText"


@pytest.mark.slow
def test_pages_load_without_a_network_and_fit_the_screen(browse):
    found = browse("check_pages.mjs")
    assert found["pages"] > 120
    assert found["faults"] == []


@pytest.mark.slow
def test_the_playground_paints_what_python_paints(played):
    found, folder, one, two, own = played
    twelve = feedforward.load(NETWORKS / "twelve_styles.npz")
    cat = images.read(IMAGES / "content" / "cat.jpg")
    first, second = (fast.paint(twelve, cat, np.eye(12)[k]) for k in (0, 1))
    kept = color.restore_chroma(first, cat)
    x = round(cat.shape[1] * 0.3)
    corners = np.float32([0.225, 0.275, 0.225, 0.275] + [0] * 8)
    expected = {
        "style": first,
        "kept": cat + 0.6 * (kept - cat),
        "blend": fast.paint(twelve, cat, np.float32([0.5, 0.5] + [0] * 10)),
        "wipe": np.concatenate([first[:, :x], second[:, x:]], axis=1),
        "corners": fast.paint(twelve, cat, corners),
        "own": fast.paint(twelve, own, corners),
        "one": fast.paint(one, own),
        "two": fast.paint(two, own, [0.5, 0.5]),
    }
    expected["wipe"][:, x - 1 : x + 1] = 255  # the border is white
    for name, here in expected.items():
        there = images.read(folder / f"{name}.png")
        assert there.shape == here.shape, name
        assert np.abs(np.clip(here, 0, 255) - there).mean() < 1, name
    assert (found["strength"], found["border"]) == ("60", "30")


@pytest.mark.slow
def test_the_playground_says_what_it_shows_and_what_is_wrong(played):
    found = played[0]
    assert found["faults"] == []
    assert found["label"] == "Painting of cat: 100 % swirling night"
    assert found["only"] == "Painting of cat: 100 % woodcut waves"
    assert found["shares"] == ["50 %", "50 %", "0 %"]
    assert found["corners"].startswith("22 % swirling night, 28 % mosaic, 22 % woodcut")
    assert found["one"] == ["style 1"]
    assert found["two"] == ["dry leaves", "sea"]
    assert found["sentences"] == [
        "This file is no picture that the browser can read.",
        "This picture has more than 50 megapixels: make it smaller.",
        "This file holds no network of this workshop: write one with export, "
        "without --size.",
        "There is no webcam that this page may use: allow it, or choose a file.",
    ]


@pytest.mark.slow
def test_the_playground_paints_a_webcam_until_it_is_stopped(played):
    found = played[0]
    assert re.search(r", \d+\.\d frames a second\.$", found["webcam"])
    assert found["complaintStays"]
    assert found["stops"]


@pytest.mark.slow
def test_the_playground_is_for_keyboard_reader_phone_and_long_use(played):
    found = played[0]
    assert found["controls"] > 20
    assert found["nameless"] == found["unreached"] == []
    assert found["wide"] <= 0
    early, late = found["memory"][1], found["memory"][-1]
    assert late < early + 40  # megabytes, over thirty pictures


SAID = re.compile(
    r"(\w+), channel (\d+): row (\d+) of (\d+), column (\d+) of (\d+) answers "
    r"([\d.]+), of ([\d.]+) at most\. It sees (\d+) x (\d+) pixels(.*)\.$"
)


@pytest.mark.slow
def test_the_box_on_the_photograph_is_the_receptive_field(looked):
    assert looked["faults"] == []
    assert len(looked["looks"]) == 12
    for number, look in enumerate(
        [*looked["looks"], looked["hovered"], looked["tapped"]]
    ):
        layer, _, row, rows, column, columns, *_, size, _, part = SAID.match(
            look["said"]
        ).groups()
        at = int(row) - 1, int(column) - 1
        if number < 12:  # by keys, from the corner: once near it, once farther
            near = [(2, 3), (6, 13)][number % 2]
            last = int(rows) - 1, int(columns) - 1
            assert at == tuple(np.minimum(near, last)), look["said"]
        field = receptive_field("vgg19", layer)
        box = field.box(*at)
        np.testing.assert_allclose(look["box"], box, atol=0.1)
        assert int(size) == field.size
        assert bool(part) == (min(box) < 0 or box[2] > 149 or box[3] > 224)
    share = [(0.6, 0.3), (0.2, 0.7)]
    for look, (down, across) in zip(
        (looked["hovered"], looked["tapped"]), share, strict=True
    ):
        _, _, row, rows, column, columns, *_ = SAID.match(look["said"]).groups()
        assert int(row) == int(down * int(rows)) + 1
        assert int(column) == int(across * int(columns)) + 1


@pytest.mark.slow
def test_the_maps_of_the_page_are_the_network_s(looked, pretrained):
    photo = images.read(IMAGES / "content" / "cat.jpg", 224)
    features = features_of(pretrained)
    for look in [*looked["looks"], looked["hovered"], looked["tapped"]]:
        layer, channel, row, rows, column, columns, value, most, *_ = SAID.match(
            look["said"]
        ).groups()
        maps = features(photo, layer)[layer][0].numpy()[..., int(channel)]
        assert maps.shape == (int(rows), int(columns))
        here = maps[int(row) - 1, int(column) - 1]
        assert abs(here - float(value)) < maps.max() / 255 / 2 + 0.06
        assert maps.max() == pytest.approx(float(most), rel=1e-3, abs=0.06)


@pytest.mark.slow
def test_the_slider_moves_the_gram_matrix_to_the_mean_of_both(looked, pretrained):
    layer = "conv2_1"
    features = features_of(pretrained, "average")
    grams = []
    for name in ("color_circles", "swirling_night", "stained_glass"):
        picture = images.read(IMAGES / "style" / f"{name}.jpg", 176)
        grams.append(losses.gram_matrix(features(picture, layer)[layer])[0].numpy())
    diagonals = sum(np.diag(gram) / np.trace(gram) for gram in grams)
    chosen = np.sort(np.argsort(-diagonals)[:16])
    corners = [gram[np.ix_(chosen, chosen)] for gram in grams]
    most = max(np.abs(corner).max() for corner in corners)
    white, red, blue = np.float32([[247] * 3, [178, 24, 43], [33, 102, 172]])
    shares = [0, 0.3, 0.5, 1]
    for share, seen in zip(shares, looked["blends"], strict=True):
        mean = (1 - share) * corners[0] + share * corners[1]
        depth = np.sqrt(np.abs(mean) / most)[..., None]
        end = np.where(mean[..., None] < 0, blue, red)
        colors = np.reshape(seen["colors"], (16, 16, 4))
        expected = white + depth * (end - white)
        np.testing.assert_allclose(colors[..., :3], expected, atol=1.5)
        assert seen["pair"].startswith(f"Channels {chosen[2]} and {chosen[1]}: ")
        value = seen["pair"].split(": ")[1].split(", from")[0].replace(",", "")
        assert float(value) == pytest.approx(mean[2, 1], rel=0.01)
        for k, text in enumerate(seen["losses"]):
            blend = (1 - share) * grams[0] + share * grams[1]
            unit = np.square(grams[k]).mean()
            loss = np.square(blend - grams[k]).mean() / unit
            assert float(text.split(": ")[1]) == pytest.approx(loss, rel=0.01, abs=2e-3)
    blends = looked["blends"]
    assert blends[1]["words"] == "70 % color circles, 30 % swirling night"
    assert [seen["texture"] for seen in blends] == [
        "Texture for 100 % color circles",
        "Texture for 75 % color circles, 25 % swirling night",
        "Texture for 50 % color circles, 50 % swirling night",
        "Texture for 100 % swirling night",
    ]


@pytest.mark.slow
def test_a_texture_is_nearest_to_the_blend_that_it_is_for(looked, pretrained):
    layers = ["conv1_1", "conv2_1", "conv3_1", "conv4_1"]
    features = features_of(pretrained, "average")
    first, second = (
        features(images.read(IMAGES / "style" / f"{name}.jpg", 176), layers)
        for name in ("color_circles", "swirling_night")
    )
    of_first, of_second = (
        {layer: losses.gram_matrix(maps[layer]) for layer in layers}
        for maps in (first, second)
    )
    shares = [0, 0.25, 0.5, 1]
    wanted = [
        {k: (1 - t) * of_first[k] + t * of_second[k] for k in layers} for t in shares
    ]
    files = [io.BytesIO(base64.b64decode(seen["jpeg"])) for seen in looked["blends"]]
    shown = [np.asarray(Image.open(file), np.float32) for file in files]
    table = [
        [float(reconstruct.loss_to(features, target)(picture)[0]) for target in wanted]
        for picture in shown
    ]
    assert np.argmin(table, axis=0).tolist() == [0, 1, 2, 3]


@pytest.mark.slow
def test_the_page_that_looks_inside_is_for_keyboard_and_reader(looked):
    assert looked["controls"] > 20
    assert looked["nameless"] == looked["unreached"] == []
    assert looked["exciting"][0] == "drawn"
    assert len(looked["exciting"]) == 6
    size = (ROOT / "site" / "look_inside.html").stat().st_size
    assert size < 5e6
