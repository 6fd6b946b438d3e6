"""Pictures: every odd kind read right or refused in a sentence; saved whole."""

import io
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image, ImageCms

import odd_pictures
import style_workshop
from odd_pictures import FROM_UPRIGHT, TO_UPRIGHT
from style_workshop import WorkshopError, __version__, animations, images
from style_workshop.images import PictureError

ROOT = Path(__file__).resolve().parent.parent
RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


def smooth(height: int = 40, width: int = 60) -> np.ndarray:
    """A soft colored picture, ``[h, w, 3]`` uint8, that JPEG changes little."""
    y, x = np.mgrid[:height, :width] / (height, width)[0]
    waves = [np.sin(3 * x), np.cos(2 * y + x), np.sin(2 * x * y + 1)]
    return np.uint8(np.round(128 + 100 * np.stack(waves, -1)))


def saved(path: Path, picture: Image.Image | np.ndarray, **options) -> Path:
    if isinstance(picture, np.ndarray):
        picture = Image.fromarray(picture)
    picture.save(path, **options)
    return path


def corners(image: np.ndarray) -> list[tuple]:
    """Colors of top left, top right, bottom left, each rounded to 0 or 255."""
    picked = [image[3, 3], image[3, -4], image[-4, 3]]
    return [tuple(int(v > 127) * 255 for v in color) for color in picked]


# --- kinds of pictures --------------------------------------------------------------


@pytest.mark.parametrize("ending", ["jpg", "png", "tif", "webp"])
@pytest.mark.parametrize("orientation", TO_UPRIGHT)
def test_exif_orientation_is_turned_upright(tmp_path, orientation, ending):
    upright = np.full((20, 32, 3), 255, np.uint8)
    upright[:8, :8], upright[:8, -8:], upright[-8:, :8] = RED, GREEN, BLUE
    stored = FROM_UPRIGHT[orientation](upright)
    np.testing.assert_array_equal(TO_UPRIGHT[orientation](stored), upright)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(
        tmp_path / f"x.{ending}", np.ascontiguousarray(stored), exif=exif, quality=95
    )
    image = images.read(path)
    assert image.shape == (20, 32, 3)
    assert corners(image) == [RED, GREEN, BLUE]


@pytest.mark.parametrize("orientation", [0, 9, 255])
def test_an_orientation_that_does_not_exist_is_passed_over(tmp_path, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "x.png", smooth(), exif=exif)
    np.testing.assert_array_equal(images.read(path), smooth())


def test_a_broken_exif_block_does_not_spoil_the_picture(tmp_path):
    path = saved(tmp_path / "x.jpg", smooth(), exif=b"Exif\0\0MM\0*garbage" * 9)
    assert images.read(path).shape == (40, 60, 3)


def test_rgb_is_read_exactly_as_float32(tmp_path):
    image = images.read(saved(tmp_path / "x.png", smooth()))
    assert image.dtype == np.float32
    np.testing.assert_array_equal(image, smooth())


def test_gray_has_three_equal_channels(tmp_path):
    gray = smooth()[..., 0]
    image = images.read(saved(tmp_path / "x.png", gray))
    np.testing.assert_array_equal(image, np.stack([gray] * 3, -1))


def test_one_bit_is_black_and_white(tmp_path):
    bits = smooth()[..., 0] > 128
    path = saved(tmp_path / "x.png", Image.fromarray(bits))
    with Image.open(path) as picture:
        assert picture.mode == "1"
    np.testing.assert_array_equal(images.read(path)[..., 1], bits * 255)


def test_cmyk_has_the_colors_it_was_made_from(tmp_path):
    cmyk = Image.fromarray(smooth()).convert("CMYK")
    path = saved(tmp_path / "x.jpg", cmyk, quality=95)
    assert np.abs(images.read(path) - smooth()).mean() < 3


def test_palette_has_the_colors_of_its_palette(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)
    image = images.read(saved(tmp_path / "x.png", picture))
    np.testing.assert_array_equal(image, [[RED, BLUE]])


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_a_transparent_palette_color_lies_over_white(tmp_path, ending):
    picture = Image.new("P", (2, 1))
    picture.putpalette([*RED, *BLUE])
    picture.putpixel((1, 0), 1)
    image = images.read(saved(tmp_path / f"x.{ending}", picture, transparency=1))
    np.testing.assert_array_equal(image, [[RED, WHITE]])


