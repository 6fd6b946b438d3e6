"""What the tests of several modules share: networks to try things on."""

import numpy as np
import pytest

from style_workshop import vgg, weights


@pytest.fixture(scope="session")
def values() -> dict[str, np.ndarray]:
    """Random weights of VGG19 that neither amplify nor damp; biases that matter."""
    random = np.random.default_rng(6)
    values, channels = {}, 3
    for layer in vgg.layer_names("vgg19"):
        if layer.startswith("conv"):
            out = vgg.CHANNELS[int(layer[4]) - 1]
            kernel = random.standard_normal((3, 3, channels, out), np.float32)
            values[f"{layer}/kernel"] = kernel * np.float32(np.sqrt(2 / 9 / channels))
            values[f"{layer}/bias"] = random.standard_normal(out, np.float32)
            channels = out
    return values


@pytest.fixture(scope="module")
def network(values) -> vgg.Network:
    """VGG19 with random weights."""
    return vgg.Network("vgg19", values)


@pytest.fixture(scope="session")
def pretrained() -> vgg.Network:
    """VGG19 as it was trained, or a skipped test."""
    path = weights.path_of("vgg19")
    if not path.exists():
        pytest.skip(f"no {path}: `python -m style_workshop weights vgg19`")
    return weights.pretrained("vgg19")
