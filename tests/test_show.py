"""Figures: the right number of panels, with the numbers that were given."""

import base64
import re

import matplotlib.pyplot as plt
import nbconvert
import nbformat
import numpy as np
import pytest
from matplotlib.figure import Figure

from style_workshop import animations, show, vgg_drawing

RANDOM = np.random.default_rng(7)


def pictures(count: int) -> list[np.ndarray]:
    return [
        RANDOM.uniform(-20, 300, (10 + i, 12, 3)).astype(np.float32)
        for i in range(count)
    ]


def shown(figure: Figure) -> list[np.ndarray]:
    """What each panel of a figure shows."""
    return [axis.images[0].get_array() for axis in figure.axes if axis.images]


@pytest.fixture(autouse=True)
def no_figure_stays_open():
    """Else Jupyter would show each figure twice, and memory would fill up."""
    yield
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("count", "columns", "panels"),
    [(1, None, 1), (3, None, 3), (5, None, 8), (3, 2, 4)],
)
def test_gallery_shows_each_picture_with_its_title(count, columns, panels):
    given = pictures(count)
    titles = [f"number {i}" for i in range(count)]
    figure = show.gallery(given, titles, columns=columns)
    assert len(figure.axes) == panels
    for array, picture in zip(shown(figure), given, strict=True):
        expected = np.clip(np.rint(picture), 0, 255)
        np.testing.assert_array_equal(np.asarray(array), expected)
    assert [axis.get_title() for axis in figure.axes][:count] == titles
    figure.canvas.draw()


def test_gallery_needs_no_titles_and_is_as_wide_as_asked():
    figure = show.gallery(pictures(2), width=5)
    assert figure.get_figwidth() == 5
    figure.canvas.draw()


def test_a_square_style_does_not_shrink_the_pictures_beside_it():
    shapes = [(30, 45), (40, 40), (60, 90)]
    figure = show.gallery([np.zeros((*s, 3)) for s in shapes], width=9)
    figure.canvas.draw()
    heights = [axis.get_window_extent().height for axis in figure.axes]
    assert max(heights) < 1.01 * min(heights)
    widths = [axis.get_window_extent().width for axis in figure.axes]
    assert sum(widths) > 0.95 * figure.bbox.width


def test_feature_maps_shows_the_channels_that_vary_most_first():
    features = RANDOM.normal(0, 1, (1, 6, 7, 20)) * np.arange(20)
    figure = show.feature_maps(features)
    assert len(shown(figure)) == 16
    titles = [axis.get_title() for axis in figure.axes if axis.images]
    spread = features[0].std(axis=(0, 1))
    assert titles == [f"channel {c}" for c in np.argsort(-spread)[:16]]
    best = np.argmax(spread)
    np.testing.assert_allclose(shown(figure)[0], features[0, ..., best], rtol=1e-6)


def test_feature_maps_shows_the_channels_asked_for():
    features = RANDOM.normal(0, 1, (6, 7, 20))
    figure = show.feature_maps(features, channels=[3, 17], columns=8)
    assert [axis.get_title() for axis in figure.axes] == ["channel 3", "channel 17"]
    np.testing.assert_allclose(shown(figure)[1], features[..., 17], rtol=1e-6)


def test_gram_matrices_shows_the_corner_of_each_on_one_scale():
    gram = RANDOM.uniform(-9, 4, (1, 40, 40))
    figure = show.gram_matrices({"conv1_1": gram, "conv2_1": np.eye(5)}, channels=32)
    assert [axis.get_title() for axis in figure.axes] == ["conv1_1", "conv2_1"]
    first, second = shown(figure)
    assert first.shape == (32, 32) and second.shape == (5, 5)
    corner = gram[0, :32, :32]
    np.testing.assert_allclose(np.sign(first) * first**2, corner, rtol=1e-5)
    most = np.sqrt(np.abs(corner).max())
    for axis in figure.axes:
        np.testing.assert_allclose(axis.images[0].get_clim(), (-most, most), rtol=1e-5)


def test_loss_curves_draws_every_term_of_every_run():
    histories = {
        "lbfgs": {"total": [9, 4, 1.0], "content": [0, 1, 0.5]},
        "adam": {"total": [9, 8.0]},
    }
    figure = show.loss_curves(histories)
    assert [axis.get_title() for axis in figure.axes] == ["lbfgs", "adam"]
    lines = figure.axes[0].lines
    assert [line.get_label() for line in lines] == ["total", "content"]
    np.testing.assert_array_equal(lines[0].get_ydata(), [9, 4, 1])
    # 0 has no logarithm: it is left out.
    np.testing.assert_array_equal(lines[1].get_ydata(), [np.nan, 1, 0.5])
    assert figure.axes[0].get_yscale() == "log"
    figure.canvas.draw()


