"""AdaIN: against NumPy and PyTorch; the decoder; what painting may be asked for."""

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import WorkshopError, adain, adain_training, color, losses, vgg
from style_workshop.adain_training import AdainData, AdainLoss, FeatureWindows


@pytest.fixture(scope="module")
def decoder():
    return adain.Decoder(scale=10.0, seed=3)


@pytest.fixture
def features():
    return np.random.default_rng(0).gamma(1.0, 2.0, (2, 5, 6, 4)).astype(np.float32)


@pytest.fixture
def photo():
    return np.random.default_rng(1).uniform(0, 255, (37, 42, 3)).astype(np.float32)


@pytest.fixture
def paintings():
    random = np.random.default_rng(2)
    return [
        (random.uniform(0, 200, (24, 30, 3)) * share).astype(np.float32)
        for share in (1.0, 0.3)
    ]


# --- the normalization --------------------------------------------------------------


def test_adain_is_the_formula(features):
    style = np.random.default_rng(5).normal(3, 2, (2, 7, 3, 4)).astype(np.float32)
    found = adain.adaptive_instance_norm(features, losses.mean_and_deviation(style))
    x, s = np.float64(features), np.float64(style)
    own = np.sqrt(x.var((1, 2), keepdims=True) + 1e-5)
    theirs = np.sqrt(s.var((1, 2), keepdims=True) + 1e-5)
    normalized = (x - x.mean((1, 2), keepdims=True)) / own
    wanted = normalized * theirs + s.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-4)


def test_adain_is_what_pytorch_has(features):
    torch = pytest.importorskip("torch")
    style = torch.tensor(np.random.default_rng(5).normal(3, 2, (2, 4, 7, 3)))
    x = torch.tensor(np.moveaxis(features, -1, 1), dtype=torch.float64)
    normalized = torch.nn.functional.instance_norm(x, eps=1e-5)
    variance = style.var((2, 3), unbiased=False, keepdim=True)
    wanted = normalized * (variance + 1e-5).sqrt() + style.mean((2, 3), keepdim=True)
    ours = losses.mean_and_deviation(np.moveaxis(style.numpy(), 1, -1))
    found = adain.adaptive_instance_norm(features, ours)
    np.testing.assert_allclose(
        np.moveaxis(found.numpy(), -1, 1), wanted.numpy(), rtol=1e-4, atol=1e-4
    )


def test_its_own_statistics_change_nothing(features):
    own = losses.mean_and_deviation(features)
    found = adain.adaptive_instance_norm(features, own)
    np.testing.assert_allclose(found, features, rtol=1e-5, atol=1e-5)


def test_a_flat_channel_stays_finite():
    flat = np.full((1, 4, 4, 2), 7.0, np.float32)
    style = np.ones((1, 2, 2), np.float32)
    assert np.isfinite(adain.adaptive_instance_norm(flat, style)).all()


# --- mirrored borders ---------------------------------------------------------------


def test_the_encoder_mirrors_at_every_convolution(network, values, photo):
    x = vgg.preprocess(photo[None])
    for layer in ("conv1_1", "conv1_2"):
        x = np.pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "reflect")
        x = tf.nn.conv2d(x, values[f"{layer}/kernel"], 1, "VALID")
        x = tf.nn.relu(x + values[f"{layer}/bias"])
    found = network(vgg.preprocess(photo[None]), "relu1_2", padding="reflect")
    np.testing.assert_allclose(found["relu1_2"], x, rtol=1e-4, atol=1e-3)


def test_the_frozen_encoder_and_its_gradient_are_the_same(network, photo):
    image, gradients = tf.constant(photo[None]), []
    for encoder in (network, network.freeze()):
        with tf.GradientTape() as tape:
            tape.watch(image)
            found = adain.encode(encoder, image)["relu4_1"]
            total = tf.reduce_sum(found**2)
        gradients.append(tape.gradient(total, image).numpy())
    largest = abs(gradients[0]).max()
    np.testing.assert_allclose(gradients[1], gradients[0], atol=1e-4 * largest)


def test_mirrored_borders_need_two_pixels(network):
    with pytest.raises(WorkshopError, match="16 pixels or more"):
        network(tf.zeros([1, 12, 40, 3]), "relu4_1", padding="reflect")
    with pytest.raises(WorkshopError, match="padding is 'mirror'"):
        network(tf.zeros([1, 32, 32, 3]), "relu4_1", padding="mirror")


# --- the decoder --------------------------------------------------------------------


