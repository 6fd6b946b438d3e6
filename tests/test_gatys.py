"""The method of Gatys: its loss against Keras and NumPy, and what it refuses."""

import gc
from dataclasses import replace

import keras
import numpy as np
import psutil
import pytest
import tensorflow as tf

from style_workshop import (
    IMAGES,
    PHOTOGRAPHS,
    WorkshopError,
    color,
    gatys,
    images,
    vgg,
    weights,
)
from style_workshop.gatys import NOTEBOOK, PAPER, SETTINGS, Settings, Style

RANDOM = np.random.default_rng(6)


def smooth(height: int, width: int, waves: float) -> np.ndarray:
    """A soft colored picture, ``[h, w, 3]`` float32."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    channels = [np.sin(waves * x), np.cos(waves * y + x), np.sin(2 * waves * x * y)]
    return np.float32(128 + 110 * np.stack(channels, -1))


CONTENT, STYLE = smooth(48, 64, 5), smooth(60, 40, 31)
#: Quick to compile and to run, for what does not depend on the layers.
SHALLOW = replace(NOTEBOOK, content_layers={"relu2_1": 1}, style_layers={"relu1_1": 1})


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A photograph and a style of the workshop, large."""
    style = sorted((IMAGES / "style").glob("*.jpg"))[0]
    return images.read(IMAGES / "content" / "temple.jpg"), images.read(style)


def terms_of(settings, network, content, style, picture) -> dict[str, float]:
    features = gatys.features_of(network, settings)
    loss = gatys.transfer_loss(features, content, style, settings=settings)
    total, terms = tf.function(loss)(tf.constant(picture))
    assert float(total) == pytest.approx(sum(map(float, terms.values())), rel=1e-5)
    return {name: float(value) for name, value in terms.items()}


# --- the loss -----------------------------------------------------------------------


@pytest.mark.slow
def test_the_loss_equals_one_written_with_keras_and_numpy(network, values):
    """Keras's network, and sums as in equations 1, 4 and 7 of the paper."""
    picture = np.float32(RANDOM.uniform(0, 255, CONTENT.shape))
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu5_1"]
    settings = Settings(
        content_layers={"relu4_2": 0.7, "relu3_3": 0.2},
        style_layers={layer: 0.3 + i for i, layer in enumerate(layers)},
        content_weight=3.0,
        style_weight=5.0,
        tv_weight=0.01,
    )
    model = keras.applications.VGG19(weights=None, include_top=False)
    for key in values:
        if key.endswith("kernel"):
            layer = key.split("/")[0]
            theirs = model.get_layer(f"block{layer[4]}_conv{layer[6]}")
            theirs.set_weights([values[key], values[f"{layer}/bias"]])

    def features(image, layer):  # [M, N]: a row a position, a column a filter
        out = model.get_layer(f"block{layer[4]}_conv{layer[6]}").output
        bgr = image[None, ..., ::-1] - np.float32([103.939, 116.779, 123.68])
        maps = np.float64(keras.Model(model.input, out)(bgr))
        return maps.reshape(-1, maps.shape[-1])

    content = style = 0
    for layer, weight in settings.content_layers.items():
        f, p = features(picture, layer), features(CONTENT, layer)
        content += weight * ((f - p) ** 2).sum() / 2 / f.size
    for layer, weight in settings.style_layers.items():
        f, a = features(picture, layer), features(STYLE, layer)
        g, a = f.T @ f / len(f), a.T @ a / len(a)  # G / M and A / M'
        style += weight * ((g - a) ** 2).sum() / (4 * f.shape[1] ** 2)
    across, down = np.diff(picture, axis=1), np.diff(picture, axis=0)
    expected = {
        "content": 3 * content,
        "style": 5 * style,
        "variation": 0.01 * ((across**2).mean() + (down**2).mean()),
    }
    found = terms_of(settings, network, CONTENT, STYLE, picture)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.slow
