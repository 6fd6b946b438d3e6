"""Training on many devices: logical ones, GPUs, other machines.

==============  ==============================================================
``devices``     their names; one device split into several; variables by scope
``pipeline``    model parallelism: a network a device, micro-batches
``strategies``  data parallelism: ``tf.distribute``, on one machine or several
``pairs``       photographs and style images, cut out anew for every step
``train``       the decoder of AdaIN [11] in each of these ways
==============  ==============================================================

`division` has the numbers.
"""

from style_workshop.parallel.devices import devices, placed
from style_workshop.parallel.pairs import PicturePairs
from style_workshop.parallel.pipeline import JOBS, Pipeline, Stages
from style_workshop.parallel.strategies import free_addresses, mirrored, multiworker
from style_workshop.parallel.train import adain_stages, on_devices, train

__all__ = [
    "JOBS",
    "PicturePairs",
    "Pipeline",
    "Stages",
    "adain_stages",
    "devices",
    "free_addresses",
    "mirrored",
    "multiworker",
    "on_devices",
    "placed",
    "train",
]
