"""Settings of a `BatchGenerator`, checked before any file is read."""

import operator

import numpy as np

from style_workshop.batches.decode import COLOR_MODES, RESHAPE_MODES, Decoder
from style_workshop.batches.files import BatchError

LARGEST = 16384  # pixels, as in `images`


def check_number(name: str, value: int, least: int = 1) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        number = None
    if number is None or isinstance(value, bool) or number < least:
        raise BatchError(f"{name} is {value!r}: give a whole number from {least} on.")
    return number


def check_decoder(
    reshape_mode, target_size, color_mode, short_side, antialias
) -> Decoder:
    for name, value, known in (
        ("reshape_mode", reshape_mode, RESHAPE_MODES),
        ("color_mode", color_mode, tuple(COLOR_MODES)),
    ):
        if value not in known:
            raise BatchError(f"{name} is {value!r}: choose one of {', '.join(known)}.")
    size = (target_size, target_size) if np.ndim(target_size) == 0 else target_size
    if len(size) != 2:
        raise BatchError(f"target_size is {target_size!r}: give (height, width).")
    size = tuple(check_number("target_size", side) for side in size)
    if reshape_mode != "random_crop":
        if short_side is not None:
            raise BatchError(
                "short_side is for reshape_mode='random_crop': leave it out."
            )
    else:
        short_side = check_number("short_side", short_side or 2 * max(size))
        if short_side < max(size):
            raise BatchError(
                f"A window of {size[0]}x{size[1]} does not fit into pictures whose "
                f"short side is {short_side}: raise short_side to {max(size)} or more."
            )
    for side in (*size, short_side or 1):
        if side > LARGEST:
            raise BatchError(f"{side} pixels is too large: use {LARGEST} at most.")
    return Decoder(reshape_mode, size, color_mode, short_side, bool(antialias))


def check_batch(batch_size: int, decoder: Decoder, files: int) -> tuple[int, ...]:
    shape = check_number("batch_size", batch_size), *decoder.shape
    if shape[0] > files:
        raise BatchError(
            f"A batch of {shape[0]} is larger than the {files} pictures there are: "
            "lower batch_size, or add pictures."
        )
    try:
        np.empty(shape, np.float32)  # takes no memory as long as nobody writes to it
    except MemoryError as error:
        raise BatchError(
            f"A batch of {shape[0]} pictures of {shape[1]}x{shape[2]} does not fit "
            "into memory: lower batch_size or target_size."
        ) from error
    return shape