def test_the_decoder_is_as_in_the_paper(decoder):
    shapes = {name: value.shape for name, value in decoder.values().items()}
    channels = [(512, 256), (256, 256), (256, 256), (256, 256), (256, 128)]
    channels += [(128, 128), (128, 64), (64, 64), (64, 3)]
    for number, (inputs, outputs) in enumerate(channels, 1):
        assert shapes.pop(f"conv_{number}/kernel") == (3, 3, inputs, outputs)
        assert shapes.pop(f"conv_{number}/bias") == (outputs,)
    assert not shapes
    assert decoder(tf.ones([2, 3, 4, 512])).shape == (2, 24, 32, 3)


def test_a_decoder_comes_back_from_its_file(decoder, tmp_path):
    decoder.card["styles"] = "any"
    adain.save(decoder, tmp_path / "decoder.npz")
    again = adain.load(tmp_path / "decoder.npz")
    assert again.card == decoder.card and again.scale == decoder.scale
    x = tf.random.stateless_uniform([1, 3, 3, 512], [0, 1])
    np.testing.assert_allclose(again(x), decoder(x), atol=0.1)


def test_another_file_is_refused(tmp_path):
    from style_workshop.files import save_arrays

    save_arrays(tmp_path / "other.npz", {"a": np.zeros(2)}, {"card": {}})
    with pytest.raises(WorkshopError, match="holds no decoder"):
        adain.load(tmp_path / "other.npz")


# --- painting -----------------------------------------------------------------------


def test_any_sizes(network, decoder, photo, paintings):
    painted = adain.stylize(network, decoder, photo, paintings[0])
    assert painted.shape == photo.shape and painted.dtype == np.float32
    assert painted.min() >= 0 and painted.max() <= 255


def test_alpha_0_is_the_photograph_decoded(network, decoder, photo, paintings):
    painted = adain.stylize(network, decoder, photo, paintings[0], alpha=0)
    features = adain.content_features(network, photo)
    plain = adain.decode(decoder, features, photo.shape)
    np.testing.assert_allclose(painted, plain, atol=1e-3)


def test_alpha_is_a_straight_line_between_features(network, photo, paintings):
    features = adain.content_features(network, photo)
    statistics = [adain.style_statistics(network, paintings[0])]
    shares = np.ones((1, 5, 5), np.float32)
    none, half, whole = (
        adain.mix(features, statistics, shares, alpha) for alpha in (0, 0.5, 1)
    )
    np.testing.assert_allclose(half, (none + whole) / 2, rtol=1e-4, atol=1e-3)


def test_weights_choose_among_styles(network, decoder, photo, paintings):
    paint = lambda styles, **options: adain.stylize(  # noqa: E731
        network, decoder, photo, styles, **options
    )
    one = paint(paintings[0])
    np.testing.assert_allclose(paint(paintings, weights=[2, 0]), one, atol=1e-3)
    assert np.abs(paint(paintings, weights=[1, 1]) - one).max() > 0.1


def test_masks_say_where_each_style_goes(network, photo, paintings):
    features = adain.content_features(network, photo)  # [1, 5, 6, 512]
    statistics = [adain.style_statistics(network, p) for p in paintings]
    left = np.zeros((5, 6), np.float32)
    left[:, :3] = 1
    found = adain.mix(features, statistics, np.stack([left, 1 - left]))
    for columns, style in ((slice(0, 3), 0), (slice(3, 6), 1)):
        wanted = adain.adaptive_instance_norm(features, statistics[style])
        np.testing.assert_allclose(
            found[:, :, columns], wanted[:, :, columns], rtol=1e-4, atol=1e-3
        )


def test_colors_stay(network, decoder, photo, paintings):
    painted = adain.stylize(
        network, decoder, photo, paintings[0], keep_color="luminance"
    )
    inside = ((painted > 1) & (painted < 254)).all(axis=-1)
    change = (painted - photo)[inside]  # the same in red, green and blue
    np.testing.assert_allclose(change - change[:, :1], 0, atol=1e-2)
    assert color.luminance(painted).std() > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"alpha": 2}, "alpha is 2"),
        ({"weights": [1, 2, 3]}, "3 weights for 2 styles"),
        ({"weights": [0, 0]}, "gets no style"),
        ({"masks": [np.ones((3, 3))]}, "1 masks for 2 styles"),
        ({"keep_color": "all"}, "color is 'all'"),
    ],
)
def test_what_makes_no_sense_is_refused(
    network, decoder, photo, paintings, options, says
):
    with pytest.raises(WorkshopError, match=says):
        adain.stylize(network, decoder, photo, paintings, **options)


def test_small_pictures_are_refused(network, decoder, paintings):
    with pytest.raises(WorkshopError, match="too small"):
        adain.stylize(network, decoder, np.zeros((9, 40, 3)), paintings[0])


# --- training -----------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    from style_workshop import images

    random = np.random.default_rng(0)
    for i in range(5):
        picture = np.repeat(np.repeat(random.uniform(0, 255, (6, 7, 3)), 8, 0), 8, 1)
        images.save(picture, tmp_path / f"{i}.png")
    return tmp_path