def test_a_transparent_color_of_rgb_lies_over_white(tmp_path):
    pixels = np.uint8([[RED, BLUE]])
    image = images.read(saved(tmp_path / "x.png", pixels, transparency=BLUE))
    np.testing.assert_array_equal(image, [[RED, WHITE]])


def test_alpha_lies_over_white(tmp_path):
    alpha = np.uint8(np.linspace(0, 255, 60))[None].repeat(40, 0)
    path = saved(tmp_path / "x.png", np.dstack([smooth(), alpha]))
    part = alpha[..., None] / 255
    expected = smooth() * part + 255 * (1 - part)
    np.testing.assert_allclose(images.read(path), expected, atol=1)
    gray = smooth()[..., 0]
    path = saved(tmp_path / "la.png", np.dstack([gray, alpha]))
    expected = gray * part[..., 0] + 255 * (1 - part[..., 0])
    np.testing.assert_allclose(images.read(path)[..., 2], expected, atol=1)


def test_16_bit_gray_is_as_bright_as_8_bit_gray(tmp_path):
    gray = smooth()[..., 0]
    path = saved(tmp_path / "x.png", gray.astype(np.uint16) * 257)
    with Image.open(path) as picture:
        assert picture.mode.startswith("I")
    np.testing.assert_array_equal(images.read(path)[..., 0], gray)
    dark = saved(tmp_path / "dark.png", np.full((2, 2), 200, np.uint16))
    assert images.read(dark).max() == 1  # 200 of 65535 is nearly black


@pytest.mark.parametrize(
    ("white", "kind"),
    [
        (1, np.float32),
        (255, np.float32),
        (65535, np.float32),
        (255, np.int32),
        (65535, np.int32),
        (2**30, np.int32),
    ],
)
def test_tiffs_of_large_and_of_fractional_numbers_are_as_bright(tmp_path, white, kind):
    gray = smooth()[..., 0].astype(np.float64)
    gray[0, :2] = 0, 255
    path = saved(tmp_path / "x.tif", (gray / 255 * white).astype(kind))
    np.testing.assert_allclose(images.read(path)[..., 0], gray, atol=1)


def test_a_float_tiff_with_nan_and_infinity_keeps_the_rest(tmp_path):
    gray = np.float32(smooth()[..., 0]) / 255
    gray[0, :3] = np.nan, np.inf, -np.inf
    image = images.read(saved(tmp_path / "x.tif", gray))
    np.testing.assert_allclose(image[1:, :, 0], smooth()[1:, :, 0], atol=1)
    assert np.isfinite(image).all()


def test_lab_has_the_colors_it_was_made_from(tmp_path):
    srgb, lab = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    picture = ImageCms.profileToProfile(
        Image.fromarray(smooth()), srgb, lab, outputMode="LAB"
    )
    image = images.read(saved(tmp_path / "x.tif", picture))
    assert np.abs(image - smooth()).mean() < 3


def test_an_embedded_profile_is_applied(tmp_path):
    """A profile whose red and green are exchanged shows whether anyone looks at it."""
    profile = bytearray(
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    )
    exchanged = bytes(profile).replace(b"rXYZ", b"tmp!")
    exchanged = exchanged.replace(b"gXYZ", b"rXYZ").replace(b"tmp!", b"gXYZ")
    plain = saved(tmp_path / "plain.png", smooth(), icc_profile=bytes(profile))
    odd = saved(tmp_path / "odd.png", smooth(), icc_profile=exchanged)
    np.testing.assert_allclose(images.read(plain), smooth(), atol=2)
    np.testing.assert_allclose(images.read(odd), smooth()[..., [1, 0, 2]], atol=3)


def test_a_broken_profile_is_passed_over(tmp_path):
    path = saved(tmp_path / "x.png", smooth(), icc_profile=b"no profile at all" * 20)
    np.testing.assert_array_equal(images.read(path), smooth())


