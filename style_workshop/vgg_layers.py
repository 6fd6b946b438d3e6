"""The layers of VGG16 and VGG19 (arXiv:1409.1556, table 1, D and E), by their names.

Without TensorFlow, so that a wrong layer is refused before that is loaded.
"""

from collections.abc import Collection

from style_workshop import WorkshopError

#: Convolutions in each of the five blocks.
CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
#: Channels in each of the five blocks.
CHANNELS = (64, 128, 256, 512, 512)
#: Units of the three dense layers; the last are the classes of ImageNet.
DENSE = {"fc6": 4096, "fc7": 4096, "fc8": 1000}


def layer_names(name: str, classifier: bool = False) -> list[str]:
    """List the layers of ``vgg16`` or ``vgg19`` from the picture upwards.

    ``conv4_2`` is before the ReLU, ``relu4_2`` after it, ``pool4`` ends a block;
    with ``classifier`` also ``fc6``, ``relu6``, ``fc7``, ``relu7``, ``fc8``, ``prob``.

    Raises:
        WorkshopError: there is no such network.
    """
    if name not in CONVOLUTIONS:
        raise WorkshopError(f"There is no network {name!r}: use vgg16 or vgg19.")
    names = []
    for block, depth in enumerate(CONVOLUTIONS[name], start=1):
        for i in range(1, depth + 1):
            names += [f"conv{block}_{i}", f"relu{block}_{i}"]
        names.append(f"pool{block}")
    if classifier:
        names += ["fc6", "relu6", "fc7", "relu7", "fc8", "prob"]
    return names


def smallest_side(layer: str) -> int:
    """Side in pixels of the smallest picture of which ``layer`` still has a value."""
    if layer.startswith("pool"):
        return 2 ** int(layer[4:])
    if "_" in layer:
        return 2 ** (int(layer[4]) - 1)
    return 224


def check_request(
    name: str, layers: Collection[str], height: int | None, width: int | None
) -> None:
    """Refuse unknown layers and pictures that are too small for them.

    Raises:
        WorkshopError: says which layer, and the size it needs.
    """
    known = layer_names(name, classifier=True)
    for layer in layers:
        if layer not in known:
            raise WorkshopError(
                f"{name} has no layer {layer!r}: its layers are {', '.join(known)}."
            )
        side = smallest_side(layer)
        if min(height or side, width or side) < side:
            raise WorkshopError(
                f"A picture of {height}x{width} pixels is too small for {layer}: "
                f"each side must be {side} pixels or more."
            )
        dense = layer in known[-6:]
        if dense and (height, width) != (224, 224):
            raise WorkshopError(
                f"{layer} is a dense layer and takes pictures of 224x224 pixels, "
                f"not {height}x{width}: resize to (224, 224)."
            )