@pytest.fixture
def data(folder):
    return AdainData(folder, folder, size=32, batch_size=2, short_side=40, windows=6)


def test_windows_are_encoded_once_and_drawn_by_step(network, data):
    windows = FeatureWindows(data, network.freeze())
    assert windows.features.shape == (6, 4, 4, 512)
    assert [s.shape for s in windows.statistics] == [
        (6, 2, c) for c in (64, 128, 256, 512)
    ]
    first = windows.next()
    state = windows.state()
    second = windows.next()
    windows.restore(state)
    for again, before in zip(windows.next(), second, strict=True):
        np.testing.assert_array_equal(again, before)
    assert first[0].shape == (2, 4, 4, 512) and first[4].shape == (2, 2, 512)


def test_the_loss_is_the_formula(network, decoder, data):
    batch = FeatureWindows(data, network.freeze()).next()
    total, terms = AdainLoss(2.0, 5.0, 3.0, 0.1).of(decoder, network)(batch, 0)
    x, style = np.float32(batch[0]), batch[-1]
    mean, deviation = x.mean((1, 2)), np.sqrt(x.var((1, 2)) + 1e-5)
    target = (x - mean[:, None, None]) / deviation[:, None, None]
    target = target * style[:, 1, None, None] + style[:, 0, None, None]
    painted = decoder(tf.constant(target))
    found = adain.encode(network, painted, adain.LAYERS)

    def share(a, b):
        axes = tuple(range(1, b.ndim))
        return np.mean(((a - b) ** 2).sum(axes) / (b**2).sum(axes))

    content = share(found["relu4_1"].numpy(), target)
    np.testing.assert_allclose(terms["content"], 2 * content, rtol=1e-3)
    a, b = (y - y.mean((1, 2), keepdims=True) for y in (found["relu4_1"].numpy(), x))
    dots = ((p * q).sum((1, 2, 3)) for p, q in ((a, b), (a, a), (b, b)))
    ab, aa, bb = dots
    distance = np.mean(1 - ab / np.sqrt(aa * bb))
    np.testing.assert_allclose(terms["drawing"], 3 * distance, rtol=1e-3)
    missed = 0
    for layer, wanted in zip(adain.LAYERS, batch[1:], strict=True):
        y = found[layer].numpy()
        own = np.stack([y.mean((1, 2)), np.sqrt(y.var((1, 2)) + 1e-5)], 1)
        missed += share(own, wanted)
    np.testing.assert_allclose(terms["style"], 5 * missed, rtol=1e-3)
    np.testing.assert_allclose(total, sum(terms.values()), rtol=1e-5)


def test_without_style_it_is_an_autoencoder(network, decoder, data):
    batch = FeatureWindows(data, network.freeze()).next()
    total, terms = AdainLoss(style_weight=0).of(decoder, network)(batch, 0)
    assert set(terms) == {"content", "drawing", "range"}
    found = adain.encode(network, decoder(tf.cast(batch[0], tf.float32)))["relu4_1"]
    missed = np.sum((found - np.float32(batch[0])) ** 2, axis=(1, 2, 3))
    share = missed / np.sum(np.float32(batch[0]) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(terms["content"], share.mean(), rtol=1e-3)


@pytest.mark.slow
def test_a_decoder_learns_and_its_card_says_how(network, data, monkeypatch, tmp_path):
    from style_workshop import training

    monkeypatch.setattr(adain_training.weights, "pretrained", lambda name: network)
    decoder = adain.Decoder(scale=100.0)
    history = adain_training.train(
        decoder,
        data,
        AdainLoss(style_weight=0),
        settings=training.TrainingSettings(8, 1e-4, every=4),
        folder=tmp_path / "run",
        progress=None,
    )
    assert history.losses["total"][-1] < history.losses["total"][0]
    (lesson,) = decoder.card["training"]
    assert lesson["steps"] == 8 and lesson["data"]["size"] == 32
    assert training.checkpoints(tmp_path / "run")


@pytest.mark.parametrize(
    "options",
    [{"size": 100}, {"size": 8}, {"short_side": 20}, {"windows": 0}, {"seed": -1}],
)
def test_data_that_makes_no_sense(folder, options):
    with pytest.raises(WorkshopError):
        AdainData(folder, folder, **options)


# --- the two figures ----------------------------------------------------------------


def test_figures_of_the_extremes(network, photo, paintings):
    share = adain_training.style_share(network, photo, photo, paintings[0])
    assert share == pytest.approx(1)
    own = adain_training.style_share(network, paintings[0], photo, paintings[0])
    assert own == pytest.approx(0, abs=1e-6)
    distance = adain_training.content_distance(network, photo, photo)
    assert distance == pytest.approx(0, abs=1e-5)