def test_the_content_image_itself_has_no_content_loss(network, name):
    terms = terms_of(SETTINGS[name], network, CONTENT, STYLE, CONTENT)
    assert terms["content"] == pytest.approx(0, abs=1e-6 * terms["style"])
    assert terms["style"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", SETTINGS)
def test_the_style_image_itself_has_no_style_loss(network, name):
    style = smooth(*CONTENT.shape[:2], 31)
    terms = terms_of(SETTINGS[name], network, CONTENT, style, style)
    assert terms["style"] == pytest.approx(0, abs=1e-6 * terms["content"])
    assert terms["content"] > 0


@pytest.mark.slow
def test_style_alone_and_content_alone_are_settings_too(network):
    layers = {"relu2_1": 1.0}
    texture = Settings(layers, layers, content_weight=0)
    terms = terms_of(texture, network, CONTENT, STYLE, CONTENT)
    assert terms["content"] == 0 and terms["style"] > 0
    inversion = Settings(layers, layers, style_weight=0)
    terms = terms_of(inversion, network, CONTENT, STYLE, CONTENT[::-1])
    assert terms["style"] == 0 and terms["content"] > 0
    result = gatys.stylize(
        CONTENT, STYLE, replace(texture, steps=2), network=network, progress=None
    )
    assert result.history["total"][-1] < result.history["total"][0]


@pytest.mark.slow
def test_one_set_of_weights_serves_two_sizes(pretrained, pair):
    """Within a factor of 2 and 4: at another size VGG sees other details.

    The paper's content loss, a sum, is 4 times as large at twice the size, and the
    squares of its Gram matrices 16 times; `test_losses` has the exact comparison.
    """
    terms = {}
    for size in (96, 192):
        content, style = (images.resize(picture, size) for picture in pair)
        mixed = (content + images.resize(style, content.shape[:2])) / 2
        terms[size] = terms_of(NOTEBOOK, pretrained, content, style, mixed)
    ratios = {name: terms[192][name] / terms[96][name] for name in terms[96]}
    assert 1 / 2 < ratios["content"] < 2
    assert 1 / 4 < ratios["style"] < 4


# --- stylize ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def normalized(pretrained) -> vgg.Network:
    return gatys.load_network(PAPER)


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.slow
def test_both_settings_by_name_paint_with_the_real_network(pair, name, normalized):
    content, style = (images.resize(picture, 64) for picture in pair)
    settings = replace(SETTINGS[name], steps=4)
    network = normalized if settings.normalized else None  # None loads it
    result = gatys.stylize(content, style, settings, network=network, progress=None)
    totals = result.history["total"]
    assert result.steps == 4 and totals[-1] < 0.8 * totals[0]
    assert set(result.history) == {"total", "content", "style"}
    assert result.image.shape == content.shape and result.image.dtype == np.float32
    assert np.isfinite(result.image).all() and np.abs(result.image - content).max() > 1


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_loss_falls_and_the_steps_are_called(network, optimizer):
    seen = []
    settings = replace(SHALLOW, steps=5, optimizer=optimizer, tv_weight=1e-3)
    result = gatys.stylize(
        CONTENT,
        STYLE,
        settings,
        network=network,
        callback=lambda step, *_: seen.append(step),
        callback_steps=[1, 5],
        progress=None,
    )
    assert result.history["total"][-1] < result.history["total"][0]
    assert set(result.history) == {"total", "content", "style", "variation"}
    assert seen == [1, 5]


@pytest.mark.slow
def test_it_starts_where_it_is_told_to(network):
    def first_picture(settings, start=None):
        pictures = []

        def stop(step, image, terms):
            pictures.append(image)
            raise KeyboardInterrupt

        result = gatys.stylize(
            CONTENT,
            STYLE,
            settings,
            network=network,
            start=start,
            callback=stop,
            callback_steps=[0],
            progress=None,
        )
        assert result.interrupted and result.steps == 0
        return pictures[0]

    own = smooth(20, 20, 3)
    np.testing.assert_array_equal(first_picture(SHALLOW), CONTENT)
    np.testing.assert_allclose(
        first_picture(SHALLOW, own), images.resize(own, (48, 64)), atol=1e-3
    )
    noise = [
        first_picture(replace(SHALLOW, init="noise", seed=seed)) for seed in (1, 1, 2)
    ]
    np.testing.assert_array_equal(noise[0], noise[1])
    assert np.abs(noise[0] - noise[2]).mean() > 20


def test_style_scale_is_longest_side_of_style_over_content(network, monkeypatch):
    class Seen(Exception):
        """Ends the run where the size of the style image is known."""

    def look(features, content, style, settings):
        raise Seen(style[0].image.shape[:2])

    monkeypatch.setitem(gatys.stylize.__globals__, "transfer_loss", look)
    for scale, size in ((0.5, (32, 21)), (1, (64, 43)), (2, (128, 85))):
        with pytest.raises(Seen) as seen:
            gatys.stylize(
                CONTENT, STYLE, replace(NOTEBOOK, style_scale=scale), network=network
            )
        assert seen.value.args == (size,)


@pytest.mark.slow
def test_bfloat16_paints_too(network):
    settings = replace(NOTEBOOK, steps=1, dtype="bfloat16")
    small = [images.resize(picture, 24) for picture in (CONTENT, STYLE)]
    full = replace(settings, dtype="float32")
    half_terms = terms_of(settings, network, *small, small[0] * 0.5)
    full_terms = terms_of(full, network, *small, small[0] * 0.5)
    assert half_terms == pytest.approx(full_terms, rel=0.1)
    assert half_terms != full_terms
    result = gatys.stylize(*small, settings, network=network, progress=None)
    assert np.isfinite(result.image).all() and result.image.dtype == np.float32


# --- what it refuses ----------------------------------------------------------------


class _NeverUsed:
    def __call__(self, *arguments, **named):
        raise AssertionError("the network was used")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"steps": 0}, "steps is 0: use a whole number, 1 or more"),
        ({"optimizer": "sgd"}, "optimizer is 'sgd': use lbfgs, adam or descent"),
        ({"learning_rate": -1}, "learning_rate is -1: use a number above 0"),
        ({"content_weight": -1.0}, "content_weight is -1.0: use a weight of 0 or more"),
        ({"style_weight": float("nan")}, "style_weight is nan"),
        ({"tv_weight": float("inf")}, "tv_weight is inf"),
        ({"content_layers": {"relu4_2": -2.0}}, r"content_layers\['relu4_2'\] is -2.0"),
        ({"content_layers": {"block4_conv2": 1.0}}, "no layer 'block4_conv2'"),
        ({"style_layers": {"relu6_1": 1.0}}, "no layer 'relu6_1'"),
        ({"style_layers": {"fc6": 1.0}}, "fc6"),
        ({"style_scale": 0.0}, "style_scale is 0.0"),
        ({"style_scale": -1.0}, "style_scale is -1.0"),
        ({"style_scale": float("nan")}, "style_scale is nan"),
        ({"style_scale": float("inf")}, "style_scale is inf"),
        ({"style_scale": 0.1}, "6x4 pixels is too small"),
        ({"style_scale": 1e6}, "use 1 to 16384"),
        ({"style_scale": 1e308}, "style_scale is 1e[+]308"),
        ({"style_layers": {}}, "style_layers is {}: use layers with their weights"),
        ({"style_layers": ()}, r"style_layers is \(\): use layers with their weights"),
        ({"content_layers": {}}, "content_layers is {}: use layers with their weights"),
        ({"pooling": "median"}, "pooling is 'median': use max or average"),
        ({"normalized": "no"}, "normalized is 'no': use True or False"),
        ({"init": "chaos"}, "init is 'chaos': use content, noise or style"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"dtype": "float64"}, "dtype is 'float64': use float32 or bfloat16"),
        ({"steps": True}, "steps is True"),
    ],
    ids=str,
)
def test_settings_that_make_no_sense_are_refused_before_any_work(change, message):
    with pytest.raises(WorkshopError, match=message):
        gatys.stylize(CONTENT, STYLE, replace(NOTEBOOK, **change), network=_NeverUsed())