@pytest.mark.parametrize("ending", ["gif", "webp", "tif"])
def test_of_an_animation_the_first_frame_is_read(tmp_path, ending):
    first, second = (Image.new("RGB", (8, 6), color) for color in ("red", "blue"))
    path = tmp_path / f"x.{ending}"
    first.save(path, save_all=True, append_images=[second], duration=50)
    with Image.open(path) as picture:
        assert picture.n_frames == 2
    image = images.read(path)
    np.testing.assert_allclose(image, np.full((6, 8, 3), RED), atol=6)


@pytest.mark.parametrize("name", ["x.webp", "x.bmp", "x.ppm", "x.gif", "x.jpeg"])
def test_other_common_formats_are_read(tmp_path, name):
    image = images.read(saved(tmp_path / name, smooth(), quality=95))
    assert np.abs(image - smooth()).mean() < 4


@pytest.mark.parametrize("name", ["no_ending", "wrong.jpg", "UPPER.PNG", "with space"])
def test_what_a_file_holds_counts_not_its_name(tmp_path, name):
    path = saved(tmp_path / name, smooth(), format="PNG")
    np.testing.assert_array_equal(images.read(str(path)), smooth())


@pytest.mark.parametrize("shape", [(1, 1), (20, 4000), (3000, 16), (1, 300)])
def test_extreme_shapes_are_read(tmp_path, shape):
    path = saved(tmp_path / "x.png", np.full((*shape, 3), 77, np.uint8))
    np.testing.assert_array_equal(images.read(path), np.full((*shape, 3), 77))


# --- what is refused ----------------------------------------------------------------


def refusal(path) -> str:
    with pytest.raises(PictureError) as caught:
        images.read(path)
    assert isinstance(caught.value, WorkshopError)
    assert str(path) in str(caught.value)  # it says which picture
    return str(caught.value)


def test_missing_folder_and_empty_are_told_apart(tmp_path):
    assert "There is no file" in refusal(tmp_path / "none.jpg")
    assert "is a folder" in refusal(tmp_path)
    (tmp_path / "empty.jpg").touch()
    assert "is empty" in refusal(tmp_path / "empty.jpg")


def test_text_named_jpg_is_shown_to_be_text(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_text("<!DOCTYPE html><title>404</title>")
    assert "is not a picture (it begins with '<!DOCTYPE" in refusal(path)


@pytest.mark.parametrize("name", ["x.jpg", "x.png"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_a_cut_off_file_is_refused(tmp_path, name, part):
    noise = np.random.default_rng(0).integers(0, 255, (50, 60, 3), np.uint8)
    path = saved(tmp_path / name, noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(part * len(content))])
    assert "damaged or cut off" in refusal(path)


def test_a_picture_between_half_the_limit_and_the_limit_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40 * 60 - 1)
    path = saved(tmp_path / "x.png", smooth())
    with pytest.warns(Image.DecompressionBombWarning):
        np.testing.assert_array_equal(images.read(path), smooth())


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's peak of memory")
def test_a_large_picture_is_made_small_before_it_takes_much_memory(tmp_path):
    path = saved(tmp_path / "x.png", Image.new("RGB", (6000, 6000), "teal"))
    script = """
        import resource, sys
        from style_workshop import images
        def peak():
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        before = peak()
        images.read(sys.argv[1], 384)
        print(peak() - before)
    """
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), path],
        capture_output=True,
        check=True,
    ).stdout
    assert int(output) < 1.5 * 6000 * 6000 * 3


def test_reading_leaves_the_warning_filters_to_the_process(tmp_path, monkeypatch):
    """All threads share them: who exchanges them, even for a moment, spoils others'."""
    before, seen = list(warnings.filters), []

    def opened(path, open_picture=Image.open):
        seen.append(list(warnings.filters))
        return open_picture(path)

    monkeypatch.setattr(Image, "open", opened)
    images.read(saved(tmp_path / "x.png", smooth()))
    assert seen == [before] and list(warnings.filters) == before


