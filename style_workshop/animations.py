"""Write pictures one after the other into a moving one: GIF or WebP."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from style_workshop import images
from style_workshop.files import atomic_write
from style_workshop.images import PictureError, to_uint8

#: GIF is shown everywhere, in 256 colors; WebP is smaller and has all of them.
FORMATS: dict[str, dict[str, Any]] = {
    ".gif": {"format": "GIF"},
    ".webp": {"format": "WEBP", "quality": 80},
}


def require_savable(path: str | Path) -> None:
    """Refuse, before any long work, a path that `save` could not write to.

    Raises:
        PictureError: an unknown ending, a folder, or no right to write there.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise PictureError(
            f"{path} cannot hold an animation: end its name in {' or '.join(FORMATS)}."
        )
    images.require_savable(path.with_suffix(".webp"))  # the folder, and the name
    if path.is_dir():
        raise PictureError(f"{path} is a folder: name a file inside it.")


def save(
    frames: Sequence[np.ndarray],
    path: str | Path,
    *,
    milliseconds: int = 100,
    settings: dict | None = None,
) -> None:
    """Write frames ``[h, w, 3]`` in 0-255, all of one size, as an endless animation.

    Args:
        frames: what lies outside 0-255 is clipped.
        path: ends in ``.gif`` or ``.webp``; folders that do not exist are made.
        milliseconds: that each frame is shown for.
        settings: how it was made; kept as JSON in the comment of a GIF and in the
            EXIF description of a WebP, where `read_settings` finds it.

    Raises:
        PictureError: an unknown ending, no frames, or frames of different sizes.
        WorkshopError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    require_savable(path)
    shapes = {np.shape(frame) for frame in frames}
    if len(shapes) != 1 or len(next(iter(shapes))) != 3:
        raise PictureError(
            f"An animation is of pictures [h, w, 3] of one size; these are {shapes}."
        )
    first, *others = [Image.fromarray(to_uint8(frame)) for frame in frames]
    options = dict(FORMATS[path.suffix.lower()])
    if settings and options["format"] == "GIF":
        options["comment"] = images.settings_text(settings)
    elif settings:
        options["exif"] = images.exif_of(settings)
    with atomic_write(path) as part:
        first.save(
            part,
            save_all=True,
            append_images=others,
            duration=milliseconds,
            loop=0,
            **options,
        )


def read_settings(path: str | Path) -> dict | None:
    """Read the settings that `save` stored in an animation; None where there are none.

    Raises:
        PictureError: missing, empty, damaged, or no picture.
    """
    found = images.read_settings(path)
    if found is not None:
        return found
    with Image.open(path) as animation:
        try:
            settings = json.loads(animation.info["comment"])
        except (KeyError, ValueError):  # no comment, or words of another program
            return None
    return settings if isinstance(settings, dict) else None
