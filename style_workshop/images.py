"""Read, resize and save pictures.

A picture is ``[h, w, 3]`` float32, RGB, 0-255, everywhere in the workshop.
"""

import contextlib
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
from PIL import Image, ImageCms, ImageOps

from style_workshop import PHOTOGRAPHS, WorkshopError, __version__, require_clone
from style_workshop.files import atomic_write

FORMATS: dict[str, dict[str, Any]] = {
    ".jpg": {"format": "JPEG", "quality": 92, "subsampling": 0},
    ".jpeg": {"format": "JPEG", "quality": 92, "subsampling": 0},
    ".png": {"format": "PNG"},
    ".webp": {"format": "WEBP", "quality": 92},
    ".tif": {"format": "TIFF"},
    ".tiff": {"format": "TIFF"},
}
#: Pixels of the longest side that a picture may have.
LARGEST = 16384
_IMAGE_DESCRIPTION = 0x010E  # the EXIF tag; PNG, WebP and TIFF carry EXIF too


class PictureError(WorkshopError):
    """A picture that cannot be read or written, and what to do about it."""


def read(path: str | Path, size: int | tuple[int, int] | None = None) -> np.ndarray:
    """Read a picture of any common kind.

    Turned upright (EXIF), flattened over white (alpha), converted to 8-bit sRGB
    (CMYK, Lab, palette, gray, 16-bit, float, embedded profiles); of an animation
    the first frame.

    Args:
        path: the file; what it holds counts, not how its name ends.
        size: the longest side in pixels, or ``(height, width)``; None keeps it.

    Returns:
        ``[h, w, 3]`` float32, RGB, 0-255.

    Raises:
        PictureError: missing, empty, damaged, no picture, or over 178 megapixels.
    """
    picture = open_rgb(path)
    if size is not None:
        picture = _resize(picture, size)
    return np.asarray(picture, np.float32)


def photographs(size: int | tuple[int, int]) -> list[np.ndarray]:
    """Read the `PHOTOGRAPHS` that come with the workshop; ``size`` as of `read`.

    Raises:
        WorkshopError: they are not there, see `require_clone`.
    """
    require_clone()
    return [read(path, size) for path in PHOTOGRAPHS]


def open_rgb(path: str | Path) -> Image.Image:
    """Read a picture as an upright, opaque 8-bit RGB ``PIL.Image`` (see `read`)."""
    return _open(path, lambda picture: to_rgb(upright(picture)))


def _open(path: str | Path, convert: Callable = lambda picture: picture) -> Any:
    path = Path(path)
    if not os.path.exists(path):
        raise PictureError(f"There is no file {path}: check its name and folder.")
    if path.is_dir():
        raise PictureError(f"{path} is a folder: name a picture inside it.")
    if path.stat().st_size == 0:
        raise PictureError(f"{path} is empty (0 bytes): fetch or export it again.")
    try:
        # Pillow may warn of odd metadata. To silence it here would change the warning
        # filters, which all threads of the process share.
        with Image.open(path) as picture:
            picture.load()
            return convert(picture)
    except Image.DecompressionBombError as error:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise PictureError(
            f"{path} has more than {limit:.0f} megapixels: make it smaller first."
        ) from error
    except Image.UnidentifiedImageError as error:
        raise PictureError(
            f"{path} is not a picture (it begins with {_first_bytes(path)}): "
            "use a JPEG, PNG, WebP, TIFF, GIF or BMP file."
        ) from error
    # A damaged file can raise nearly anything out of a decoder: OSError,
    # SyntaxError, struct.error, ValueError, IndexError, MemoryError ...
    except Exception as error:
        raise PictureError(
            f"{path} is damaged or cut off ({error}): fetch or export it again."
        ) from error


def _first_bytes(path: Path) -> str:
    with open(path, "rb") as file:
        return repr(file.read(16))[1:]


def upright(picture: Image.Image) -> Image.Image:
    """Turn a picture, in place, as its EXIF orientation says, if that can be read."""
    # A broken EXIF block says nothing about the picture itself.
    with contextlib.suppress(Exception):
        ImageOps.exif_transpose(picture, in_place=True)
    return picture


def to_rgb(picture: Image.Image) -> Image.Image:
    """Convert a picture of any mode to opaque 8-bit sRGB (see `read`)."""
    if picture.mode.startswith("I") or picture.mode == "F":
        return _gray_from_numbers(picture)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        return Image.alpha_composite(white, picture).convert("RGB")
    if picture.mode == "LAB":
        converted = ImageCms.profileToProfile(
            picture,
            ImageCms.createProfile("LAB"),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
        return cast(Image.Image, converted)  # None would be for `inPlace`
    # No copy where there is nothing to convert: large pictures take much memory.
    return to_srgb(picture) or (
        picture if picture.mode == "RGB" else picture.convert("RGB")
    )


def _gray_from_numbers(picture: Image.Image) -> Image.Image:
    """Bring gray of 16 or 32 bits to 8: white is the first of `whites` that fits."""
    gray = np.asarray(picture, np.float64)
    gray = np.nan_to_num(gray, posinf=0, neginf=0)
    whites = {"F": [1, 255, 65535], "I": [255, 65535]}.get(picture.mode, [65535])
    white = next((w for w in whites if gray.max() <= w), gray.max())
    gray = np.clip(np.rint(gray / white * 255), 0, 255).astype(np.uint8)
    return Image.fromarray(gray).convert("RGB")


def to_srgb(picture: Image.Image) -> Image.Image | None:
    """Apply an embedded color profile; None where there is none or it is broken."""
    profile = picture.info.get("icc_profile")
    if not profile or picture.mode not in ("RGB", "CMYK", "L"):
        return None
    try:
        return ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError):
        return None