def test_mutated_files_give_a_picture_or_a_picture_error(tmp_path, mutations):
    """Sixty each of five formats; a decoder may fail in any way it likes inside."""
    small = Image.fromarray(smooth(24, 33))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "words"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    seeds = {}
    for form in ("JPEG", "PNG", "GIF", "TIFF", "WEBP"):
        file = io.BytesIO()
        more = {} if form == "GIF" else {"exif": exif, "icc_profile": profile}
        small.save(file, form, **more)
        seeds[form] = file.getvalue()
    path, read, refused = tmp_path / "mutated", 0, 0
    for content in seeds.values():
        for damaged in mutations(content, 60, seed=20):
            path.write_bytes(damaged)
            try:
                image = images.read(path)
            except PictureError:
                refused += 1
                continue
            read += 1
            assert image.ndim == 3 and image.shape[-1] == 3 and image.size
            assert image.dtype == np.float32 and np.isfinite(image).all()
            assert image.min() >= 0 and image.max() <= 255
    assert read > 30 and refused > 30  # the mutations are neither harmless nor deadly


# --- the folder of odd files --------------------------------------------------------


def test_every_odd_file_is_read_or_refused_for_what_is_wrong_with_it(odd):
    paths = [path for path in odd.iterdir() if path.is_file()]
    assert len(paths) >= 60
    for path in sorted(paths):
        if path.name in odd_pictures.REFUSED:
            assert odd_pictures.REFUSED[path.name] in refusal(path)
            continue
        image = images.read(path, 64 if path.name == odd_pictures.LARGE else None)
        assert image.ndim == 3 and image.shape[-1] == 3, path.name
        assert image.dtype == np.float32 and np.isfinite(image).all(), path.name
        assert image.min() >= 0 and image.max() <= 255, path.name
    assert "is a folder" in refusal(odd / "directory.jpg")
    assert (odd / "bomb_20000x20000.png").stat().st_size < 100_000


def test_odd_encodings_of_one_photograph_look_the_same(odd):
    photo = np.float32(odd_pictures.photograph())
    gray = np.float32(odd_pictures.photograph().convert("L"))[..., None]
    cases = [(photo, odd_pictures.SAME), (gray, odd_pictures.GRAY)]
    for expected, files in cases:
        for name, tolerance in files.items():
            image = images.read(odd / name)
            assert image.shape == (64, 96, 3), name
            assert np.abs(image - expected).mean() <= tolerance, name


def test_odd_transparency_lies_over_white(odd):
    alpha = odd_pictures.ramp()[..., None] / 255
    for name, tolerance in odd_pictures.RAMPED.items():
        photo = odd_pictures.photograph()
        photo = np.float32(
            photo.convert("L").convert("RGB") if "gray" in name else photo
        )
        expected = photo * alpha + 255 * (1 - alpha)
        np.testing.assert_allclose(images.read(odd / name), expected, atol=tolerance)
    assert images.read(odd / "clear.png").min() == 255
    with Image.open(odd / "palette_transparent.png") as picture:
        clear = np.asarray(picture) == 0
    assert 0.001 < clear.mean() < 0.5
    assert images.read(odd / "palette_transparent.png")[clear].min() == 255


# --- resize -------------------------------------------------------------------------


def test_size_is_that_of_the_longest_side(tmp_path):
    path = saved(tmp_path / "x.png", smooth(40, 60))
    assert images.read(path, 30).shape == (20, 30, 3)
    assert images.read(path, 90).shape == (60, 90, 3)
    assert images.read(path, (7, 5)).shape == (7, 5, 3)
    assert images.read(path, np.int64(30)).shape == (20, 30, 3)
    assert images.resize(np.float32(smooth(60, 40)), 30).shape == (30, 20, 3)
    assert images.resize(np.zeros((20, 4000, 3)), 100).shape == (1, 100, 3)


def test_resizing_is_that_of_pillow(tmp_path):
    path = saved(tmp_path / "x.png", smooth())
    with Image.open(path) as picture:
        expected = np.float32(picture.resize((33, 22), Image.Resampling.LANCZOS))
    np.testing.assert_array_equal(images.read(path, 33), expected)
    # On floats it rounds nothing, so it is half a gray level nearer to the truth.
    resized = images.resize(np.float32(smooth()), 33)
    assert resized.dtype == np.float32
    np.testing.assert_allclose(resized, expected, atol=1)
    assert np.abs(resized - np.rint(resized)).max() > 0.1


