"""Color preservation: equal to the formulas of the paper, singular colors too."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from scipy.linalg import sqrtm

from style_workshop import IMAGES, WorkshopError, color, images

RANDOM = np.random.default_rng(0)
TEMPLE = images.read(IMAGES / "content" / "temple.jpg", 96)
NIGHT = images.read(IMAGES / "style" / "swirling_night.jpg", 80)


def covariance(image: np.ndarray) -> np.ndarray:
    return np.cov(np.float64(image).reshape(-1, 3), rowvar=False, bias=True)


def transformed(source, target, method) -> np.ndarray:
    matrix, offset = color.color_transform(source, target, method)
    return np.float64(source) @ matrix.T + offset


# --- linear -------------------------------------------------------------------------


@pytest.mark.parametrize("method", color.METHODS)
@pytest.mark.parametrize("pair", [(NIGHT, TEMPLE), (TEMPLE, NIGHT)])
def test_mean_and_covariance_become_those_of_the_target(method, pair):
    matched = transformed(*pair, method)
    expected = covariance(pair[1])
    error = np.abs(covariance(matched) - expected).max() / np.abs(expected).max()
    assert error < 1e-4
    np.testing.assert_allclose(
        matched.mean(axis=(0, 1)), np.float64(pair[1]).mean(axis=(0, 1)), rtol=1e-6
    )


def test_each_method_is_its_formula():
    source, target = covariance(NIGHT), covariance(TEMPLE)
    root = sqrtm(source)
    inverse = np.linalg.inv(root)
    expected = {
        "pca": sqrtm(target) @ inverse,
        "cholesky": np.linalg.cholesky(target)
        @ np.linalg.inv(np.linalg.cholesky(source)),
        "transport": inverse @ sqrtm(root @ target @ root) @ inverse,
    }
    assert set(expected) == set(color.METHODS)
    for method, matrix in expected.items():
        found, _ = color.color_transform(NIGHT, TEMPLE, method)
        np.testing.assert_allclose(found, matrix, rtol=1e-6, atol=1e-9)


def test_transport_moves_colors_least():
    moved = {
        method: np.mean((transformed(NIGHT, TEMPLE, method) - NIGHT) ** 2)
        for method in color.METHODS
    }
    assert moved["transport"] <= min(moved.values()) + 1e-9


@pytest.mark.parametrize("method", color.METHODS)
def test_a_picture_matched_to_itself_stays(method):
    np.testing.assert_allclose(
        color.match_colors(TEMPLE, TEMPLE, method), TEMPLE, atol=1e-2
    )


@pytest.mark.parametrize("method", color.METHODS)
def test_colors_without_variance_give_finite_pictures(method):
    gray = color.gray(color.luminance(NIGHT))
    flat = np.full((8, 9, 3), 100, np.float32)
    for source in (gray, flat, NIGHT):
        for target in (gray, flat, TEMPLE):
            matched = color.match_colors(source, target, method)
            assert np.isfinite(matched).all() and matched.shape == source.shape
    np.testing.assert_allclose(color.match_colors(NIGHT, flat, method), 100, atol=1e-2)
    mean = TEMPLE.mean(axis=(0, 1))
    matched = color.match_colors(flat, TEMPLE, method)
    np.testing.assert_allclose(matched, np.broadcast_to(mean, flat.shape), atol=1e-2)


@pytest.mark.parametrize("method", color.METHODS)
def test_a_gray_target_gives_a_gray_picture_of_its_contrast(method):
    gray = color.gray(color.luminance(TEMPLE))
    matched = transformed(NIGHT, gray, method)
    np.testing.assert_allclose(matched[..., 0], matched[..., 1], atol=0.5)
    np.testing.assert_allclose(matched[..., 0], matched[..., 2], atol=0.5)
    np.testing.assert_allclose(covariance(matched), covariance(gray), rtol=1e-3)


@given(arrays(np.float32, (2, 4, 5, 3), elements=st.floats(0, 255, width=32)))
@settings(max_examples=100, deadline=None)
def test_any_two_pictures_give_a_picture(pair):
    for method in color.METHODS:
        matched = color.match_colors(*pair, method)
        assert matched.dtype == np.float32 and np.isfinite(matched).all()
        assert matched.min() >= 0 and matched.max() <= 255


# --- luminance ----------------------------------------------------------------------


def test_luminance_of_the_style_has_the_content_s_mean_and_deviation():
    content = 90 + 0.2 * np.float64(TEMPLE)  # leaves nothing to clip
    _, gray = color.luminance_pair(content, NIGHT)
    expected = color.luminance(content)
    assert gray.mean() == pytest.approx(expected.mean(), rel=1e-5)
    assert gray.std() == pytest.approx(expected.std(), rel=1e-5)
    np.testing.assert_array_equal(gray[..., 0], gray[..., 2])


def test_luminance_is_that_of_pillow():
    expected = Image.fromarray(TEMPLE.astype(np.uint8)).convert("L")
    found = color.luminance(TEMPLE.astype(np.uint8))
    np.testing.assert_allclose(found, np.asarray(expected), atol=1)


def test_chroma_of_the_content_stays():
    """I and Q of YIQ, by its matrix, where nothing is clipped."""
    yiq = np.array(
        [[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]]
    )
    content = 80 + 0.3 * TEMPLE
    stylized = 90 + 0.2 * color.gray(color.luminance(NIGHT[:64, :64]))
    content = content[:64, :64]
    found = np.float64(color.restore_chroma(stylized, content)) @ yiq.T
    np.testing.assert_allclose(found[..., 0], color.luminance(stylized), atol=1e-3)
    np.testing.assert_allclose(found[..., 1:], (content @ yiq.T)[..., 1:], atol=0.2)


def test_the_content_itself_comes_back():
    gray, _ = color.luminance_pair(TEMPLE, NIGHT)
    np.testing.assert_allclose(color.restore_chroma(gray, TEMPLE), TEMPLE, atol=1e-3)


def test_a_flat_style_becomes_the_mean_of_the_content():
    _, style = color.luminance_pair(TEMPLE, np.full((4, 4, 3), 9.0))
    np.testing.assert_allclose(style, color.luminance(TEMPLE).mean(), rtol=1e-5)


# --- by name ------------------------------------------------------------------------


def test_modes_do_what_they_say():
    assert color.prepare(TEMPLE, NIGHT, "none") == (TEMPLE, NIGHT)
    content, style = color.prepare(TEMPLE, NIGHT, "linear")
    assert content is TEMPLE
    np.testing.assert_array_equal(style, color.match_colors(NIGHT, TEMPLE))
    content, style = color.prepare(TEMPLE, NIGHT, "luminance")
    np.testing.assert_array_equal(content[..., 0], content[..., 1])
    assert color.restore(NIGHT, TEMPLE, "linear") is NIGHT
    np.testing.assert_allclose(
        color.restore(content, TEMPLE, "luminance"), TEMPLE, atol=1e-3
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: color.prepare(TEMPLE, NIGHT, "hue"), "none, luminance or linear"),
        (lambda: color.color_transform(TEMPLE, NIGHT, "svd"), "pca, cholesky"),
        (lambda: color.restore_chroma(NIGHT, TEMPLE), "resize one to the other"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(WorkshopError, match=message):
        call()
