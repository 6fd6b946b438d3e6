"""The package behind the notebooks: what more than one of them needs.

Read the modules in this order; each uses only those above it.

==================  =============================================================
``checks``          refuse what makes no sense, each kind of value once
``files``           writing a file whole or not at all
``memory``          how much memory is free
``stopping``        after the stop button, Run All ends
``exercises``       right or not yet: the self-checks beside the exercises
``images``          read, resize and save pictures
``color``           keep a photograph's colors: luminance only, linear matching [10]
``show``            figures: galleries, feature maps, Gram matrices, loss curves
``vgg_drawing``     VGG as boxes, one a layer
``watch``           a strip of pictures, redrawn in place while a run goes on
``diagram``         what flows where, as boxes and arrows in an SVG
``animations``      write frames as GIF or WebP
``batches/``        ``BatchGenerator``: endless batches of pictures from a folder
``scopes``          the scope factory: variables by name, saved, seeded, shared
``vgg_layers``      the layers of VGG16 and VGG19 by name, without TensorFlow
``vgg``             VGG16 and VGG19 in ``tf.get_variable`` scopes, preprocessing
``weights/``        find, fetch, verify and load the pre-trained weights of VGG
``features``        from pictures to feature maps; receptive fields
``losses``          content, style (Gram, mean and deviation), total variation
``waves``           the cosine waves of a picture, scaled by their frequency
``optimize``        change a picture until a loss is small: L-BFGS, Adam, descent
``explore``         filters, the strongest pictures, occlusion [3]
``deconvnet``       from an activation back to the pixels, by three rules [3]
``visualize``       draw what excites a channel: Fourier, jitter, scale, rotation
``tiles``           a large picture in tiles, without a seam
``objectives``      what a dream makes large
``dream``           DeepDream [2]: octaves, a guide picture, the zoom
``reconstruct``     a picture from what layers keep of its content or style
``gatys/``          the method of Gatys, Ecker and Bethge [4]
``video/``          clips that do not flicker: flow, masks, temporal loss [5]
``layers``          padded and resize convolutions, instance norm, residual blocks
``architecture``    how a feed-forward network is built, in numbers
``feedforward``     the transform network of [8] with the norm of [7], or of [9]
``perceptual``      the loss that trains it: content and style of VGG16 [8]
``schedule``        how long a network is trained, and how fast
``replicas``        what of a training step each device does, and what all share
``training``        one loop: checkpoints, exact resume, a guard against NaN
``fast``            train such a network on a folder of photographs; paint with it
``adain``           any style in one pass: adaptive instance normalization [11]
``matching``        more statistics than AdaIN's: covariances, whole distributions
``adain_data``      windows of photographs and paintings, encoded once
``adain_training``  train its decoder; the two figures it is judged by
``division``        how a training is divided among devices, in numbers
``parallel/``       many devices: copies, a pipeline, several machines
``export``          a trained network as SavedModel, ONNX or TFLite
``fetch/``          data sets and paintings, from servers that fail
``commands/``       the command line, one module a command
``__main__``        ``python -m style_workshop``: parses and dispatches
==================  =============================================================

A name with a slash is a wing, a package of its own with a table of its own.

Importing this package imports no TensorFlow, so that a typing mistake on the
command line is answered at once.
"""

import os
from pathlib import Path

__version__ = "0.1.0"

_DATA = Path(__file__).resolve().parent.parent / "data"
#: The pictures that come with the workshop.
IMAGES = _DATA / "images"
#: Its photographs, by name: a unit that is measured on them does not change when
#: another file is put into the folder.
PHOTOGRAPHS = tuple(
    IMAGES / "content" / f"{name}.jpg"
    for name in ("astronaut", "cat", "coffee", "flower", "rocket", "temple")
)
#: The trained networks that come with the workshop.
NETWORKS = _DATA / "networks"
#: What is fetched: weights, data sets; ``STYLE_WORKSHOP_DATA`` names another folder.
DATA = Path(os.environ.get("STYLE_WORKSHOP_DATA") or _DATA)


# No start-up messages of TensorFlow, which is imported after this: what its build for
# GPUs reports as errors on a machine without one are none, and what goes wrong later
# is raised.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


class WorkshopError(ValueError):
    """Something a person can put right; the message says how, in one sentence."""


def require_clone() -> None:
    """Refuse to look for the workshop's own pictures and networks where none are.

    Raises:
        WorkshopError: the package was installed without the folder beside it.
    """
    if not IMAGES.is_dir():
        raise WorkshopError(
            f"There is no folder {IMAGES}: the workshop is used from its clone, which "
            "has its pictures and networks; install it there with `pip install -e .`."
        )