def test_resizing_keeps_a_flat_picture_flat_and_stays_within_0_255():
    flat = images.resize(np.full((9, 11, 3), 200, np.float32), (30, 7))
    np.testing.assert_allclose(flat, 200, rtol=1e-5)
    edge = np.zeros((8, 8, 3), np.float32)
    edge[:, 4:] = 255
    larger = images.resize(edge, 40)
    assert larger.min() == 0 and larger.max() == 255


@pytest.mark.parametrize("size", [0, -1, 16385, float("nan"), (0, 5), (5, 20000)])
def test_sizes_that_no_picture_has_are_refused(tmp_path, size):
    path = saved(tmp_path / "x.png", smooth())
    with pytest.raises(PictureError, match="does not work: use 1 to 16384"):
        images.read(path, size)
    with pytest.raises(PictureError, match="does not work: use 1 to 16384"):
        images.resize(np.float32(smooth()), size)


def test_what_is_no_picture_is_not_resized():
    with pytest.raises(
        PictureError, match=r"A picture is \[h, w, 3\]; this is \(4, 5\)"
    ):
        images.resize(np.zeros((4, 5), np.float32), 9)


# --- save ---------------------------------------------------------------------------

LOSSLESS = {".png", ".tif", ".tiff"}


@pytest.mark.parametrize("ending", [*images.FORMATS, ".PNG", ".Jpg"])
def test_what_is_saved_is_read_again(tmp_path, ending):
    path = tmp_path / "made" / f"x{ending}"
    images.save(np.float32(smooth()), path)
    again = images.read(path)
    if ending.lower() in LOSSLESS:
        np.testing.assert_array_equal(again, smooth())
    assert np.abs(again - smooth()).mean() < 2
    with Image.open(path) as picture:
        assert picture.format == images.FORMATS[ending.lower()]["format"]


def test_saving_rounds_and_clips(tmp_path):
    image = np.float32([[[-20, 0.4, 0.6], [254.6, 255.4, 300]]])
    images.save(image, tmp_path / "x.png")
    np.testing.assert_array_equal(
        images.read(tmp_path / "x.png"), [[[0, 0, 1], [255, 255, 255]]]
    )


@pytest.mark.parametrize("ending", images.FORMATS)
def test_settings_come_back_from_the_picture(tmp_path, ending):
    settings = {
        "style": "夜 – Sternennacht ★ 'quoted' \"twice\"",
        "steps": 200,
        "weight": 1e-3,
        "layers": {"relu4_2": 2.0},
        "none": None,
    }
    path = tmp_path / f"x{ending}"
    images.save(np.float32(smooth()), path, settings)
    found = images.read_settings(path)
    assert found == {**settings, "versions": found["versions"]}
    assert found["versions"]["style_workshop"] == __version__
    assert np.abs(images.read(path) - smooth()).mean() < 2


def test_the_version_of_tensorflow_is_kept_where_it_is_at_work(tmp_path, monkeypatch):
    path = tmp_path / "x.png"
    for module, versions in (
        (None, {"style_workshop": __version__}),
        (
            SimpleNamespace(__version__="2.99"),
            {"style_workshop": __version__, "tensorflow": "2.99"},
        ),
    ):
        monkeypatch.setitem(sys.modules, "tensorflow", module)
        images.save(np.float32(smooth()), path, {"steps": 3})
        assert images.read_settings(path) == {"steps": 3, "versions": versions}


def test_settings_may_be_numbers_of_numpy(tmp_path):
    path = tmp_path / "x.png"
    images.save(
        np.float32(smooth()), path, {"steps": np.int64(3), "w": np.float32(0.5)}
    )
    found = images.read_settings(path)
    assert (found["steps"], found["w"]) == (3, 0.5)


def test_a_package_without_its_clone_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(style_workshop, "IMAGES", tmp_path / "none")
    with pytest.raises(WorkshopError, match="is used from its clone"):
        images.photographs(64)


def test_the_photographs_are_those_that_are_named(tmp_path, monkeypatch):
    """Another file in their folder changes nothing that is measured on them."""
    found = images.photographs((32, 32))
    names = [path.stem for path in style_workshop.PHOTOGRAPHS]
    assert names == ["astronaut", "cat", "coffee", "flower", "rocket", "temple"]
    for path, picture in zip(style_workshop.PHOTOGRAPHS, found, strict=True):
        np.testing.assert_array_equal(picture, images.read(path, (32, 32)))


