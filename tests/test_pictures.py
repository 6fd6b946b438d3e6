"""The pictures in git are the listed ones, are small, and can be painted again."""

import hashlib
import importlib.util
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DATA = Path(__file__).resolve().parent.parent / "data"
IMAGES = DATA / "images"
SUFFIXES = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".tif", ".tiff", ".bmp"}
FILES = sorted(p for p in IMAGES.rglob("*") if p.suffix.lower() in SUFFIXES)
CONTENT = sorted((IMAGES / "content").glob("*.jpg"))
STYLE = sorted((IMAGES / "style").glob("*.jpg"))


def listed() -> dict[str, str]:
    """Path below `data` and check sum of each row of the tables in data/README.md."""
    rows = re.findall(
        r"^\| \[`[^`]+`\]\((images/[^)]+)\) .*\| `([0-9a-f]{64})` \|$",
        (DATA / "README.md").read_text(encoding="utf-8"),
        flags=re.MULTILINE,
    )
    assert len(rows) == len(dict(rows)), "a picture is listed twice"
    return dict(rows)


def program(name: str):
    """Import a program of data/images by its file name."""
    spec = importlib.util.spec_from_file_location(name, IMAGES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def paint_styles():
    return program("paint_styles")


def test_every_picture_is_listed_and_every_listed_picture_is_here():
    assert {p.relative_to(DATA).as_posix() for p in FILES} == set(listed())


@pytest.mark.parametrize("path", sorted(listed()))
def test_check_sum(path):
    assert hashlib.sha256((DATA / path).read_bytes()).hexdigest() == listed()[path]


def test_all_pictures_together_take_less_than_3_megabytes():
    assert sum(path.stat().st_size for path in FILES) < 3_000_000


@pytest.mark.parametrize("path", CONTENT, ids=lambda path: path.stem)
def test_content_pictures_are_rgb_of_at_most_640_pixels_without_exif(path):
    with Image.open(path) as picture:
        assert picture.mode == "RGB"
        assert 300 <= min(picture.size) <= max(picture.size) <= 640
        assert not picture.getexif()


@pytest.mark.parametrize("path", STYLE, ids=lambda path: path.stem)
def test_style_pictures_are_rgb_of_512_pixels_with_texture_everywhere(path):
    with Image.open(path) as picture:
        assert (picture.mode, picture.size) == ("RGB", (512, 512))
        grey = np.asarray(picture.convert("L"), np.float64)
    tiles = grey.reshape(8, 64, 8, 64).std(axis=(1, 3))
    assert tiles.min() > 5, "an empty area: a Gram matrix has nothing to see there"


def test_the_names_are_those_of_the_painters_and_photographs(paint_styles):
    assert {path.stem for path in STYLE} == set(paint_styles.STYLES)
    photographs = program("take_photographs").PHOTOGRAPHS
    assert {path.stem for path in CONTENT} == set(photographs)


@pytest.mark.parametrize("name", ["color_circles", "linocut_leaves"])
def test_painting_again_gives_the_stored_picture(paint_styles, name):
    file = io.BytesIO()
    again = Image.fromarray(paint_styles.paint(name))
    again.save(file, "JPEG", quality=paint_styles.QUALITY, subsampling=0)
    with Image.open(file) as picture:
        painted = np.asarray(picture, np.float64)
    with Image.open(IMAGES / "style" / f"{name}.jpg") as picture:
        stored = np.asarray(picture, np.float64)
    assert np.abs(painted - stored).mean() < 4


@pytest.mark.parametrize("name", ["stained_glass", "watercolor", "linocut_leaves"])
def test_the_seed_decides_the_picture(paint_styles, name):
    first = paint_styles.paint(name, size=64, seed=1)
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8
    np.testing.assert_array_equal(first, paint_styles.paint(name, size=64, seed=1))
    assert np.abs(first - paint_styles.paint(name, 64, seed=2).astype(float)).mean() > 4


def test_a_missing_package_is_named_with_its_remedy():
    take = program("take_photographs")
    take.INSTALL["no_such_package"] = "no-such-package"
    with pytest.raises(SystemExit, match="pip install no-such-package"):
        take.packaged_file("no_such_package", "data/cat.png")