@pytest.mark.parametrize(
    ("content", "style", "message"),
    [
        (CONTENT[:, :15], STYLE, "48x15 pixels is too small for relu5_1: .* 16 pixels"),
        (CONTENT, STYLE[:, :3], "too small"),
        (
            CONTENT[..., 0],
            STYLE,
            r"the content has the shape \(48, 64\): .* \[h, w, 3\]",
        ),
        (CONTENT[..., :1], STYLE, r"the content has the shape"),
        (CONTENT[None], STYLE, r"the content has the shape"),
        (CONTENT, STYLE[..., 0], r"the style has the shape \(60, 40\)"),
        (
            CONTENT,
            np.dstack([STYLE, STYLE[..., 0]]),
            r"the style has the shape \(60, 40, 4\)",
        ),
    ],
)
def test_pictures_that_make_no_sense_are_refused_before_any_work(
    content, style, message
):
    with pytest.raises(WorkshopError, match=message):
        gatys.stylize(content, style, NOTEBOOK, network=_NeverUsed())


def test_a_picture_with_nan_is_refused(network):
    content = CONTENT.copy()
    content[5, 5] = np.nan
    with pytest.raises(WorkshopError, match="the content holds values that are no"):
        gatys.stylize(content, STYLE, NOTEBOOK, network=network, progress=None)


