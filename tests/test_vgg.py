"""VGG: equal to Keras's, one set of variables for all calls, and honest refusals."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow.compat.v1 as tf1

from style_workshop import WorkshopError, vgg

RANDOM = np.random.default_rng(3)
MODELS = {"vgg16": keras.applications.VGG16, "vgg19": keras.applications.VGG19}
_DENSE_NAMES = {"fc6": "fc1", "fc7": "fc2", "fc8": "predictions"}


def keras_name(layer: str) -> str:
    """``conv4_2`` is ``block4_conv2`` there, ``pool4`` ``block4_pool``."""
    if layer in _DENSE_NAMES:
        return _DENSE_NAMES[layer]
    kind, block, *i = layer[:4], layer[4], layer[6:]
    return f"block{block}_{kind}{i[0]}"


def random_values(name: str) -> dict[str, np.ndarray]:
    """Kernels that neither amplify nor damp, and biases that matter."""
    values, channels = {}, 3
    for layer in vgg.layer_names(name):
        if layer.startswith("conv"):
            shape = (3, 3, channels, vgg.CHANNELS[int(layer[4]) - 1])
            scale = np.float32(np.sqrt(2 / (9 * channels)))
            channels = shape[-1]
            values[f"{layer}/kernel"] = scale * RANDOM.standard_normal(
                shape, np.float32
            )
            values[f"{layer}/bias"] = RANDOM.standard_normal(channels, np.float32)
    return values


def keras_twin(name: str, values: dict, **options) -> keras.Model:
    model = MODELS[name](weights=None, **options)
    for layer in {key.split("/")[0] for key in values}:
        model.get_layer(keras_name(layer)).set_weights(
            [values[f"{layer}/kernel"], values[f"{layer}/bias"]]
        )
    return model


def relative_error(found, expected) -> float:
    found, expected = np.float64(found), np.float64(expected)
    assert found.shape == expected.shape
    return np.linalg.norm(found - expected) / np.linalg.norm(expected)


def noise(*shape) -> tf.Tensor:
    return tf.constant(RANDOM.normal(0, 60, shape).astype(np.float32))


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray]:
    return random_values("vgg19")


@pytest.fixture
def network(values) -> vgg.Network:
    return vgg.Network("vgg19", values)


# --- the same numbers as Keras ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_every_layer_equals_that_of_keras(name, run_apart):
    run_apart(compare_with_keras, name)  # it takes 2.5 GB


def memory_of(variable: keras.Variable) -> np.ndarray:
    """The array itself: a copy of all of them would take 0.6 GB more."""
    return np.asarray(memoryview(tf.convert_to_tensor(variable.value)))


def compare_with_keras(name: str) -> None:
    model = MODELS[name](weights=None)
    values = {}
    for layer in vgg.layer_names(name, classifier=True):
        if layer.startswith(("conv", "fc")):
            kernel, bias = model.get_layer(keras_name(layer)).weights
            bias.assign(RANDOM.standard_normal(bias.shape, np.float32))
            values[f"{layer}/kernel"] = memory_of(kernel)
            values[f"{layer}/bias"] = memory_of(bias)
    theirs = [layer for layer in model.layers if "flatten" not in layer.name][1:]
    images = noise(1, 224, 224, 3)
    outputs = keras.Model(model.input, [layer.output for layer in theirs])(images)
    expected = dict(zip([layer.name for layer in theirs], outputs, strict=True))
    del model

    layers = vgg.layer_names(name, classifier=True)
    found = vgg.Network(name, values)(images, layers)
    assert list(found) == layers
    for layer in layers:
        if layer.startswith("pool"):
            their_name = keras_name(layer)
        elif layer.startswith("relu"):  # their convolutions end in the ReLU
            below = layer.replace("relu", "conv" if "_" in layer else "fc")
            np.testing.assert_array_equal(found[layer], np.maximum(found[below], 0))
            their_name = keras_name(below)
        elif layer == "prob":
            their_name = "predictions"
        else:
            continue
        assert relative_error(found[layer], expected.pop(their_name)) < 1e-5, layer
    assert not expected  # each of theirs was compared
    logits = np.float64(found["fc8"][0])
    softmax = np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum()
    assert relative_error(found["prob"][0], softmax) < 1e-5
    assert softmax.max() > 2 * softmax.mean()  # and so it tells classes apart


@pytest.mark.parametrize("shape", [(2, 35, 50, 3), (1, 47, 33, 3)])
def test_odd_sizes_equal_those_of_keras(network, values, shape):
    images = noise(*shape)
    model = keras_twin("vgg19", values, include_top=False, input_shape=shape[1:])
    found = network(images, "pool5")["pool5"]
    assert relative_error(found, model(images)) < 1e-5


def test_average_pooling_equals_that_of_keras(network, values):
    x = images = noise(1, 35, 50, 3)
    for layer in keras_twin("vgg19", values, include_top=False).layers[1:]:
        if isinstance(layer, keras.layers.MaxPooling2D):
            layer = keras.layers.AveragePooling2D(2)
        x = layer(x)
    found = network(images, "pool5", pooling="average")["pool5"]
    assert relative_error(found, x) < 1e-5
    assert relative_error(network(images, "pool5")["pool5"], x) > 0.1


def test_parameters_are_as_many_as_in_table_2_of_the_paper():
    for name, millions in (("vgg16", 138), ("vgg19", 144)):
        count, channels = 0, 3
        for layer in vgg.layer_names(name, classifier=True):
            if layer.startswith("conv"):
                out = vgg.CHANNELS[int(layer[4]) - 1]
                count += 9 * channels * out + out
                channels = out
            elif layer.startswith("fc"):
                size = 7 * 7 * 512 if layer == "fc6" else channels
                channels = vgg.DENSE[layer]
                count += size * channels + channels
        assert round(count / 1e6) == millions


# --- preprocessing ------------------------------------------------------------------


def test_preprocess_is_bgr_minus_mean():
    images = RANDOM.uniform(0, 255, (2, 3, 4, 3)).astype(np.float32)
    found = vgg.preprocess(images)
    for channel, (rgb, mean) in enumerate([(2, 103.939), (1, 116.779), (0, 123.68)]):
        np.testing.assert_allclose(
            found[..., channel], images[..., rgb] - mean, rtol=1e-5, atol=1e-4
        )


def test_preprocess_equals_that_of_keras():
    images = RANDOM.uniform(0, 255, (2, 3, 4, 3)).astype(np.float32)
    expected = keras.applications.vgg19.preprocess_input(images.copy())
    np.testing.assert_allclose(vgg.preprocess(images), expected, atol=1e-4)


def test_preprocess_takes_bytes_and_gives_the_type_asked_for():
    bytes_ = RANDOM.integers(0, 256, (1, 2, 2, 3), np.uint8)
    np.testing.assert_array_equal(
        vgg.preprocess(bytes_), vgg.preprocess(bytes_.astype(np.float32))
    )
    assert vgg.preprocess(bytes_, "bfloat16").dtype == tf.bfloat16


def test_deprocess_undoes_preprocess():
    images = RANDOM.uniform(0, 255, (2, 3, 4, 3)).astype(np.float32)
    np.testing.assert_allclose(vgg.deprocess(vgg.preprocess(images)), images, atol=1e-4)
    half = vgg.deprocess(vgg.preprocess(images, "bfloat16"))
    assert half.dtype == tf.float32
    np.testing.assert_allclose(half, images, atol=0.6)


# --- one set of variables -----------------------------------------------------------


def names(network) -> list[str]:
    """Names of the variables, less the network's: a second one is ``vgg19_1``."""
    return [variable.name.split("/", 1)[1] for variable in network.variables]