def test_architecture_draws_a_box_a_layer_and_names_each_block():
    shapes = {
        "conv1_1": [8, 8, 64],
        "conv1_2": [8, 8, 64],
        "pool1": [4, 4, 64],
        "fc6": [4096],
    }
    (axis,) = vgg_drawing.draw(shapes).axes
    texts = [text.get_text() for text in axis.texts]
    assert texts == [
        "8 × 8",
        "block 1\n2 convolutions\n64 channels",
        "fc6",
        "4096\nunits",
    ]
    faces = [patch.get_xy() for patch in axis.patches if len(patch.get_xy())]
    assert len(faces) == 3 * len(shapes)  # the legend's patches are empty
    heights = [face[:, 1].max() for face in faces[::3]]
    assert heights[0] == heights[1] > heights[2]


def test_signed_shows_0_as_gray_and_its_largest_as_black_and_white():
    array = np.zeros((10, 12, 3), np.float32)
    array[2, 3], array[4, 5], array[6, 7] = 8, -8, 4
    (found,) = shown(show.signed([array], ["a"]))
    np.testing.assert_array_equal(found[2, 3], [255] * 3)
    np.testing.assert_array_equal(found[4, 5], [0] * 3)
    np.testing.assert_array_equal(found[6, 7], [191] * 3)
    np.testing.assert_array_equal(found[0, 0], [128] * 3)
    (found,) = shown(show.signed([0 * array]))
    assert (found == 128).all()


def test_filters_shows_each_about_gray():
    kernel = RANDOM.normal(0, 1, (3, 3, 3, 20)).astype(np.float32)
    kernel[..., 4] = 0
    kernel[1, 1, :, 4] = [1, 0, -1]
    figure = show.filters(kernel, columns=8)
    assert len(figure.axes) == 24 and len(shown(figure)) == 20
    np.testing.assert_array_equal(shown(figure)[4][1, 1], [255, 128, 0])
    figure.canvas.draw()


def test_heat_map_lays_each_number_over_the_middle_of_its_patch():
    picture = pictures(1)[0][:, :10]  # [10, 10, 3]
    values = np.float32([[0, 2], [-1, 0]])
    (axis,) = show.heat_map(picture, values, patch=6, stride=4, title="drop").axes
    below, above = axis.images
    np.testing.assert_array_equal(above.get_array(), values)
    # The first patch covers the pixels 0 to 5: its middle is 2.5, and 4 wide.
    assert above.get_extent() == [0.5, 8.5, 8.5, 0.5]
    assert above.get_clim() == (-2, 2) and axis.get_title() == "drop"
    assert axis.get_xlim() == (-0.5, 9.5) and axis.get_ylim() == (9.5, -0.5)
    show.heat_map(picture, 0 * values).canvas.draw()


def test_boxes_draws_each_with_its_name():
    figure = show.boxes(
        pictures(1)[0], {"conv1_1": (2, 3, 5, 6), "pool1": (0, 1, 6, 7)}
    )
    (axis,) = figure.axes
    found = [patch.get_bbox().extents.tolist() for patch in axis.patches]
    assert found == [[2.5, 1.5, 5.5, 4.5], [0.5, -0.5, 6.5, 5.5]]
    assert [text.get_text() for text in axis.texts] == ["conv1_1", "pool1"]
    figure.canvas.draw()


def test_by_layer_draws_a_line_a_name():
    values = {"error": {"conv1_2": 0.1, "conv2_2": 0.4}, "other": {"conv1_2": 0.2}}
    (axis,) = show.by_layer(values, "relative error").axes
    assert [line.get_label() for line in axis.lines] == ["error", "other"]
    np.testing.assert_array_equal(axis.lines[0].get_ydata(), [0.1, 0.4])
    assert axis.get_ylabel() == "relative error" and axis.get_ylim()[0] == 0


@pytest.mark.parametrize("ending", ["gif", "webp"])
def test_an_animation_is_drawn_outside_of_jupyterlab_too(tmp_path, ending):
    path = tmp_path / f"zoom.{ending}"
    animations.save([np.full((4, 6, 3), level) for level in (0, 255)], path)
    page = show.animation(path)
    output = nbformat.v4.new_output("execute_result", {"text/html": page.data})
    cell = nbformat.v4.new_code_cell("show.animation(path)", outputs=[output])
    notebook = nbformat.v4.new_notebook(cells=[cell])
    html, _ = nbconvert.HTMLExporter().from_notebook_node(notebook)
    content = re.search(rf'<img [^>]*data:image/{ending};base64,([^"]+)"', html)[1]
    assert base64.b64decode(content) == path.read_bytes()
