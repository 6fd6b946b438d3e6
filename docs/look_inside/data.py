"""Compute what the page "Look inside VGG" shows.

``python docs/look_inside/data.py OUT``. Needs the weights of VGG19 and some minutes of
one core. The file is JSON; pictures in it are JPEG, and feature maps are bytes, both
in base64.
"""

import base64
import io
import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf
from PIL import Image

from style_workshop import IMAGES, explore, images, losses, reconstruct, vgg, weights
from style_workshop.features import features_of, receptive_field
from style_workshop.files import atomic_write
from style_workshop.visualize import visualize

PHOTOGRAPH = IMAGES / "content" / "cat.jpg"
SIZE = 224  # longest side of the photograph in pixels
LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1", "relu4_2", "relu5_1")
CHANNELS = 6  # of each layer
SEARCHED = 192  # longest side of the pictures whose patches excite a channel
PATCHES = 5  # of each channel
DRAWN, STEPS = 72, 24  # side of the drawn pictures in pixels, and steps for each
SHOWN = 96  # longest side of a small picture in pixels
GRAM_LAYER = "conv2_1"
STYLES = ("stained_glass", "swirling_night", "color_circles", "watercolor")
CORNER = 16  # channels of the Gram matrix that are shown


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
    """Give the Gram matrices of `STYLES`, and how far each is from each.

    The page blends what is here: a corner of each matrix, of the liveliest channels,
    and the style losses of whole matrices. Those of blends follow from them, since
    ``(1 - t) A + t B`` is ``t (B - A)`` away from ``A``.
    """
    features = features_of(network)
    pictures = [images.read(IMAGES / "style" / f"{s}.jpg", SIZE) for s in STYLES]
    grams = [
        losses.gram_matrix(features(tf.constant(p), GRAM_LAYER)[GRAM_LAYER])
        for p in pictures
    ]
    diagonals = sum(np.diag(g[0]) / np.trace(g[0]) for g in grams)
    chosen = np.sort(np.argsort(-diagonals)[:CORNER])
    styles = [
        {
            "name": name.replace("_", " "),
            "jpeg": jpeg(images.resize(picture, 2 * SHOWN)),
            "gram": matrix[0].numpy()[np.ix_(chosen, chosen)].tolist(),
            # As in notebook 1.2, 1 is the loss of a picture without any style.
            "losses": [
                float(reconstruct.relative(losses.style_loss, other, matrix))
                for other in grams
            ],
        }
        for name, picture, matrix in zip(STYLES, pictures, grams, strict=True)
    ]
    return {"layer": GRAM_LAYER, "channels": chosen.tolist(), "styles": styles}


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
