"""Batches: every picture in its turn, the same ones again, and nothing left behind."""

import gc
import io
import json
import os
import subprocess
import sys
import threading
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

import odd_pictures
from style_workshop import IMAGES, WorkshopError, images
from style_workshop.batches import BatchGenerator, cache, decode, read_ahead
from style_workshop.batches.decode import Decoder
from style_workshop.batches.files import BatchError, find, names
from style_workshop.images import PictureError

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = sorted((IMAGES / "content").glob("*.jpg"))


def saved(path: Path, pixels: np.ndarray, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.fixture
def flat(tmp_path) -> Path:
    """A folder of ten pictures of one gray each: picture i is 10 * i everywhere."""
    folder = tmp_path / "flat"
    for i in range(10):
        saved(folder / f"{i}.png", np.full((9, 12, 3), 10 * i, np.uint8))
    return folder


def generator(source, **settings) -> BatchGenerator:
    """A generator of small batches, in order unless ``shuffle`` says otherwise."""
    small = {"target_size": 4, "batch_size": 4, "shuffle": False}
    return BatchGenerator(source, **(small | settings))


def numbers(batch: np.ndarray) -> list[int]:
    """Say which pictures of `flat` are in a batch."""
    return [int(picture[0, 0, 0]) // 10 for picture in batch]


def take(batches, count: int) -> list[int]:
    return [number for _ in range(count) for number in numbers(batches.next())]


def readers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "read ahead"]


@pytest.fixture(autouse=True)
def no_thread_stays():
    yield
    if readers():
        gc.collect()  # seconds, once TensorFlow has left millions of objects
    for thread in readers():  # that has a picture in hand, on a busy machine
        thread.join(timeout=60)
    assert not readers()


def decibels(picture: np.ndarray, expected: np.ndarray) -> float:
    error = np.mean((np.float64(picture) - np.float64(expected)) ** 2)
    return 10 * np.log10(255**2 / max(error, 1e-9))


# --- which files --------------------------------------------------------------------


def test_a_folder_is_searched_to_its_depth_and_sorted(tmp_path):
    kept = ["a/b/2.JPG", "a/x.jpeg", "b.png", "z.TIFF"]
    left_out = [".hidden.jpg", ".git/x.jpg", "words.txt", "a/no_ending"]
    for name in kept + left_out:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.jpg").mkdir()
    found = find(tmp_path)
    assert found == [str(tmp_path / name) for name in kept]
    assert names(found) == kept
    assert find(f"{tmp_path}/") == find(str(tmp_path))


def test_folders_1300_deep_are_searched_or_refused_in_a_sentence(tmp_path):
    folder, top = tmp_path, os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(1300):
            os.mkdir("d")
            os.chdir("d")
        saved(Path("1.png"), np.zeros((9, 9, 3), np.uint8))
    finally:
        os.chdir(top)
    try:
        assert len(find(tmp_path)) == 1
    finally:
        subprocess.run(["rm", "-rf", str(tmp_path / "d")])  # shutil recurses


def test_links_are_followed_but_not_in_circles(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.jpg").touch()
    (tmp_path / "real" / "circle").symlink_to(tmp_path)
    (tmp_path / "again").symlink_to(tmp_path / "real")
    (tmp_path / "file.jpg").symlink_to(tmp_path / "real" / "x.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "none")
    assert names(find(tmp_path)) == ["again/x.jpg", "file.jpg"]


def test_a_list_keeps_its_order_and_a_pattern_is_sorted(flat, tmp_path):
    listed = [flat / "7.png", str(flat / "2.png"), flat / "7.png"]
    assert find(iter(listed)) == [str(path) for path in listed]
    assert take(generator(listed, batch_size=3), 1) == [7, 2, 7]
    expected = [str(flat / f"{i}.png") for i in (1, 2, 3)]
    assert find(str(flat / "[123].*")) == expected
    assert find(f"{tmp_path}/**/[1-3].png") == expected
    assert find(flat / "3.png") == [expected[2]]


def test_a_folder_with_a_star_in_its_name_is_a_folder(tmp_path):
    path = saved(tmp_path / "odd [*]" / "x.png", np.zeros((2, 2, 3), np.uint8))
    assert find(path.parent) == [str(path)]


def test_nothing_to_read_is_said_at_once(tmp_path):
    with pytest.raises(BatchError, match="There is no folder .*none"):
        BatchGenerator(tmp_path / "none")
    with pytest.raises(BatchError, match="No pictures in"):
        BatchGenerator(tmp_path)
    with pytest.raises(BatchError, match="list of pictures is empty"):
        BatchGenerator([])
    with pytest.raises(BatchError, match="No file matches"):
        BatchGenerator(str(tmp_path / "*.jpg"))
    (tmp_path / "x.jpg").write_text("words")
    with pytest.raises(BatchError, match="None of the 1 files can be read.*not a pict"):
        BatchGenerator(tmp_path, batch_size=1)
    assert issubclass(BatchError, WorkshopError)


# --- settings that cannot work ------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"reshape_mode": "stretch"}, "use resize, crop or random_crop"),
        ({"color_mode": "hsv"}, "use rgb, bgr or grayscale"),
        ({"target_size": 0}, "target_size is 0"),
        ({"target_size": (4, -1)}, "target_size is -1"),
        ({"target_size": 2.5}, "target_size is 2.5"),
        ({"target_size": (4, 4, 3)}, r"give \(height, width\)"),
        ({"target_size": "big"}, "target_size is 'big'"),
        (
            {"target_size": 20000},
            "target_size is 20000: use a whole number, 1 to 16384",
        ),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": 11}, "A batch of 11 is larger than the 10 pictures"),
        ({"threads": -1}, "threads is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"shuffle": "no"}, "shuffle is 'no': use True or False"),
        ({"flip": 1}, "flip is 1: use True or False"),
        ({"ahead": 0}, "ahead is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"short_side": 9}, "leave it out"),
        (
            {"reshape_mode": "random_crop", "short_side": 3},
            "short_side is 3: use a whole number, 4 to",
        ),
        ({"reshape_mode": "random_crop", "cache": "x"}, "leave out cache"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_refused_at_once(flat, wrong, message):
    with pytest.raises(WorkshopError, match=message):
        generator(flat, **wrong)


def test_the_warning_filters_are_those_of_the_process(flat):
    before = list(warnings.filters)
    with generator(flat) as batches:
        batches.next()
        assert list(warnings.filters) == before


def test_a_batch_that_no_memory_holds_is_refused(flat):
    many = [flat / "0.png"] * 100_000
    with pytest.raises(WorkshopError, match="does not fit into memory"):
        BatchGenerator(many, batch_size=100_000, target_size=16384)


# --- from a file to its pixels ------------------------------------------------------


def test_the_pictures_of_the_workshop_are_those_of_pillow_of_any_size():
    """Pillow's bilinear filter is antialiased; 30 dB is a softer or sharper look."""
    for path in PHOTOS:
        whole = images.open_rgb(path)
        for size in [(256, 256), (100, 150), (64, 64), (300, 500), (31, 7)]:
            picture = Decoder("resize", size, "rgb").load(path)
            expected = whole.resize(size[::-1], Image.Resampling.BILINEAR)
            assert picture.dtype == np.uint8 and picture.shape == (*size, 3)
            assert decibels(picture, expected) > 30, (path.name, size)


def test_at_its_own_size_a_picture_is_unchanged(tmp_path):
    for path in PHOTOS:
        expected = images.read(path)
        picture = Decoder("resize", expected.shape[:2], "rgb").load(path)
        np.testing.assert_array_equal(picture, expected)


@pytest.mark.parametrize(
    ("side", "factor"),
    [(479, 1), (480, 2), (1535, 2), (1536, 4), (3071, 4), (3072, 8), (9000, 8)],
)
def test_a_jpeg_is_decoded_as_small_as_leaves_enough_to_the_filter(side, factor):
    """Half of 640x480 serves for 256x256, a sixteenth too low; 1/4 needs 384 pixels."""
    decoder = Decoder("resize", (256, 256), "rgb")
    for size in ((side, side), (side, 9999), (9999, side)):
        assert decoder._factor(*size) == factor
    assert Decoder("resize", (256, 256), "rgb", antialias=False)._factor(9, 9) == 1


@pytest.mark.parametrize("ratio", [1.0, 1.3, 1.875, 2.5, 2.74, 2.76, 4.0, 9.0])
def test_a_fine_pattern_turns_gray_instead_of_into_another_pattern(tmp_path, ratio):
    side = int(64 * ratio)
    stripes = np.uint8(np.indices((side, side)).sum(0) % 2 * 255)[..., None].repeat(
        3, 2
    )
    path = saved(tmp_path / "x.png", stripes)
    picture = Decoder("resize", (64, 64), "rgb").load(path)
    expected = Image.fromarray(stripes).resize((64, 64), Image.Resampling.BILINEAR)
    assert decibels(picture, expected) > 20
    if ratio > 1.8:
        plain = Decoder("resize", (64, 64), "rgb", antialias=False).load(path)
        assert picture.std() < max(20, plain.std())


def test_without_antialiasing_it_is_the_resize_of_tensorflow():
    import tensorflow as tf

    for path in PHOTOS[:2]:
        for size in [(256, 256), (90, 33), (700, 600)]:
            picture = Decoder("resize", size, "rgb", antialias=False).load(path)
            expected = tf.image.resize(images.read(path), size)
            np.testing.assert_allclose(picture, expected, atol=1.01)


@pytest.mark.parametrize("size", [(40, 40), (40, 20), (20, 60), (80, 80)])
def test_crop_shows_the_middle_undistorted(tmp_path, size):
    y, x = np.mgrid[:60, :100]
    ramps = np.uint8(np.stack([2 * y, 2 * x, 0 * x], -1))
    path = saved(tmp_path / "x.png", ramps)
    picture = Decoder("crop", size, "rgb").load(path).astype(float)
    middle = picture[size[0] // 2 - 1 : size[0] // 2 + 1, :, 0].mean()
    assert middle == pytest.approx(59, abs=2)
    middle = picture[:, size[1] // 2 - 1 : size[1] // 2 + 1, 1].mean()
    assert middle == pytest.approx(99, abs=2)
    scale = min(60 / size[0], 100 / size[1])
    steps = np.diff(picture[..., 0], axis=0)[5:-5], np.diff(picture[..., 1])[:, 5:-5]
    for step in steps:
        assert step.mean() == pytest.approx(2 * scale, rel=0.1)


def test_a_random_window_is_that_of_the_resized_picture(tmp_path):
    y, x = np.mgrid[:60, :100]
    path = saved(tmp_path / "x.png", np.uint8(np.stack([2 * y, 2 * x, 0 * x], -1)))
    decoder = Decoder("random_crop", (16, 16), "rgb", short_side=30)
    for place in [(0, 0), (0.5, 0.5), (0.999, 0.999), (0.3, 0.9)]:
        window = decoder.load(path, place).astype(float)
        # The whole is 30x50 then; a pixel of it is two of the file.
        top, left = place[0] * (30 - 16), place[1] * (50 - 16)
        assert window[..., 0].mean() == pytest.approx(4 * (top + 8) - 1, abs=5)
        assert window[..., 1].mean() == pytest.approx(4 * (left + 8) - 1, abs=5)
        assert np.diff(window[..., 0], axis=0)[3:-3].mean() == pytest.approx(4, abs=0.2)


@given(
    height=st.integers(1, 70000),
    width=st.integers(1, 70000),
    size=st.tuples(st.integers(1, 600), st.integers(1, 600)),
    more=st.integers(0, 600),
    place=st.tuples(st.floats(0, 0.9999999), st.floats(0, 0.9999999)),
    mode=st.sampled_from(decode.RESHAPE_MODES),
)
def test_a_window_lies_within_its_picture(height, width, size, more, place, mode):
    decoder = Decoder(mode, size, "rgb", max(size) + more)
    top, left, tall, wide = decoder.window(height, width, place)
    assert 0 <= top < top + tall <= height and 0 <= left < left + wide <= width


def test_color_modes(tmp_path):
    rgb = np.random.default_rng(0).integers(0, 256, (8, 9, 3), np.uint8)
    for path in (saved(tmp_path / "x.png", rgb), saved(tmp_path / "x.jpg", rgb)):
        read = {
            mode: Decoder("resize", (8, 9), mode).load(path)
            for mode in decode.COLOR_MODES
        }
        np.testing.assert_array_equal(read["rgb"], images.read(path))
        np.testing.assert_array_equal(read["bgr"], read["rgb"][..., ::-1])
        assert read["grayscale"].shape == (8, 9, 1)
        gray = read["rgb"] @ [0.299, 0.587, 0.114]
        # The luminance of a JPEG is not quite that of its colors, which are clipped.
        np.testing.assert_allclose(read["grayscale"][..., 0], gray, atol=40)
        assert np.abs(read["grayscale"][..., 0] - gray).mean() < 3


def test_gray_files_become_colors_and_stay_gray(tmp_path):
    gray = np.uint8(np.mgrid[:8, :9].sum(0) * 10)
    for path in (saved(tmp_path / "x.png", gray), saved(tmp_path / "x.jpg", gray)):
        color = Decoder("resize", (8, 9), "rgb").load(path)
        np.testing.assert_array_equal(color, images.read(path))
        again = Decoder("resize", (8, 9), "grayscale").load(path)
        np.testing.assert_allclose(again[..., 0], color[..., 0], atol=1)


def jpeg(path: Path, **options) -> Path:
    y, x = np.mgrid[:40, :64] / 64
    waves = np.stack([np.sin(3 * x), np.cos(2 * y + x), np.sin(2 * x * y + 1)], -1)
    return saved(path, np.uint8(128 + 100 * waves), quality=95, **options)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


def profile(exchanged: bool) -> bytes:
    content = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    if exchanged:
        content = content.replace(b"rXYZ", b"tmp!").replace(b"gXYZ", b"rXYZ")
        content = content.replace(b"tmp!", b"gXYZ")
    return content


XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize(
    ("options", "is_plain"),
    [
        ({}, True),
        ({"progressive": True}, True),
        ({"subsampling": 2}, True),
        ({"comment": b"words"}, True),
        ({"exif": turned(1)}, True),
        ({"icc_profile": profile(exchanged=False)}, True),
        ({"exif": turned(6)}, False),
        ({"exif": b"Exif\0\0MM\0*garbage"}, False),
        ({"icc_profile": profile(exchanged=True)}, False),
        ({"icc_profile": b"no profile at all"}, True),
        ({"icc_profile": profile(exchanged=True) + bytes(70_000)}, False),
        ({"xmp": XMP}, False),
        ({"xmp": b"<x:xmpmeta/>"}, True),
    ],
    # Not `str`: addresses and dates would name the tests anew in each process.
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_plain_jpegs_take_the_fast_path_and_others_look_the_same(
    tmp_path, options, is_plain
):
    path = jpeg(tmp_path / "x.jpg", **options)
    expected = images.read(path)
    decoder = Decoder("resize", expected.shape[:2], "rgb")
    assert (decoder._fast(path) is not None) == is_plain
    np.testing.assert_allclose(decoder.load(path), expected, atol=2)


def test_cmyk_and_rgb_jpegs_take_the_careful_path(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    Image.fromarray(pixels).convert("CMYK").save(tmp_path / "cmyk.jpg")
    Image.fromarray(pixels).save(tmp_path / "rgb.jpg", keep_rgb=True)
    for path in tmp_path.iterdir():
        decoder = Decoder("resize", (20, 30), "rgb")
        assert decoder._fast(path) is None
        np.testing.assert_array_equal(decoder.load(path), images.read(path))


@pytest.mark.parametrize("shape", [(1, 1), (2, 300), (3000, 16), (20, 40000)])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_extreme_shapes_are_read(tmp_path, shape, ending):
    path = saved(tmp_path / f"x.{ending}", np.full((*shape, 3), 77, np.uint8))
    for mode in decode.RESHAPE_MODES:
        picture = Decoder(mode, (64, 48), "rgb", 100).load(path)
        np.testing.assert_array_equal(picture, np.full((64, 48, 3), 77))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(PictureError, match="is no file"):
        Decoder("resize", (4, 4), "rgb").load(str(tmp_path / "pipe.jpg"))


def test_every_odd_file_is_read_as_images_reads_it(odd):
    read, refused = 0, set()
    for path in sorted(path for path in odd.rglob("*") if path.is_file()):
        if path.name == odd_pictures.LARGE:
            continue  # read as a whole, it would take a while
        try:
            expected = images.read(path)
        except PictureError as error:
            refused.add(path.name)
            with pytest.raises(PictureError) as caught:
                Decoder("resize", (64, 64), "rgb").load(path)
            assert str(caught.value) == str(error)
            continue
        read += 1
        same = Decoder("resize", expected.shape[:2], "rgb").load(path)
        np.testing.assert_allclose(same, expected, atol=2, err_msg=path.name)
        small = Decoder("resize", (32, 32), "rgb").load(path)
        whole = Image.fromarray(images.to_uint8(expected))
        expected = whole.resize((32, 32), Image.Resampling.BILINEAR)
        assert decibels(small, expected) > 30, path.name
    assert read > 50 and refused == set(odd_pictures.REFUSED)


@pytest.mark.slow
def test_a_folder_of_odd_files_gives_batches(odd, recwarn):
    batches = BatchGenerator(odd, target_size=32, batch_size=16, seed=1)
    for _ in range(len(batches)):
        batch = batches.next()
        assert batch.shape == (16, 32, 32, 3) and batch.dtype == np.float32
        assert batch.min() >= 0 and batch.max() <= 255
    skipped = {Path(file).name for file in batches.skipped_files}
    assert skipped == set(odd_pictures.REFUSED)
    assert batches.skipped == len(skipped)
    told = [str(w.message) for w in recwarn if "Skipped" in str(w.message)]
    assert len(told) == len(skipped)
    assert all(any(name in text for text in told) for name in skipped)


# --- the sequence -------------------------------------------------------------------


def test_it_is_used_as_the_workshop_always_did(flat):
    batches = BatchGenerator(
        f"{flat}/",
        reshape_mode="resize",
        target_size=(8, 6),
        color_mode="rgb",
        batch_size=5,
        shuffle=True,
    )
    batch = batches.next()
    assert batch.shape == (5, 8, 6, 3) and batch.dtype == np.float32
    for it, batch in enumerate(batches):  # noqa: B007
        if it == 7:
            break
    assert batch.flags.writeable and iter(batches) is batches
    assert next(batches).shape == (5, 8, 6, 3)


def test_passes_are_joined_and_batches_always_full(flat):
    batches = generator(flat)
    assert len(batches) == 3
    assert take(batches, 5) == [*range(10), *range(10)]


def test_each_pass_has_every_picture_once_in_another_order(flat):
    batches = generator(flat, shuffle=True, seed=3)
    seen = take(batches, 10)
    passes = [seen[i : i + 10] for i in range(0, 40, 10)]
    assert all(sorted(one) == list(range(10)) for one in passes)
    assert len({tuple(one) for one in passes}) == 4


def test_epoch_is_that_of_the_batch_given_last(flat):
    batches = generator(flat)
    assert batches.epoch == 0
    epochs = []
    for _ in range(6):
        batches.next()
        epochs.append(batches.epoch)
    assert epochs == [0, 0, 1, 1, 1, 2]  # the third batch is 8, 9, 0, 1


def test_seeds(flat):
    orders = [
        take(generator(flat, shuffle=True, seed=seed), 3)
        for seed in (1, 1, 2, None, None)
    ]
    assert orders[0] == orders[1]
    assert len({tuple(order) for order in orders}) == 4


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    seed=st.integers(0, 2**64),
    batch_size=st.integers(1, 6),
    mode=st.sampled_from(decode.RESHAPE_MODES),
    color=st.sampled_from(list(decode.COLOR_MODES)),
    threads=st.lists(st.integers(1, 9), min_size=2, max_size=2),
    ahead=st.integers(1, 4),
    pause=st.integers(0, 3),
)
def test_batches_do_not_depend_on_the_threads(
    mixed, seed, batch_size, mode, color, threads, ahead, pause
):
    def some(threads, ahead):
        with BatchGenerator(
            mixed, mode, 8, color_mode=color, batch_size=batch_size, seed=seed,
            flip=True, threads=threads, ahead=ahead,
        ) as batches, warnings.catch_warnings():  # fmt: skip
            warnings.simplefilter("ignore")
            given = []
            for number in range(7):
                if number == pause:
                    time.sleep(0.002)  # others get ahead
                given.append(batches.next().copy())
            return np.stack(given), batches.skipped_files, batches.epoch

    first, again = some(threads[0], ahead), some(threads[1], 1)
    np.testing.assert_array_equal(first[0], again[0])
    assert first[1:] == again[1:]


@pytest.fixture
def mixed(tmp_path) -> Path:
    """Pictures of several kinds and sizes, and three files that are none."""
    random = np.random.default_rng(0)
    for i in range(8):
        shape = (*random.integers(9, 40, 2), 3)
        pixels = random.integers(0, 256, shape, np.uint8)
        saved(tmp_path / f"{i}.{['jpg', 'png', 'webp'][i % 3]}", pixels)
    for name in ("0a.jpg", "4a.png", "9.jpg"):
        (tmp_path / name).write_text("words")
    return tmp_path


def test_flips_mirror_about_half_of_the_pictures(tmp_path):
    left = np.zeros((4, 4, 3), np.uint8)
    left[:, :2] = 255
    files = [saved(tmp_path / "x.png", left)] * 400
    batch = generator(files, batch_size=400, flip=True, seed=0).next()
    mirrored = batch[:, 0, 0, 0] == 0
    np.testing.assert_array_equal(batch[~mirrored, :, :2], 255)
    np.testing.assert_array_equal(batch[mirrored, :, 2:], 255)
    assert 150 < mirrored.sum() < 250
    batch = generator(files, batch_size=400, flip=True, color_mode="grayscale").next()
    assert batch.shape == (400, 4, 4, 1)
    assert not (generator(files, batch_size=400).next()[:, 0, 0] == 0).any()


def test_random_windows_differ_from_pass_to_pass(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    files = [saved(tmp_path / "x.png", noise)]
    batches = generator(files, reshape_mode="random_crop", batch_size=1, seed=0)
    seen = {batches.next().tobytes() for _ in range(20)}
    assert len(seen) > 15


# --- where it stands ----------------------------------------------------------------


@pytest.mark.parametrize("given", [0, 1, 2, 3, 7])
def test_a_restored_generator_gives_the_very_next_picture(mixed, given):
    settings = {"reshape_mode": "random_crop", "flip": True, "shuffle": True}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        one = generator(mixed, **settings)
        for _ in range(given):
            one.next()
        time.sleep(0.02)  # it reads ahead, which must not count
        state = json.loads(json.dumps(one.state()))
        other = generator(mixed, threads=1, **settings)
        other.next()
        other.restore(state)
        assert other.epoch == one.epoch and other.state() == state
        for _ in range(5):
            np.testing.assert_array_equal(one.next(), other.next())


def test_a_state_belongs_to_its_files_and_settings(flat, tmp_path):
    state = generator(flat, seed=1).state()
    moved = tmp_path / "moved"
    flat.rename(moved)
    generator(moved, seed=1).restore(state)
    generator(moved).restore(state)
    with pytest.raises(BatchError, match="with other settings"):
        generator(moved, batch_size=2).restore(state)
    with pytest.raises(BatchError, match="with other settings"):
        generator(moved, flip=True).restore(state)
    with pytest.raises(BatchError, match="with seed 1, not 2"):
        generator(moved, seed=2).restore(state)
    (moved / "5.png").unlink()
    with pytest.raises(BatchError, match="with other files"):
        generator(moved, seed=1).restore(state)


@pytest.mark.parametrize(
    "state",
    [
        {},
        None,
        [],
        "state",
        {"batches": 1},
        {"batches": -1, "seed": 0, "made_for": {}},
        *({"batches": 1, "seed": 0, "made_for": other} for other in (None, 1, "x", [])),
    ],
)
def test_what_is_no_state_is_refused(flat, state):
    with pytest.raises(BatchError):
        generator(flat).restore(state)


# --- files that cannot be read ------------------------------------------------------


def test_an_unreadable_file_is_named_once_and_another_takes_its_place(flat):
    (flat / "3.png").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"Skipped: .*3\.png is empty") as told:
        batches = generator(flat, batch_size=5)
        seen = [take(batches, 2) for _ in range(3)]
    assert len(told) == 1
    assert batches.skipped == 1
    assert list(batches.skipped_files) == [str(flat / "3.png")]
    assert seen == [[0, 1, 2, 8, 4, 5, 6, 7, 8, 9]] * 3


def test_a_file_that_vanishes_in_mid_run_is_skipped(flat):
    batches = generator(flat, batch_size=5, ahead=1)
    batches.next()
    (flat / "7.png").unlink()
    with pytest.warns(UserWarning, match=r"There is no file .*7\.png"):
        seen = take(batches, 5)
    assert batches.skipped == 1
    assert 7 not in seen[5:]


def test_all_files_vanish(flat):
    batches = generator(flat, ahead=1)
    batches.next()
    for path in flat.iterdir():
        path.unlink()
    with (
        pytest.raises(BatchError, match="can be read any more"),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        for _ in range(5):
            batches.next()
    assert not readers()


@pytest.mark.slow
def test_a_few_thousand_mutated_files_go_through(tmp_path, mutations, recwarn):
    """No crash, no hang, no thread and no file left open; a third can still be read."""
    y, x = np.mgrid[:24, :33] * 7
    small = Image.fromarray(np.uint8(np.stack([y, x, x + y], -1)))
    options = {"exif": turned(6), "icc_profile": profile(exchanged=True)}
    seeds = []
    for form, more in [("JPEG", {}), ("JPEG", options), ("PNG", {}), ("PNG", options)]:
        file = io.BytesIO()
        small.save(file, form, **more)
        seeds.append(file.getvalue())
    progressive = io.BytesIO()
    small.save(progressive, "JPEG", progressive=True)
    for kind, content in enumerate([*seeds, progressive.getvalue()]):
        for number, damaged in enumerate(mutations(content, 600, seed=kind)):
            (tmp_path / f"{kind}_{number}.jpg").write_bytes(damaged)
    small.save(tmp_path / "0.png")
    before = open_files()
    with BatchGenerator(tmp_path, "random_crop", 16, batch_size=50, seed=0) as batches:
        for _ in range(len(batches)):
            batch = batches.next()
            assert batch.shape == (50, 16, 16, 3)
            assert batch.min() >= 0 and batch.max() <= 255
    assert len(batches) == 61
    assert 500 < batches.skipped < 2500
    assert open_files() == before and not readers()


def open_files() -> int:
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.exists() else 0


# --- threads and memory -------------------------------------------------------------


def test_leaving_or_deleting_a_generator_ends_its_threads(flat):
    with generator(flat, threads=3) as batches:
        assert not readers()  # none before the first batch
        batches.next()
        assert len(readers()) == 3
    assert not readers()
    with pytest.raises(BatchError, match="is closed"):
        batches.next()
    batches = generator(flat)
    batches.next()
    del batches
    assert not readers()
    for _batch in generator(flat):
        break
    assert not readers()
    batches = generator(flat)
    batches.next()
    batches.itself = batches  # for the garbage collector to find
    del batches
    gc.collect()
    assert not readers()


def test_closing_wakes_another_thread_that_waits(flat, monkeypatch):
    going_on = threading.Event()
    load = Decoder.load
    batches = generator(flat)
    monkeypatch.setattr(
        Decoder, "load", lambda *args: going_on.wait(10) and load(*args)
    )
    raised = []

    def wait():
        try:
            batches.next()
        except BatchError as error:
            raised.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while not readers():
        time.sleep(0.001)
    threading.Timer(0.05, going_on.set).start()
    batches.close()
    waiting.join(10)
    assert not waiting.is_alive()
    assert raised and "closed: make another one" in raised[0]


def test_where_a_process_cannot_ask_for_its_cores_all_are_counted(flat, monkeypatch):
    """As on macOS and Windows."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    with BatchGenerator(flat, target_size=8, batch_size=2) as generator:
        assert generator.next().shape == (2, 8, 8, 3)


def test_a_program_that_just_ends_ends(flat):
    code = (
        "import sys; from style_workshop.batches import BatchGenerator;"
        f"g = BatchGenerator({str(flat)!r}, batch_size=4); g.next();"
        "assert 'tensorflow' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, timeout=600, capture_output=True
    )
    assert done.returncode == 0 and not done.stderr


def test_it_reads_no_further_ahead_than_told(flat, monkeypatch):
    loaded = []
    load = Decoder.load
    monkeypatch.setattr(
        Decoder, "load", lambda *args: loaded.append(args[1]) or load(*args)
    )
    batches = generator(flat, ahead=3)
    loaded.clear()
    batches.next()
    time.sleep(0.1)
    assert len(loaded) <= (1 + 3) * 4
    take(batches, 4)
    time.sleep(0.1)
    assert len(loaded) == (5 + 3) * 4


def test_an_error_in_a_thread_reaches_the_consumer_who_can_go_on(flat, monkeypatch):
    batches = generator(flat)
    first = take(batches, 1)
    batches.close()
    batches = generator(flat)
    load, broken = Decoder.load, True

    def fail(*arguments):
        if broken:
            raise RuntimeError("out of order")
        return load(*arguments)

    monkeypatch.setattr(Decoder, "load", fail)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="out of order"):
            batches.next()
    broken = False
    assert take(batches, 1) == first


def test_after_an_interrupt_it_gives_the_batch_that_was_due(flat, monkeypatch):
    batches = generator(flat)
    assert take(batches, 1) == [0, 1, 2, 3]
    get = read_ahead.ReadAhead.get

    def interrupted(reader):
        get(reader)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(read_ahead.ReadAhead, "get", interrupted)
        batches.next()
    assert take(batches, 1) == [4, 5, 6, 7]


def test_a_batch_stays_as_it_is_while_any_part_of_it_is_held(flat):
    """Its memory is used again; a slice, a reshape or a tensor must keep it alive."""
    import tensorflow as tf

    batches = generator(flat, ahead=2, shuffle=True, seed=1)
    kept, expected = [], []
    for number in range(24):
        batch = batches.next()
        expected.append(batch.copy())
        kept.append(
            [
                lambda b: b,
                lambda b: b[1:],
                lambda b: b.reshape(4, -1)[:, ::-1],
                lambda b: tf.convert_to_tensor(b),
                lambda b: memoryview(b),
                lambda b: b[2][None].T,
            ][number % 6](batch)
        )
        del batch
    for number, (part, whole) in enumerate(zip(kept, expected, strict=True)):
        whole = [
            whole,
            whole[1:],
            whole.reshape(4, -1)[:, ::-1],
            whole,
            whole,
            whole[2][None].T,
        ][number % 6]
        np.testing.assert_array_equal(np.asarray(part), whole)


def test_memory_is_used_again(flat):
    batches = generator(flat)
    places = set()
    for _ in range(50):
        places.add(batches.next().ctypes.data)
    assert len(places) <= 5


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_in_a_forked_process_it_refuses_instead_of_waiting_for_ever(flat):
    batches = generator(flat)
    batches.next()
    child = os.fork()
    if not child:
        try:
            batches.next()
        except BatchError as error:
            os._exit(0 if "make one in each process" in str(error) else 2)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert batches.next().shape == (4, 4, 4, 3)


# --- tf.data ------------------------------------------------------------------------


def test_as_dataset_gives_the_same_batches(flat):
    import tensorflow as tf

    batches, same = (generator(flat, shuffle=True, seed=5) for _ in range(2))
    dataset = batches.as_dataset()
    assert dataset.element_spec == tf.TensorSpec((4, 4, 4, 3), tf.float32)
    for batch in dataset.take(4):
        np.testing.assert_array_equal(batch, same.next())
    assert batches.epoch == 1


def test_a_dataset_keeps_its_generator_and_nothing_keeps_both(flat):
    for number, batch in enumerate(generator(flat).as_dataset().prefetch(2)):
        assert batch.shape == (4, 4, 4, 3)
        if number == 30:
            break


# --- the cache ----------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["resize", "crop"])
@pytest.mark.parametrize("color", decode.COLOR_MODES)
def test_a_cache_gives_the_same_batches_without_decoding(
    mixed, tmp_path, monkeypatch, mode, color
):
    settings = {"reshape_mode": mode, "color_mode": color, "flip": True, "seed": 2}
    settings |= {"target_size": (6, 8)}
    path = tmp_path / "new" / "cache.npy"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plain = generator(mixed, **settings)
        first = generator(mixed, cache=path, **settings)
        monkeypatch.setattr(Decoder, "load", None)
        again = generator(mixed, cache=path, **settings)
        state = again.state()
        monkeypatch.undo()
        for _ in range(6):
            expected = plain.next()
            np.testing.assert_array_equal(first.next(), expected)
            np.testing.assert_array_equal(again.next(), expected)
    assert plain.skipped_files == first.skipped_files == again.skipped_files
    assert state["made_for"] == plain.state()["made_for"]
    assert np.load(path, mmap_mode="r").shape == first._pictures._cache.pictures.shape
    assert [p.name for p in path.parent.iterdir()] == ["cache.npy"]


def test_a_cache_of_other_files_or_settings_is_made_again(flat, tmp_path):
    path = tmp_path / "cache.npy"
    generator(flat, cache=path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        generator(flat, cache=path, shuffle=True, batch_size=2, flip=True)
    saved(flat / "3.png", np.full((9, 12, 3), 200, np.uint8))
    with pytest.warns(UserWarning, match="other files or settings: making it again"):
        batches = generator(flat, cache=path)
    assert take(batches, 1) == [0, 1, 2, 20]
    with pytest.warns(UserWarning, match="making it again"):
        generator(flat, cache=path, target_size=5)
    (flat / "3.png").unlink()
    with pytest.warns(UserWarning, match="making it again"):
        generator(flat, cache=path, target_size=5)


def test_what_is_no_cache_is_not_written_over(flat, tmp_path):
    path = tmp_path / "mine.npy"
    np.save(path, np.zeros(9))
    content = path.read_bytes()
    with pytest.raises(BatchError, match="is not a cache of pictures"):
        generator(flat, cache=path)
    assert path.read_bytes() == content
    with pytest.raises(BatchError, match="is a folder"):
        generator(flat, cache=tmp_path)
    with pytest.raises(WorkshopError, match="Cannot write .* choose"):
        generator(flat, cache=tmp_path / ("n" * 300))
    (tmp_path / "empty").touch()
    with pytest.raises(BatchError, match="is not a cache of pictures"):
        generator(flat, cache=tmp_path / "empty")


def test_a_damaged_cache_is_refused_in_one_sentence_or_made_again(
    flat, tmp_path, mutations
):
    """Changed pixels nobody can tell; all else is found, without a traceback."""
    path = tmp_path / "cache.npy"
    whole = generator(flat, cache=path)._pictures._cache.pictures.copy()
    content = path.read_bytes()
    header, tail = np.load(path, mmap_mode="r").offset, len(content) - 200
    damaged = [
        *mutations(content, 80, seed=1),
        *mutations(content, 80, 2, within=120),
    ]
    damaged += [content[:tail] + m for m in mutations(content[tail:], 160, seed=3)]
    refused = 0
    for number, bytes_ in enumerate(damaged):
        path = tmp_path / f"{number}.npy"
        path.write_bytes(bytes_)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # made again, for other files
            try:
                pictures = generator(flat, cache=path)._pictures._cache.pictures
            except BatchError as error:
                assert "cache of pictures" in str(error) and "remove" in str(error)
                refused += 1
                continue
        assert pictures.shape == whole.shape and pictures.dtype == np.uint8
        if bytes_[header : header + whole.size] == content[header:][: whole.size]:
            np.testing.assert_array_equal(pictures, whole)
    assert refused > 160


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"'|u1'", b"'|i1'"),
        (b"'|u1'", b"'|b1'"),
        (b"False, ", b"True,  "),  # Fortran's order
        (b"(10, 4, 4, 3)", b"(10, 4, 3, 4)"),
        (b"(10, 4, 4, 3)", b"( 9, 4, 4, 3)"),
        (b'"skipped": {}', b'"skipped": []'),
        (b'"skipped"', b'"SKIPPED"'),
    ],
)
def test_a_cache_of_another_type_or_shape_is_not_read(flat, tmp_path, old, new):
    path = tmp_path / "cache.npy"
    generator(flat, cache=path)
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))
    with pytest.raises(BatchError, match="damaged cache of pictures: remove it"):
        generator(flat, cache=path)


def test_an_interrupted_cache_leaves_nothing_half(flat, tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    calls = []

    def interrupted(decoder, path, *_):
        calls.append(path)
        raise KeyboardInterrupt if len(calls) > 5 else PictureError("no")

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Decoder, "load", interrupted)
        generator(flat, cache=folder / "cache.npy")
    assert not list(folder.iterdir())
    assert take(generator(flat, cache=folder / "cache.npy"), 1) == [0, 1, 2, 3]


def test_a_cache_that_somebody_removes_as_it_is_made_is_one_sentence(
    flat, tmp_path, monkeypatch
):
    path, write = tmp_path / "cache.npy", cache._write

    def write_and_remove(*of):
        write(*of)
        path.unlink()

    monkeypatch.setattr(cache, "_write", write_and_remove)
    with pytest.raises(BatchError, match="removed as it was made"):
        generator(flat, cache=path)


def test_a_cache_larger_than_the_disk_is_refused(flat, tmp_path, monkeypatch):
    def full(folder, megabytes, purpose):
        assert megabytes == pytest.approx(10 * 4 * 4 * 3 / 1e6)
        raise WorkshopError(f"{purpose} needs disk")

    monkeypatch.setattr(cache, "require_free_disk", full)
    with pytest.raises(WorkshopError, match="cache.npy needs disk"):
        generator(flat, cache=tmp_path / "cache.npy")


def test_several_processes_may_make_and_use_one_cache(flat, tmp_path):
    code = (
        "from style_workshop.batches import BatchGenerator;"
        f"g = BatchGenerator({str(flat)!r}, target_size=4, batch_size=10,"
        f" shuffle=False, cache={str(tmp_path / 'cache.npy')!r});"
        "print([int(p[0, 0, 0]) for b in (g.next(), g.next()) for p in b])"
    )
    runs = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code], cwd=ROOT, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )
        for _ in range(3)
    ]  # fmt: skip
    for run in runs:
        assert json.loads(run.communicate(timeout=600)[0]) == [*range(0, 100, 10)] * 2
        assert run.returncode == 0


def test_a_cache_of_nothing_readable_is_refused(tmp_path):
    (tmp_path / "x.jpg").write_text("words")
    for _ in range(2):
        with pytest.raises(BatchError, match="None of the 1 files can be read"):
            BatchGenerator(tmp_path, batch_size=1, cache=tmp_path / "cache.npy")
