"""Compute what the page "Look inside VGG" shows.

``python docs/look_inside/data.py OUT``. Needs the weights of VGG19 and some minutes of
one core. The file is JSON; pictures in it are JPEG, and feature maps are bytes, both
in base64.
"""

import base64
import io
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from style_workshop import IMAGES, explore, images, losses, reconstruct, vgg, weights
from style_workshop.features import features_of, receptive_field
from style_workshop.files import atomic_write
from style_workshop.optimize import optimize, start_image
from style_workshop.visualize import visualize

PHOTOGRAPH = IMAGES / "content" / "cat.jpg"
SIZE = 224  # longest side of the photograph in pixels
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
CHANNELS = 6  # of each layer
SEARCHED = 192  # longest side of the pictures whose patches excite a channel
PATCHES = 5  # of each channel
DRAWN, STEPS = 64, 20  # side of the drawn pictures in pixels, and steps for each
SHOWN = 96  # longest side of a small picture in pixels
STYLES = ("stained_glass", "swirling_night", "color_circles")
GRAM_SIZE, POOLING = 176, "average"  # longest side of the styles; as in notebook 1.2
GRAM_LAYER = "conv2_1"
CORNER = 16  # channels of the Gram matrix that are shown
TEXTURE_LAYERS = reconstruct.STYLE_LAYERS[:4]
TEXTURE, TEXTURE_STEPS = 72, 20  # side in pixels, and steps for each
STOPS = (0, 0.25, 0.5, 0.75, 1)  # shares of the second style that have a texture


# --- numbers for the page -----------------------------------------------------------


def jpeg(image: np.ndarray, quality: int = 85) -> str:
    """Pack a picture ``[h, w, 3]``, 0-255."""
    file = io.BytesIO()
    Image.fromarray(images.to_uint8(image)).save(file, "JPEG", quality=quality)
    return base64.b64encode(file.getvalue()).decode()


def enlarge(patch: np.ndarray) -> np.ndarray:
    """Bring a patch to `SHOWN` pixels; those of a small one stay visible as squares."""
    times = SHOWN // max(patch.shape[:2])
    if times > 3:
        return patch.repeat(times, axis=0).repeat(times, axis=1)
    return images.resize(patch, SHOWN)


def quantized(values: np.ndarray) -> dict:
    """Round a map ``[h, w]``, 0 or more, to steps of a 255th of its largest value."""
    step = float(values.max()) / 255 or 1.0
    steps = np.rint(values / step).astype(np.uint8)
    return {"step": step, "map": base64.b64encode(steps.tobytes()).decode()}


def lively(maps: np.ndarray, count: int) -> list[int]:
    """Choose channels of ``[h, w, c]`` that vary much, each unlike those before it.

    Each next one has the largest standard deviation, less the share that its largest
    correlation with a chosen one takes away.
    """
    # Near the border some channels answer to nothing but the zeros around the picture.
    flat = maps[2:-2, 2:-2].reshape(-1, maps.shape[-1])
    flat = flat - flat.mean(axis=0)
    length = np.linalg.norm(flat, axis=0)
    alike = np.zeros_like(length)
    chosen = []
    for _ in range(count):
        best = int(np.argmax(length * (1 - alike)))
        chosen.append(best)
        products = np.abs(flat.T @ flat[:, best]) / np.maximum(length, 1e-12)
        alike = np.maximum(alike, products / max(length[best], 1e-12))
        alike[best] = 1
    return sorted(chosen)


# --- maps, and what excites a channel -----------------------------------------------


def layers(network: vgg.Network, photo: np.ndarray) -> list[dict]:
    """Give each of `LAYERS`: receptive field, maps of the photograph, what excites it.

    Args:
        network: VGG19.
        photo: ``[h, w, 3]``, 0-255.
    """
    features = features_of(network)
    paths = sorted(IMAGES.glob("*/*.jpg"))
    searched = [images.read(path, SEARCHED) for path in paths]
    found = [features(tf.constant(picture), LAYERS) for picture in searched]
    shown = features(tf.constant(photo), LAYERS)
    rows = []
    for layer in LAYERS:
        maps, field = shown[layer][0].numpy(), receptive_field("vgg19", layer)
        theirs = [endpoints[layer][0].numpy() for endpoints in found]
        channels = []
        for channel in lively(maps, CHANNELS):
            ranked = explore.ranked(searched, theirs, field, channel)[:PATCHES]
            strongest = [
                {
                    "name": words(paths[one.picture]),
                    "value": one.value,
                    "jpeg": jpeg(enlarge(one.patch)),
                }
                for one in ranked
            ]
            drawn = draw(network, layer, channel)
            channels.append(
                {
                    "number": channel,
                    **quantized(maps[..., channel]),
                    "drawn": jpeg(drawn),
                    "strongest": strongest,
                }
            )
        height, width = maps.shape[:2]
        size = {"height": height, "width": width, "of": maps.shape[-1]}
        rows.append({"name": layer, **field._asdict(), **size, "channels": channels})
    return rows