# --- the paper's normalized network -------------------------------------------------


@pytest.mark.parametrize("pooling", ["max", "average"])
def test_normalizing_gives_mean_activations_of_1_and_changes_nothing_else(
    values, network, pooling
):
    batch = np.stack([smooth(40, 40, waves) for waves in (3, 11)])
    before = {key: array.copy() for key, array in values.items()}
    scaled = vgg.Network("vgg19", weights.normalize(values, "vgg19", batch, pooling))
    for key, array in before.items():
        np.testing.assert_array_equal(values[key], array)
    relus = [layer for layer in vgg.layer_names("vgg19") if layer.startswith("relu")]
    preprocessed = vgg.preprocess(batch)
    old, new = (n(preprocessed, relus, pooling) for n in (network, scaled))
    alive = 0
    for layer in relus:
        means = np.float64(old[layer]).mean(axis=(0, 1, 2))
        live = means >= means.mean() / 100
        alive += live.mean() / len(relus)
        found = np.float64(new[layer]).mean(axis=(0, 1, 2))
        np.testing.assert_allclose(found[live], 1, rtol=1e-3)
        # A filter that is silent here is not blown up.
        np.testing.assert_allclose(
            found[~live], means[~live] / (means.mean() / 100), rtol=1e-2, atol=1e-4
        )
        assert np.isfinite(new[layer]).all()
        # On another picture every filter is the old one over its mean.
    other = vgg.preprocess(smooth(32, 48, 7)[None])
    deepest = relus[-1]
    old, new = (n(other, deepest, pooling)[deepest] for n in (network, scaled))
    divisor = np.maximum(means, means.mean() / 100)
    np.testing.assert_allclose(new, old / divisor, rtol=1e-2, atol=1e-3)
    assert alive > 0.5


@pytest.mark.slow
def test_the_paper_s_network_is_normalized_on_the_bundled_photographs(normalized):
    batch = np.stack([images.read(path, (224, 224)) for path in PHOTOGRAPHS])
    maps = normalized(vgg.preprocess(batch), "relu1_1", "average")["relu1_1"]
    means = np.float64(maps).mean(axis=(0, 1, 2))
    assert np.median(means) == pytest.approx(1, rel=1e-3)


# --- the settings by name -----------------------------------------------------------


