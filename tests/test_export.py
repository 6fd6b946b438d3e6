"""A network that was taken elsewhere paints what it paints here."""

import json
import warnings

import numpy as np
import pytest
import tensorflow as tf

from style_workshop import WorkshopError, export
from style_workshop.feedforward import Architecture, TransformNetwork

pytestmark = pytest.mark.slow

SMALL = Architecture(filters=4, blocks=2)
IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 30, 41, 3)).astype(np.float32)
MIX = np.float32([0.25, 0.75])
#: What is painted elsewhere and here: other numbers, sizes and mixtures in turn.
CASES = [(IMAGES, MIX), (IMAGES[:1, :24, :20], np.float32([1, 0]))]


@pytest.fixture(params=[1, 2], ids=["one style", "two styles"])
def network(request) -> TransformNetwork:
    start = TransformNetwork(Architecture(4, 2, styles=request.param))
    values, random = start.values(), np.random.default_rng(1)
    for name, array in values.items():
        if "/sc" in name or "/sh" in name:
            array += random.normal(0, 0.2, array.shape).astype(np.float32)
    card = {"styles": ["leaves", "sea"][: request.param]}
    return TransformNetwork(start.architecture, values, card=card)


def inputs_of(network, images, mixture) -> dict[str, np.ndarray]:
    several = network.architecture.styles > 1
    return {"images": images, **({"styles": mixture} if several else {})}


def painted(network, images, mixture) -> np.ndarray:
    several = network.architecture.styles > 1
    return network(images, mixture if several else None).numpy()


def test_a_saved_model_paints_the_same(network, tmp_path):
    export.export(network, tmp_path / "net")
    run = tf.saved_model.load(tmp_path / "net").signatures["serving_default"]
    for case in CASES:
        inputs = {k: tf.constant(v) for k, v in inputs_of(network, *case).items()}
        got = run(**inputs)["painted"]
        np.testing.assert_allclose(got, painted(network, *case), atol=0.01)
    with pytest.raises(WorkshopError, match="is there already"):
        export.export(network, tmp_path / "net")


def test_onnx_paints_the_same(network, tmp_path):
    pytest.importorskip("tf2onnx", reason="needs the export extra")
    runtime = pytest.importorskip("onnxruntime", reason="needs the export extra")
    export.export(network, tmp_path / "net.onnx")
    session = runtime.InferenceSession(str(tmp_path / "net.onnx"))
    for case in CASES:
        (got,) = session.run(["painted"], inputs_of(network, *case))
        np.testing.assert_allclose(got, painted(network, *case), atol=0.05)
    names = session.get_modelmeta().custom_metadata_map["styles"]
    assert json.loads(names) == network.card["styles"]


def test_tflite_paints_the_same_to_the_float16_of_its_weights(network, tmp_path):
    images = IMAGES[:1]
    export.export(network, tmp_path / "net.tflite", images.shape[1:3])
    with warnings.catch_warnings():  # it will move to a package of its own
        warnings.simplefilter("ignore")
        run = tf.lite.Interpreter(str(tmp_path / "net.tflite"))
    run.allocate_tensors()
    stored = [d for d in run.get_tensor_details() if len(d["shape"]) == 4]
    kernels = [v for n, v in network.values().items() if n.endswith("kernel")]
    half = [d for d in stored if d["dtype"] == np.float16]
    assert sum(np.prod(d["shape"]) for d in half) == sum(k.size for k in kernels)
    for mixture in (MIX, np.float32([1, 0])):
        for detail in run.get_input_details():
            wide = len(detail["shape"]) == 4
            run.set_tensor(detail["index"], images if wide else mixture)
        run.invoke()
        got = run.get_tensor(run.get_output_details()[0]["index"])
        np.testing.assert_allclose(got, painted(network, images, mixture), atol=2)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("net.pb", None, "end it in .onnx or .tflite, or in nothing"),
        ("net.tflite", None, "TFLite needs a fixed size"),
        ("net.tflite", (4, 64), "give height and width of 8 pixels or more"),
    ],
)
def test_what_cannot_be_written_is_refused(tmp_path, name, size, message):
    with pytest.raises(WorkshopError, match=message):
        export.export(TransformNetwork(SMALL), tmp_path / name, size)
    assert not list(tmp_path.iterdir())
