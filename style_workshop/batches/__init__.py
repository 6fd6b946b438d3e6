"""Endless batches of pictures from a folder, read ahead in the background.

==============  ==============================================================
``decode``      from a picture file to a small array, quickly
``files``       which files are meant: a folder, a list, a pattern
``cache``       pictures of one size, decoded once, in one file
``order``       which picture comes when, pass after pass
``read_ahead``  fill batches in background threads
``settings``    settings of a ``BatchGenerator``, checked
``generator``   ``BatchGenerator``
==============  ==============================================================
"""

from style_workshop.batches.files import BatchError
from style_workshop.batches.generator import BatchGenerator

__all__ = ["BatchError", "BatchGenerator"]