def test_the_paper_s_settings_are_those_of_section_2():
    assert PAPER.normalized and PAPER.pooling == "average" and PAPER.init == "noise"
    assert PAPER.content_layers == {"conv4_2": 1.0}
    assert PAPER.style_layers == {f"conv{i}_1": 0.2 for i in (1, 2, 3, 4, 5)}
    assert PAPER.style_weight == 1.0 and PAPER.optimizer == "lbfgs"
    # Between the two readings of alpha / beta = 1e-3: as means, and as the paper's sum
    # over conv4_2 of a 512-pixel picture.
    positions = (512 // 2**3) ** 2
    assert 1e-3 / 2 < PAPER.content_weight < 1e-3 * positions * 512


def test_the_notebook_s_settings_are_those_of_its_losses():
    """Their mean squared errors and weights, on random maps, give our numbers."""
    assert NOTEBOOK.pooling == "max" and NOTEBOOK.init == "content"
    assert not NOTEBOOK.normalized
    x, y = RANDOM.normal(0, 1, (2, 30, 64))  # [M, N]
    theirs = 1e3 / 64**2 * np.mean((x.T @ x / 30 - y.T @ y / 30) ** 2)
    ours = NOTEBOOK.style_weight * NOTEBOOK.style_layers["relu1_1"]
    ours *= np.mean((x.T @ x / 30 - y.T @ y / 30) ** 2) / 4
    assert ours == pytest.approx(theirs)
    assert NOTEBOOK.content_weight * NOTEBOOK.content_layers["relu4_2"] / 2 == 1
    assert list(NOTEBOOK.style_layers) == [f"relu{i}_1" for i in (1, 2, 3, 4, 5)]


# --- several styles, places, colors, sizes ------------------------------------------

OTHER = smooth(40, 52, 60)


def style_term(network, style, picture, settings=SHALLOW) -> float:
    return terms_of(settings, network, CONTENT, style, picture)["style"]


@pytest.mark.slow
def test_losses_of_several_styles_add_up_with_their_weights(network):
    picture = np.float32(RANDOM.uniform(0, 255, CONTENT.shape))
    both = [Style(STYLE, weight=2), Style(OTHER, weight=0.5)]
    expected = 2 * style_term(network, STYLE, picture)
    expected += 0.5 * style_term(network, OTHER, picture)
    assert style_term(network, both, picture) == pytest.approx(expected, rel=1e-5)


@pytest.mark.slow
def test_a_style_may_be_asked_for_some_layers_only(network):
    settings = replace(SHALLOW, style_layers={"relu1_1": 1, "relu2_1": 3})
    split = [Style(STYLE, layers=["relu1_1"]), Style(OTHER, layers=["relu2_1"])]
    fine = replace(settings, style_layers={"relu1_1": 1})
    coarse = replace(settings, style_layers={"relu2_1": 3})
    expected = style_term(network, STYLE, CONTENT, fine)
    expected += style_term(network, OTHER, CONTENT, coarse)
    found = style_term(network, split, CONTENT, settings)
    assert found == pytest.approx(expected, rel=1e-5)


def test_a_mask_of_ones_is_no_mask(network):
    ones = Style(STYLE, where=np.ones((7, 9)), part=np.ones(STYLE.shape[:2]))
    picture = np.float32(RANDOM.uniform(0, 255, CONTENT.shape))
    expected = style_term(network, STYLE, picture)
    assert style_term(network, ones, picture) == pytest.approx(expected, rel=1e-5)


def test_a_mask_confines_the_gradient_to_its_place(network):
    """But for what the layer sees around it: 10 pixels of relu2_1."""
    settings = replace(SHALLOW, style_layers={"relu2_1": 1.0}, content_weight=0)
    left = np.zeros(CONTENT.shape[:2])
    left[:, :32] = 1
    loss = gatys.transfer_loss(
        gatys.features_of(network, settings),
        CONTENT,
        Style(STYLE, where=left),
        settings=settings,
    )
    image = tf.constant(np.float32(RANDOM.uniform(0, 255, CONTENT.shape)))
    with tf.GradientTape() as tape:
        tape.watch(image)
        total, _ = loss(image)
    gradient = np.abs(tape.gradient(total, image))
    assert gradient[:, :30].max() > 0 and not gradient[:, 42:].any()


def test_a_part_of_the_style_is_its_crop(network):
    """At relu1_1, away from the edge of the crop, where padding differs."""
    part = np.zeros(STYLE.shape[:2])
    part[:, :20] = 1
    masked = style_term(network, Style(STYLE, part=part), CONTENT)
    cropped = style_term(network, STYLE[:, :20], CONTENT)
    whole = style_term(network, STYLE, CONTENT)
    assert masked == pytest.approx(cropped, rel=0.2) and masked != whole


@pytest.mark.parametrize("mode", ["luminance", "linear"])
@pytest.mark.slow
def test_colors_of_the_content_are_kept(network, mode):
    content = 90 + 0.3 * CONTENT
    settings = replace(SHALLOW, steps=5, color=mode)
    seen = []
    result = gatys.stylize(
        content,
        STYLE,
        settings,
        network=network,
        callback=lambda *step: seen.append(step[1]),
    )
    if mode == "luminance":
        change = result.image - content  # red, green and blue change alike
        inside = (result.image > 0).all(-1) & (result.image < 255).all(-1)
        assert np.ptp(change[inside], axis=-1).max() < 0.01
        assert np.abs(change).max() > 1
        np.testing.assert_allclose(seen[-1], result.image, atol=1e-3)
    else:
        matched = color.match_colors(STYLE, content)
        same = gatys.stylize(
            content,
            matched,
            replace(settings, color="none"),
            network=network,
            progress=None,
        )
        np.testing.assert_allclose(result.image, same.image, atol=0.5)


def test_a_picture_stylized_with_itself_comes_back_at_once(network):
    settings = replace(gatys.WORKSHOP, steps=10)
    result = gatys.stylize(CONTENT, CONTENT, settings, network=network, progress=None)
    np.testing.assert_array_equal(result.image, CONTENT)
    assert result.steps == 0


def test_scales_paint_small_first(network):
    settings = replace(SHALLOW, steps=2, scales=3)
    sizes = []
    result = gatys.stylize(
        CONTENT,
        STYLE,
        settings,
        network=network,
        callback=lambda step, image, terms: sizes.append(image.shape[:2]),
    )
    assert list(dict.fromkeys(sizes)) == [(12, 16), (24, 32), (48, 64)]
    assert result.image.shape == CONTENT.shape
    assert result.steps == 3 * 2


def test_interrupted_at_a_small_scale_the_picture_has_its_full_size(network):
    def stop(step, image, terms):
        if step == 1:
            raise KeyboardInterrupt

    settings = replace(SHALLOW, steps=5, scales=2)
    result = gatys.stylize(CONTENT, STYLE, settings, network=network, callback=stop)
    assert result.interrupted and result.image.shape == CONTENT.shape


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": -1}, "weight of a style is -1: use a weight of 0 or more"),
        ({"scale": 0}, "scale of a style is 0: use a number above 0"),
        ({"layers": ()}, r"layers of a style is \(\): use a list of layers"),
        ({"layers": []}, r"layers of a style is \[\]: use a list of layers"),
        ({"layers": "relu1_1"}, "layers of a style is 'relu1_1'"),
        ({"where": np.ones((4, 4, 3))}, r"where must be \[h, w\]"),
        ({"where": np.full((4, 4), np.nan)}, "where must be"),
        ({"part": np.zeros((4, 4))}, "0 everywhere"),
        ({"image": STYLE[..., 0]}, "the style has the shape"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_a_style_that_makes_no_sense_is_refused_where_it_is_made(change, message):
    with pytest.raises(WorkshopError, match=message):
        Style(**{"image": STYLE, **change})


def test_whole_numbers_of_numpy_are_settings_too():
    settings = replace(
        SHALLOW, steps=np.int64(2), tile=np.int64(256), scales=np.int8(1)
    )
    gatys.check(settings, CONTENT, STYLE)


def test_a_list_of_two_pictures_is_two_styles(network):
    both = style_term(network, [STYLE, OTHER], CONTENT)
    apart = [style_term(network, style, CONTENT) for style in (STYLE, OTHER)]
    assert both == pytest.approx(sum(apart), rel=1e-5)


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ([], "no style"),
        ((), "no style"),
        (Style(STYLE, layers=["relu4_4"]), "asked for relu4_4: choose of relu1_1"),
        ([STYLE, STYLE[..., 0]], "the style has the shape"),
        ("mosaic.jpg", "the style is of type str: use an array"),
        (None, "the style is of type NoneType"),
    ],
    ids=str,
)
def test_styles_that_do_not_go_with_the_rest_are_refused(network, style, message):
    with pytest.raises(WorkshopError, match=message):
        gatys.stylize(CONTENT, style, SHALLOW, network=network)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"color": "hue"}, "none, luminance or linear"),
        ({"scales": 0}, "scales is 0: use a whole number, 1 to 8"),
        ({"scales": 1.5}, "scales is 1.5: use a whole number, 1 to 8"),
        ({"scales": True}, "scales is True: use a whole number, 1 to 8"),
        ({"scales": 8}, "too small for relu2_1"),
    ],
)
def test_colors_and_scales_that_make_no_sense_are_refused(network, change, message):
    with pytest.raises(WorkshopError, match=message):
        gatys.stylize(CONTENT, STYLE, replace(SHALLOW, **change), network=network)


