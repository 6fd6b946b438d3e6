"""The pre-trained weights of VGG: find, fetch, verify, convert and load them.

===========  =================================================================
``formats``  read them from the files in which others keep them
``sums``     check sums: is a file whole?
``find``     what is there already, or fetched; what the workshop keeps
``scaled``   a mean activation of 1 in each channel, as in [4]
``check``    does a loaded VGG see what it should?
===========  =================================================================
"""

from style_workshop.weights.check import self_check
from style_workshop.weights.find import fetch, load, path_of, pretrained
from style_workshop.weights.formats import WeightsError
from style_workshop.weights.scaled import normalize

__all__ = [
    "WeightsError",
    "fetch",
    "load",
    "normalize",
    "path_of",
    "pretrained",
    "self_check",
]
