"""The method of Gatys, Ecker and Bethge (CVPR 2016) [4]; notebook 2.0 takes it apart.

============  ================================================================
``settings``  all its numbers; styles and their places
``loss``      of a picture as a whole or in tiles
``memory``    how much it will take, said before it starts
``stylize``   the method
============  ================================================================
"""

from style_workshop.gatys.loss import TiledLoss, style_grams, transfer_loss
from style_workshop.gatys.memory import require_memory
from style_workshop.gatys.settings import (
    NOTEBOOK,
    PAPER,
    SETTINGS,
    WORKSHOP,
    Settings,
    Style,
    check,
)
from style_workshop.gatys.stylize import features_of, load_network, stylize

__all__ = [
    "NOTEBOOK",
    "PAPER",
    "SETTINGS",
    "WORKSHOP",
    "Settings",
    "Style",
    "TiledLoss",
    "check",
    "features_of",
    "load_network",
    "require_memory",
    "style_grams",
    "stylize",
    "transfer_loss",
]