# --- tile by tile -------------------------------------------------------------------


def value_and_gradient(loss, image) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
    with tf.GradientTape() as tape:
        tape.watch(image)
        total, terms = loss(image)
    return terms, tape.gradient(total, image)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "tile"), [((75, 131), 48), ((64, 96), 32)])
@pytest.mark.parametrize("several", [False, True])
def test_tiles_have_the_loss_and_gradient_of_the_whole(network, size, tile, several):
    content, style = smooth(*size, 5), STYLE
    if several:
        left = np.zeros((4, 8))
        left[:, :3] = 1
        style = [
            Style(STYLE, where=left),
            Style(OTHER, weight=0.5, layers=["relu3_1"], where=1 - left),
        ]
    layers = {"relu1_1": 1.0, "relu3_1": 0.5}
    settings = replace(
        NOTEBOOK, style_layers=layers, content_layers={"conv4_2": 1.0}, tv_weight=1.0
    )
    features = gatys.features_of(network, settings)
    image = tf.constant(np.float32(RANDOM.uniform(0, 255, content.shape)))
    whole, expected = value_and_gradient(
        gatys.transfer_loss(features, content, style, settings=settings), image
    )
    tiled = gatys.TiledLoss(features, content, style, settings=settings, tile=tile)
    # The tape is in the compiled function, as `optimize` has it: around one it would
    # keep the maps of all tiles.
    for of_image in (value_and_gradient, tf.function(value_and_gradient)):
        terms, gradient = of_image(tiled, image)
        assert list(terms) == list(whole)
        for name, term in terms.items():
            assert float(term) == pytest.approx(float(whole[name]), rel=1e-4)
        error = np.linalg.norm(gradient - expected) / np.linalg.norm(expected)
        assert error < 1e-4