def test_variables_have_the_names_of_the_paper(network, values):
    network(noise(1, 32, 32, 3), "conv4_2")
    assert {"conv4_2/kernel:0", "conv4_2/bias:0"} <= set(names(network))
    for variable, name in zip(network.variables, names(network), strict=True):
        np.testing.assert_array_equal(variable, values[name.removesuffix(":0")])
        assert variable.name.startswith("vgg19") and not variable.trainable


def test_it_is_built_no_deeper_than_asked(network):
    assert set(names(network)) == {"conv1_1/kernel:0", "conv1_1/bias:0"}
    network(noise(1, 32, 32, 3), ["relu1_1", "conv2_1"])
    layers = {name.split("/")[0] for name in names(network)}
    assert layers == {"conv1_1", "conv1_2", "conv2_1"}


def test_later_calls_use_the_same_variables(network):
    images = noise(1, 32, 32, 3)
    shallow = network(images, "relu2_2")["relu2_2"]
    first = {variable.name: id(variable) for variable in network.variables}
    network(images, "relu3_1", pooling="average")
    network(noise(2, 40, 50, 3), "relu2_2")
    deep = network(images, ["relu2_2", "relu4_1"])
    np.testing.assert_array_equal(deep["relu2_2"], shallow)
    now = {variable.name: id(variable) for variable in network.variables}
    assert len(now) == len(network.variables)  # no name twice
    assert first.items() <= now.items()