def words(path: Path) -> str:
    return path.stem.replace("_", " ")


def draw(network: vgg.Network, layer: str, channel: int) -> np.ndarray:
    """Draw what excites a channel, before the ReLU, as notebook 1.0 does."""
    before = layer.replace("relu", "conv")
    size = {"size": DRAWN, "steps": STEPS}
    return visualize(network, before, channel, progress=None, **size).image


# --- Gram matrices ------------------------------------------------------------------


def gram(network: vgg.Network) -> dict:
    """Give the Gram matrices of `STYLES`, how far each is from each, and textures.

    The page blends what is here: a corner of each matrix, of the liveliest channels,
    and the style losses of whole matrices. Those of blends follow from them, since
    ``(1 - t) A + t B`` is ``t (B - A)`` away from ``A``.
    """
    features = features_of(network, POOLING)
    paths = [IMAGES / "style" / f"{name}.jpg" for name in STYLES]
    pictures = [images.read(path, GRAM_SIZE) for path in paths]
    layers = {GRAM_LAYER, *TEXTURE_LAYERS}
    every = []
    for picture in pictures:
        maps = features(tf.constant(picture), layers)
        every.append({layer: losses.gram_matrix(maps[layer]) for layer in layers})
    grams = [one[GRAM_LAYER] for one in every]
    diagonals = sum(np.diag(g[0]) / np.trace(g[0]) for g in grams)
    chosen = np.sort(np.argsort(-diagonals)[:CORNER])
    styles = [
        {
            "name": words(path),
            "jpeg": jpeg(images.read(path, 2 * SHOWN)),
            "gram": matrix[0].numpy()[np.ix_(chosen, chosen)].tolist(),
            # As in notebook 1.2, 1 is the loss of a picture without any style.
            "losses": [
                float(reconstruct.relative(losses.style_loss, other, matrix))
                for other in grams
            ],
        }
        for path, matrix in zip(paths, grams, strict=True)
    ]
    return {
        "layer": GRAM_LAYER,
        "channels": chosen.tolist(),
        "styles": styles,
        "textures": textures(features, every),
    }


def textures(features: Callable, grams: list[dict]) -> list[dict]:
    """Make textures at all `STOPS` between each two styles, from the same noise.

    Args:
        features: from `features.features_of`.
        grams: of each style, by layer.
    """

    def of(matrices: dict) -> str:
        wanted = {layer: matrices[layer] for layer in TEXTURE_LAYERS}
        return jpeg(texture(features, wanted))

    ends, rows = [of(one) for one in grams], []
    for i, j in itertools.combinations(range(len(grams)), 2):
        between = [
            of({k: (1 - t) * grams[i][k] + t * grams[j][k] for k in TEXTURE_LAYERS})
            for t in STOPS[1:-1]
        ]
        rows.append({"of": [i, j], "jpegs": [ends[i], *between, ends[j]]})
    return rows


def texture(features: Callable, grams: dict[str, tf.Tensor]) -> np.ndarray:
    """Make a texture that has these Gram matrices, as notebook 1.2 does."""
    blank = np.zeros((TEXTURE, TEXTURE, 3), np.float32)
    start = start_image("noise", blank, blank, deviation=8)
    loss = reconstruct.loss_to(features, grams)
    return optimize(loss, start, TEXTURE_STEPS, progress=None, falloff=0.25).image


# --- all of it ----------------------------------------------------------------------


def main(out: str | Path) -> None:
    network = weights.pretrained("vgg19")
    photo = images.read(PHOTOGRAPH, SIZE)
    height, width = photo.shape[:2]
    whole = {
        "photograph": {
            "name": words(PHOTOGRAPH),
            "height": height,
            "width": width,
            "jpeg": jpeg(photo, 90),
        },
        "layers": layers(network, photo),
        "gram": gram(network),
    }
    with atomic_write(out) as part:
        part.write_text(json.dumps(whole), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
