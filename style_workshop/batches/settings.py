"""Settings of a `BatchGenerator`, checked before any file is read."""

import numpy as np

from style_workshop import WorkshopError, checks
from style_workshop.batches.decode import COLOR_MODES, RESHAPE_MODES, Decoder
from style_workshop.images import LARGEST


def check_decoder(
    *, reshape_mode, target_size, color_mode, short_side, antialias
) -> Decoder:
    """Make a `Decoder` of the settings that say how a picture is read.

    Raises:
        WorkshopError: one that makes no sense, or two that do not go together.
    """
    checks.choice("reshape_mode", reshape_mode, RESHAPE_MODES)
    checks.choice("color_mode", color_mode, COLOR_MODES)
    checks.flag("antialias", antialias)
    size = (target_size, target_size) if np.ndim(target_size) == 0 else target_size
    if len(size) != 2:
        raise WorkshopError(f"target_size is {target_size!r}: give (height, width).")
    size = tuple(
        checks.whole_number("target_size", side, least=1, most=LARGEST) for side in size
    )
    if reshape_mode == "random_crop":
        short_side = checks.whole_number(
            "short_side", short_side or 2 * max(size), least=max(size), most=LARGEST
        )
    elif short_side is not None:
        raise WorkshopError(
            "short_side is for reshape_mode='random_crop': leave it out."
        )
    return Decoder(reshape_mode, size, color_mode, short_side, bool(antialias))


def check_batch(
    batch_size: int, decoder: Decoder, files: int
) -> tuple[int, int, int, int]:
    """Give the shape ``(b, h, w, c)`` of a batch.

    Raises:
        WorkshopError: larger than the number of ``files``, or than the memory.
    """
    shape = checks.whole_number("batch_size", batch_size, least=1), *decoder.shape
    if shape[0] > files:
        raise WorkshopError(
            f"A batch of {shape[0]} is larger than the {files} pictures there are: "
            "lower batch_size, or add pictures."
        )
    try:
        np.empty(shape, np.float32)  # takes no memory as long as nobody writes to it
    except MemoryError as error:
        raise WorkshopError(
            f"A batch of {shape[0]} pictures of {shape[1]}x{shape[2]} does not fit "
            "into memory: lower batch_size or target_size."
        ) from error
    return shape