@pytest.mark.parametrize("first", ["eager", "compiled"])
def test_eager_and_compiled_calls_share_variables_in_any_order(network, first):
    images = noise(1, 32, 32, 3)
    compiled = tf.function(lambda x: network(x, ["relu1_2", "relu3_1"]))
    calls = [lambda: network(images, ["relu1_2", "relu3_1"]), lambda: compiled(images)]
    if first == "compiled":
        calls.reverse()
    before, after = (call() for call in calls)
    for layer, maps in before.items():
        assert tf.is_tensor(maps) and hasattr(maps, "numpy")
        assert relative_error(after[layer], maps) < 1e-5
    assert len(names(network)) == len(set(names(network)))
    # A change of the one is seen by all.
    bias = next(v for v in network.variables if v.name.endswith("conv1_2/bias:0"))
    bias.assign_add(tf.fill(bias.shape, 1000.0))
    for call in calls:
        assert relative_error(call()["relu1_2"], before["relu1_2"] + 1000) < 0.5


def test_a_compiled_call_may_be_followed_by_a_deeper_one(network):
    images = noise(1, 32, 32, 3)
    shallow = tf.function(lambda x: network(x, "relu1_1"))(images)["relu1_1"]
    deep = tf.function(lambda x: network(x, ["relu1_1", "relu4_1"]))(images)
    eager = network(images, ["relu1_1", "relu4_1"])
    np.testing.assert_allclose(deep["relu1_1"], shallow, rtol=1e-5, atol=1e-3)
    assert relative_error(deep["relu4_1"], eager["relu4_1"]) < 1e-5
    assert hasattr(eager["relu4_1"], "numpy")


def test_a_compiled_call_takes_pictures_of_any_size(network):
    compiled = tf.function(
        lambda x: network(x, "relu2_1")["relu2_1"],
        input_signature=[tf.TensorSpec([None, None, None, 3])],
    )
    for images in (noise(1, 32, 32, 3), noise(2, 17, 40, 3)):
        expected = network(images, "relu2_1")["relu2_1"]
        assert relative_error(compiled(images), expected) < 1e-5


def test_two_networks_of_one_name_share_nothing(values):
    first, second = vgg.Network("vgg19", values), vgg.Network("vgg19", values)
    first.variables[0].assign(tf.zeros_like(first.variables[0]))
    assert np.abs(second.variables[0]).max() > 0