def test_a_picture_without_settings_has_none(tmp_path):
    plain = tmp_path / "plain.jpg"
    images.save(np.float32(smooth()), plain)
    assert images.read_settings(plain) is None
    for words in ("A cat, 2019", "2019", '["a list"]'):
        exif = Image.Exif()
        exif[0x010E] = words
        path = saved(tmp_path / "other.jpg", smooth(), exif=exif)
        assert images.read_settings(path) is None


def test_settings_of_what_is_no_picture_are_refused(tmp_path):
    with pytest.raises(PictureError, match="There is no file"):
        images.read_settings(tmp_path / "none.jpg")
    path = tmp_path / "x.jpg"
    path.write_text("words")
    with pytest.raises(PictureError, match="is not a picture"):
        images.read_settings(path)


@pytest.mark.parametrize("name", ["x", "x.bmp", "x.gif", "x.txt", "x.jpg.", ".png"])
def test_an_ending_that_says_nothing_is_refused(tmp_path, name):
    with pytest.raises(PictureError, match=r"one of \.jpg, \.jpeg, \.png"):
        images.save(np.float32(smooth()), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.full((4, 5, 3), np.nan, np.float32), "not finite"),
        (np.full((4, 5, 3), np.inf, np.float32), "not finite"),
        (np.zeros((4, 5), np.float32), r"\(4, 5\)"),
        (np.zeros((1, 4, 5, 3), np.float32), r"\(1, 4, 5, 3\)"),
        (np.zeros((4, 5, 4), np.float32), r"\(4, 5, 4\)"),
        (np.zeros((0, 5, 3), np.float32), r"\(0, 5, 3\)"),
    ],
)
def test_what_is_no_picture_is_not_saved_and_the_old_file_stays(
    tmp_path, image, message
):
    path = tmp_path / "x.png"
    images.save(np.float32(smooth()), path)
    with pytest.raises(PictureError, match=message):
        images.save(image, path)
    np.testing.assert_array_equal(images.read(path), smooth())


def test_a_save_that_fails_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "x.webp"
    images.save(np.float32(smooth()), path)
    with pytest.raises(PictureError, match="webp file cannot hold .* in .png"):
        images.save(np.zeros((2, 16400, 3), np.float32), path)
    assert images.read(path).shape == (40, 60, 3)
    assert list(tmp_path.iterdir()) == [path]


def test_a_path_that_cannot_be_written_is_refused_beforehand(tmp_path):
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(PictureError, match="Cannot write into"):
        images.require_savable(tmp_path / "file" / "x.png")
    with pytest.raises(PictureError, match="is a folder"):
        images.require_savable(tmp_path / "folder.png")
    images.require_savable(tmp_path / "new" / "folders" / "x.png")
    assert not (tmp_path / "new").exists()  # it only looks


def test_names_that_are_too_long_are_refused_in_a_sentence(tmp_path):
    for name in ("n" * 300, "n/" * 3000, "nul\0"):
        with pytest.raises(PictureError, match="There is no file"):
            images.read(f"{tmp_path}/{name}")
        for module, ending in ((images, "png"), (animations, "gif")):
            with pytest.raises(PictureError, match="Cannot write .* choose another"):
                module.require_savable(f"{tmp_path}/{name}x.{ending}")
    assert not list(tmp_path.iterdir())


# --- side by side -------------------------------------------------------------------


def test_pictures_side_by_side_have_one_height_and_white_between():
    left = np.full((10, 20, 3), 50, np.float32)
    right = np.full((20, 10, 3), 90, np.float32)
    row = images.side_by_side([left, right], gap=4)
    assert row.shape == (20, 40 + 4 + 10, 3) and row.dtype == np.float32
    np.testing.assert_allclose(row[:, :40], 50, atol=1e-3)
    np.testing.assert_array_equal(row[:, 40:44], 255)
    np.testing.assert_allclose(row[:, 44:], 90, atol=1e-3)


# --- without TensorFlow -------------------------------------------------------------


def test_reading_a_picture_loads_no_tensorflow(tmp_path):
    path = saved(tmp_path / "x.png", smooth())
    code = (
        "import sys; from style_workshop import images;"
        f"images.read({str(path)!r}); assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