@pytest.mark.slow
def test_a_picture_in_tiles_is_the_same_picture(network):
    settings = replace(SHALLOW, steps=3, optimizer="adam")
    whole = gatys.stylize(CONTENT, STYLE, settings, network=network)
    tiled = gatys.stylize(CONTENT, STYLE, replace(settings, tile=32), network=network)
    np.testing.assert_allclose(tiled.image, whole.image, atol=0.5)


def test_a_tile_that_makes_no_sense_is_refused(network):
    for tile in (-1, 2.5, True):
        with pytest.raises(WorkshopError, match="tile is .*: use a whole number, 0 or"):
            replace(SHALLOW, tile=tile)


# --- run after run ------------------------------------------------------------------


@pytest.fixture
def memory_of_runs(graphs_alive):
    """Give the function that runs, and lists MB and graphs alive after each run."""

    def after_each(network, runs: int, tile: int = 0) -> list[tuple[float, int]]:
        settings = replace(SHALLOW, content_layers={"relu4_1": 1}, steps=1, tile=tile)
        image = np.float32(RANDOM.uniform(0, 255, (24, 24, 3)))
        found = []
        for _ in range(runs):
            gatys.stylize(image, image[::-1], settings, network=network, progress=None)
            graphs = graphs_alive()
            found.append((psutil.Process().memory_info().rss / 1e6, graphs))
        return found

    return after_each


@pytest.mark.slow
def test_twenty_runs_take_no_more_memory_than_a_few(network, memory_of_runs):
    """What TensorFlow kept of a custom gradient held VGG's weights, 57 MB a run."""
    memory, graphs = zip(*memory_of_runs(network, 20), strict=True)
    assert len(set(graphs[3:])) == 1
    # Between two runs it goes up and down by what the allocator keeps at hand.
    assert min(memory[14:]) < min(memory[3:9]) + 20


@pytest.mark.slow
def test_a_network_that_is_loaded_for_a_run_goes_with_it(pretrained, memory_of_runs):
    def variables() -> int:
        gc.collect()
        return sum(isinstance(thing, tf.Variable) for thing in gc.get_objects())

    before = variables()
    memory_of_runs(None, 1)
    assert variables() == before


@pytest.mark.slow
def test_runs_in_tiles_leave_no_graphs(network, memory_of_runs):
    _, graphs = zip(*memory_of_runs(network, 5, tile=16), strict=True)
    assert len(set(graphs[2:])) == 1