def test_without_values_the_weights_are_drawn_at_random():
    images = noise(1, 16, 16, 3)
    first, same, other = (
        vgg.Network("vgg16", seed=seed)(images, "conv2_1")["conv2_1"]
        for seed in (0, 0, 1)
    )
    np.testing.assert_array_equal(first, same)
    assert relative_error(first, other) > 0.1


def test_gradients_reach_the_picture(network):
    images = noise(1, 16, 16, 3)
    with tf.GradientTape() as tape:
        tape.watch(images)
        out = tf.reduce_mean(network(images, "relu3_1")["relu3_1"] ** 2)
    gradient = tape.gradient(out, images)
    assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0


@pytest.mark.parametrize("pooling", ["max", "average"])
@pytest.mark.slow
def test_a_frozen_network_has_the_same_values_and_gradients(network, pooling):
    layers = ["relu1_2", "conv3_1", "pool5"]
    images = noise(2, 38, 45, 3)

    def values_and_gradient(call):
        with tf.GradientTape() as tape:
            tape.watch(images)
            found = call(images, layers, pooling=pooling)
            total = tf.add_n([tf.reduce_mean(value**2) for value in found.values()])
        return found, tape.gradient(total, images)

    expected, expected_gradient = values_and_gradient(network)
    for call in (network.freeze(), tf.function(network.freeze())):
        found, gradient = values_and_gradient(call)
        for layer in layers:
            np.testing.assert_allclose(found[layer], expected[layer], rtol=1e-6)
        assert relative_error(gradient, expected_gradient) < 1e-6


def test_a_frozen_network_stays_as_it_was(network):
    images = noise(1, 16, 16, 3)
    frozen = network.freeze()
    before = frozen(images, "conv1_2")["conv1_2"]
    for variable in network.variables:
        variable.assign(tf.zeros_like(variable))
    np.testing.assert_array_equal(frozen(images, "conv1_2")["conv1_2"], before)
    assert not np.any(network(images, "conv1_2")["conv1_2"])


def test_a_frozen_network_refuses_what_it_cannot_do(network):
    frozen = network.freeze()
    with pytest.raises(WorkshopError, match="ends with pool5"):
        frozen(noise(1, 224, 224, 3), "fc6")
    with pytest.raises(WorkshopError, match="has no layer 'conv9_9'"):
        frozen(noise(1, 16, 16, 3), "conv9_9")
    with pytest.raises(WorkshopError, match="takes a batch"):
        frozen(noise(16, 16, 3), "conv1_1")
    with pytest.raises(WorkshopError, match="no pooling 'min'"):
        frozen(noise(1, 16, 16, 3), "pool1", "min")


@pytest.mark.slow
def test_it_also_works_in_a_graph_of_tensorflow_1(network, values):
    images = noise(1, 20, 20, 3).numpy()
    with tf.Graph().as_default(), tf1.Session() as session:
        place = tf1.placeholder(tf.float32, [None, 20, 20, 3])
        graph_network = vgg.Network("vgg19", values)
        once = graph_network(place, "relu2_1")["relu2_1"]
        again = graph_network(place, "relu2_1")["relu2_1"]
        graph_names = {variable.name for variable in tf1.global_variables()}
        assert graph_names == {f"vgg19/{key}:0" for key in values}
        session.run(tf1.global_variables_initializer())
        found, repeated = session.run([once, again], {place: images})
    np.testing.assert_array_equal(found, repeated)
    assert relative_error(found, network(images, "relu2_1")["relu2_1"]) < 1e-5


# --- types --------------------------------------------------------------------------


def test_bfloat16_runs_and_is_near_to_float32(network):
    images = noise(1, 16, 16, 3)
    half = network(tf.cast(images, tf.bfloat16), ["relu1_1", "relu3_1"])
    full = network(images, ["relu1_1", "relu3_1"])
    for layer, maps in half.items():
        assert maps.dtype == tf.bfloat16
        error = relative_error(tf.cast(maps, tf.float32), full[layer])
        assert 0 < error < 0.03
    assert {v.dtype for v in network.variables} == {tf.float32}


