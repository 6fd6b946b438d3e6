"""Does a loaded VGG see what it should? Compares it with stored activations."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np

from style_workshop import IMAGES, require_clone, vgg
from style_workshop.files import atomic_write
from style_workshop.images import read
from style_workshop.weights.find import pretrained
from style_workshop.weights.formats import WeightsError

PHOTOGRAPH = IMAGES / "content" / "temple.jpg"
REFERENCE = Path(__file__).with_name("reference_activations.json")
TOLERANCE = 0.10  # relative; 8-bit weights differ from float32 by a few per cent
CHANNELS = 16  # of each layer; with 8, half of them silent, 8 bits made over 0.10

#: What people do to a picture in place of `vgg.preprocess`, and how it is named.
MISTAKES: dict[str, Callable] = {
    "the picture is RGB where VGG wants BGR": lambda x: x - vgg.MEAN_BGR[::-1],
    "the mean was not subtracted": lambda x: x[..., ::-1],
    "the picture is 0-1 where VGG wants 0-255": lambda x: vgg.preprocess(x / 255),
}


def mean_activations(
    network: vgg.Network, name: str, preprocess: Callable = vgg.preprocess
) -> dict[str, list[float]]:
    """Mean over positions of the first `CHANNELS` channels of every ReLU layer.

    Of the convolutions only, on one bundled photograph at 224x224 pixels.
    """
    layers = [layer for layer in vgg.layer_names(name) if layer.startswith("relu")]
    require_clone()
    picture = read(PHOTOGRAPH, size=(224, 224))[None]
    features = network(np.asarray(preprocess(picture), np.float32), layers)
    return {
        layer: np.mean(features[layer][..., :CHANNELS], axis=(0, 1, 2)).tolist()
        for layer in layers
    }


def self_check(
    network: vgg.Network, name: str, preprocess: Callable = vgg.preprocess
) -> None:
    """Compare a loaded network with stored activations on a bundled photograph.

    Args:
        network: from `pretrained`, or one of your own called in the same way.
        name: ``vgg16`` or ``vgg19``.
        preprocess: takes ``[1, 224, 224, 3]`` RGB 0-255 to what the network gets.

    Raises:
        WeightsError: a layer is off by more than `TOLERANCE`; names the usual
            mistake where one explains what is seen.
    """
    seen = mean_activations(network, name, preprocess)
    reference = json.loads(REFERENCE.read_text())[name]
    wrong = _first_difference(seen, reference["right"])
    if wrong is None:
        return
    guess = next(
        (m for m in MISTAKES if _first_difference(seen, reference[m]) is None),
        "the weights are not VGG's, or in another order",
    )
    raise WeightsError(f"{name} does not see what it should, from {wrong} on: {guess}.")


def _first_difference(seen: dict, stored: dict) -> str | None:
    """The first layer whose means differ by over `TOLERANCE`; a NaN differs."""
    for layer, means in stored.items():
        error = np.linalg.norm(np.subtract(seen[layer], means))
        if not error <= TOLERANCE * np.linalg.norm(means):
            return layer
    return None


def write_reference(names=("vgg16", "vgg19")) -> None:
    """Write the activations that `self_check` compares with, from verified weights."""
    table = {}
    for name in names:
        network = pretrained(name)
        table[name] = {"right": mean_activations(network, name)}
        for mistake, preprocess in MISTAKES.items():
            table[name][mistake] = mean_activations(network, name, preprocess)
    # Five digits: more would be noise between processors.
    text = json.dumps(table)
    text = re.sub(r"\d+\.\d+(e-?\d+)?", lambda m: f"{float(m[0]):.5g}", text)
    with atomic_write(REFERENCE) as part:
        part.write_text(text + "\n")
