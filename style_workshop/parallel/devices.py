"""Devices by name, logical ones too, and variables placed on them by their scope.

TensorFlow splits one processor, or one GPU, into logical devices. A program for many
devices then runs on any machine, and computes the same; it is no faster for it.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

import tensorflow as tf

from style_workshop import WorkshopError, checks


def devices(count: int, megabytes: int = 2048) -> list[str]:
    """Name so many devices: GPUs where there are as many, else parts of the first one.

    Args:
        count: how many.
        megabytes: of each part of a GPU that has to be split.

    Returns:
        ``["GPU:0", "GPU:1"]`` or ``["CPU:0", "CPU:1"]``, and so on.

    Raises:
        WorkshopError: TensorFlow has started with fewer; it splits none after that.
    """
    checks.whole_number("devices", count, least=1)
    gpus = tf.config.list_physical_devices("GPU")
    kind = "GPU" if gpus else "CPU"
    if len(gpus) < count:
        _split(kind, count, megabytes if gpus else None)
    there = len(tf.config.list_logical_devices(kind))
    if there < count:
        raise WorkshopError(
            f"TensorFlow has started with {there} devices, and cannot be given {count} "
            "any more: restart, and ask for the devices before anything is computed."
        )
    return [f"{kind}:{number}" for number in range(count)]


def _split(kind: str, count: int, megabytes: int | None) -> None:
    part = tf.config.LogicalDeviceConfiguration(memory_limit=megabytes)
    first = tf.config.list_physical_devices(kind)[0]
    with suppress(RuntimeError):  # it has started; there may be enough
        tf.config.set_logical_device_configuration(first, [part] * count)


@contextmanager
def placed(scopes: Mapping[str, str]) -> Iterator[None]:
    """Place each variable that is made meanwhile on the device of its scope.

    Args:
        scopes: the beginnings of names, as ``{"vgg19": "CPU:0", "decoder": "CPU:1",
            "decoder/conv_9": "CPU:2"}``; the longest that fits counts. A second
            network of that name, ``decoder_1``, is one of them.
    """

    def creator(make, **options):
        name = re.sub(r"^([^/]+)_\d+/", r"\1/", f"{options.get('name')}/")
        fitting = [scope for scope in scopes if name.startswith(f"{scope}/")]
        with tf.device(scopes[max(fitting, key=len)] if fitting else None):
            return make(**options)

    with tf.variable_creator_scope(creator):
        yield