def test_the_fastest_type_is_one_of_two():
    assert vgg.fastest_dtype() in ("float32", "bfloat16")


# --- sizes --------------------------------------------------------------------------


@pytest.mark.parametrize("layer", vgg.layer_names("vgg19"))
def test_the_smallest_picture_of_each_layer_works_and_one_pixel_less_is_refused(
    shared, layer
):
    side = vgg.smallest_side(layer)
    maps = shared(tf.zeros([1, side, side + 1, 3]), layer)[layer]
    assert min(maps.shape[1:3]) == 1
    if side > 1:
        for height, width in ((side - 1, side), (side, side - 1)):
            with pytest.raises(
                WorkshopError,
                match=f"{height}x{width} .* too small for {layer}: .* {side} ",
            ):
                shared(tf.zeros([1, height, width, 3]), layer)


@pytest.fixture(scope="module")
def shared(values) -> vgg.Network:
    """One network for all tests that change nothing in it."""
    return vgg.Network("vgg19", values)


def test_shapes_of_the_layers_are_those_of_the_paper(shared):
    found = shared(noise(1, 224, 224, 3), ["pool1", "conv4_2", "pool5"])
    assert {layer: maps.shape.as_list() for layer, maps in found.items()} == {
        "pool1": [1, 112, 112, 64],
        "conv4_2": [1, 28, 28, 512],
        "pool5": [1, 7, 7, 512],
    }


@pytest.mark.parametrize("layer", ["fc6", "relu6", "fc7", "relu7", "fc8", "prob"])
def test_dense_layers_want_224_pixels(shared, layer):
    assert vgg.smallest_side(layer) == 224
    with pytest.raises(WorkshopError, match=r"resize to \(224, 224\)"):
        shared(tf.zeros([1, 225, 224, 3]), layer)
    with pytest.raises(WorkshopError, match="too small"):
        shared(tf.zeros([1, 224, 223, 3]), layer)


# --- what it refuses ----------------------------------------------------------------


def test_an_unknown_network_is_refused():
    for call in (vgg.Network, vgg.layer_names):
        with pytest.raises(
            WorkshopError, match="no network 'vgg17': use vgg16 or vgg19"
        ):
            call("vgg17")


@pytest.mark.parametrize(
    "layer", ["conv3_5", "relu9_1", "block1_conv1", "", "fc9", None]
)
def test_an_unknown_layer_is_refused_with_the_names_of_all(shared, layer):
    with pytest.raises(
        WorkshopError, match="vgg19 has no layer .*: .* relu4_2, .* prob"
    ):
        shared(tf.zeros([1, 32, 32, 3]), ["conv1_1", layer])


def test_vgg16_has_no_fourth_convolution_in_a_block():
    assert len(vgg.layer_names("vgg16")) == 2 * 13 + 5
    assert len(vgg.layer_names("vgg19")) == 2 * 16 + 5
    with pytest.raises(WorkshopError, match="vgg16 has no layer 'conv3_4'"):
        vgg.Network("vgg16")(tf.zeros([1, 32, 32, 3]), "conv3_4")


def test_an_unknown_pooling_is_refused(shared):
    with pytest.raises(WorkshopError, match="no pooling 'median': max or average"):
        shared(tf.zeros([1, 32, 32, 3]), "pool1", pooling="median")


@pytest.mark.parametrize("shape", [(32, 32, 3), (1, 32, 32, 1), (1, 32, 32, 4)])
def test_what_is_no_batch_of_pictures_is_refused(shared, shape):
    with pytest.raises(WorkshopError, match=r"takes a batch \[b, h, w, 3\]"):
        shared(tf.zeros(shape), "conv1_1")


def test_dense_layers_without_their_weights_are_refused(shared):
    with pytest.raises(WorkshopError, match="weights vgg19 --classifier"):
        shared(tf.zeros([1, 224, 224, 3]), "fc6")