def _resize(picture: Image.Image, size: int | tuple[int, int]) -> Image.Image:
    if np.ndim(size) == 0:
        longest = cast(int, size)
        require_size(longest)
        ratio = longest / max(picture.size)
        height, width = (max(1, round(s * ratio)) for s in reversed(picture.size))
    else:
        height, width = cast(tuple[int, int], size)
    for side in (height, width):
        require_size(side)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def require_size(size: int) -> None:
    """Refuse, before any long work, a size that no picture can have here.

    Raises:
        PictureError: fewer than 1 pixel, or more than a picture may have.
    """
    if not 1 <= size <= LARGEST:
        raise PictureError(
            f"A size of {size} pixels does not work: use 1 to {LARGEST}."
        )


def resize(image: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Resize ``[h, w, 3]`` to a longest side, or to ``(height, width)``, with Lanczos.

    Works on each channel in float32, so nothing is rounded to 8 bits; the result is
    clipped to 0-255, because Lanczos overshoots at hard edges.
    """
    if np.ndim(image) != 3:
        raise PictureError(f"A picture is [h, w, 3]; this is {np.shape(image)}.")
    channels = [
        Image.fromarray(c) for c in np.moveaxis(np.asarray(image, np.float32), -1, 0)
    ]
    resized = [np.asarray(_resize(channel, size)) for channel in channels]
    return np.clip(np.stack(resized, axis=-1), 0, 255)


def to_uint8(image: np.ndarray) -> np.ndarray:
    """Round ``[..., 3]`` in 0-255 to uint8; what lies outside is clipped."""
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def require_savable(path: str | Path) -> None:
    """Refuse, before any long work, a path that `save` could not write to.

    Raises:
        PictureError: an unknown ending, a folder, or no right to write there.
    """
    path = Path(path)
    if path.suffix.lower() not in FORMATS:
        raise PictureError(
            f"{path} does not say what to write: end its name in one of "
            f"{', '.join(FORMATS)}."
        )
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:  # a name that is too long, for example
        why = getattr(error, "strerror", error)
        raise PictureError(
            f"Cannot write {path} ({why}): choose another name, or a folder that you "
            "may write to."
        ) from error
    if path.is_dir():
        raise PictureError(f"{path} is a folder: name a file inside it.")
    folder = path.parent
    while not folder.exists():
        folder = folder.parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise PictureError(
            f"Cannot write into {folder}: choose a folder that you may write to."
        )


def save(image: np.ndarray, path: str | Path, settings: dict | None = None) -> None:
    """Write ``[h, w, 3]`` in 0-255; the format follows the ending of ``path``.

    Args:
        image: what lies outside 0-255 is clipped.
        path: folders that do not exist are made.
        settings: how the picture was made; kept as JSON in its EXIF description,
            with the versions of the software, where `read_settings` finds it.

    Raises:
        PictureError: an unknown ending, not ``[h, w, 3]``, numbers not finite, or
            more pixels than the format can hold.
        WorkshopError: the folder cannot be written, or the disk is full.
    """
    path = Path(path)
    require_savable(path)
    if image.ndim != 3 or image.shape[-1] != 3 or not image.size:
        raise PictureError(f"A picture is [h, w, 3]; this array is {image.shape}.")
    if not np.isfinite(image).all():
        raise PictureError("The picture holds numbers that are not finite (NaN).")
    exif = exif_of(settings)
    with atomic_write(path) as part:
        try:
            Image.fromarray(to_uint8(image)).save(
                part, exif=exif, **FORMATS[path.suffix.lower()]
            )
        except (ValueError, OSError) as error:
            if getattr(error, "errno", None):
                raise  # the disk's fault, not the format's
            raise PictureError(
                f"A {path.suffix} file cannot hold this picture ({error}): "
                "end its name in .png, or make it smaller."
            ) from error


def exif_of(settings: dict | None) -> Image.Exif:
    """Give EXIF data whose description holds settings (`settings_text`)."""
    exif = Image.Exif()
    if settings:
        exif[_IMAGE_DESCRIPTION] = settings_text(settings)
    return exif


def settings_text(settings: dict) -> str:
    """Give settings as JSON; with the versions of the workshop and of TensorFlow.

    That of TensorFlow is only there where it is at work.
    """
    versions = {"style_workshop": __version__}
    if tensorflow := sys.modules.get("tensorflow"):
        versions["tensorflow"] = tensorflow.__version__
    # Numbers may be NumPy's.
    return json.dumps({**settings, "versions": versions}, default=np.generic.item)


def read_settings(path: str | Path) -> dict | None:
    """Read the settings that `save` stored in a picture; None where there are none.

    Raises:
        PictureError: as `read`.
    """
    picture = _open(path)
    try:
        settings = json.loads(picture.getexif()[_IMAGE_DESCRIPTION])
    except Exception:  # no EXIF, a broken one, or words of another program
        return None
    return settings if isinstance(settings, dict) else None


def side_by_side(pictures: list[np.ndarray], gap: int = 8) -> np.ndarray:
    """Put pictures of any size into one row of equal height, white between them.

    Returns:
        ``[h, w, 3]`` float32, as high as the highest of ``pictures``.
    """
    height = max(picture.shape[0] for picture in pictures)
    white = np.full((height, gap, 3), 255, np.float32)
    row = []
    for picture in pictures:
        width = max(1, round(picture.shape[1] * height / picture.shape[0]))
        row += [resize(picture, (height, width)), white]
    return np.concatenate(row[:-1], axis=1)
