"""From a picture file to a small array, quickly: what `batches` does for each file.

A plain JPEG, which nearly every file of a data set is, takes the fast path:
libjpeg-turbo (simplejpeg) decodes it to the nearest of 1/1, 1/2, 1/4 and 1/8 of its
size, and OpenCV brings that to the size asked for. Everything else, and every JPEG
that is turned, has its own color profile or is damaged, takes the careful path of
`images.open_rgb`. Both give the same picture.
"""

import os
import struct
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from style_workshop import images
from style_workshop.images import PictureError

RESHAPE_MODES = ("resize", "crop", "random_crop")
#: Color mode: the name simplejpeg has for it, and the number of channels.
COLOR_MODES = {"rgb": ("RGB", 3), "bgr": ("BGR", 3), "grayscale": ("GRAY", 1)}
#: By how much a JPEG may be decoded smaller, and how large the outcome must still be,
#: relative to the size asked for. Half of 640x480 is enough for 256x256, although it
#: is a sixteenth too low: that saves a third of the work on most of COCO. Photographs
#: then are 35 to 38 dB from those decoded whole and shrunk by Pillow's bilinear filter,
#: as far as that is from its Lanczos filter; pictures of hard edges 30 to 34 dB.
#: 1/4 and 1/8 blur less evenly, and so have to leave more to the filter.
FACTORS = {8: 1.5, 4: 1.5, 2: 15 / 16}
#: Up to this ratio a picture is sampled as it is: a filter would gain 0.6 dB.
SMOOTH_FROM = 1.25
#: From this ratio on the short filter of `_shrink` lets patterns through.
SMOOTH_TO = 2.75


@dataclass(frozen=True)
class Decoder:
    """How a file becomes ``[h, w, c]`` uint8; one object serves all threads.

    Args:
        reshape_mode: ``'resize'``, ``'crop'`` or ``'random_crop'``, see `window`.
        target_size: ``(h, w)`` in pixels.
        color_mode: ``'rgb'``, ``'bgr'`` or ``'grayscale'`` (``c`` = 1).
        short_side: of the whole picture, before a window of it is taken; only for
            ``'random_crop'``.
        antialias: False samples four pixels for each new one, as `tf.image.resize`
            and Keras do unless told otherwise; fine patterns then shimmer.
    """

    reshape_mode: str
    target_size: tuple[int, int]
    color_mode: str
    short_side: int | None = None
    antialias: bool = True

    @property
    def shape(self) -> tuple[int, int, int]:
        return *self.target_size, COLOR_MODES[self.color_mode][1]

    def load(self, path: str, place: tuple[float, float] = (0.5, 0.5)) -> np.ndarray:
        """Read a file as ``[h, w, c]`` uint8.

        Args:
            place: where a random window lies, down and across, each in ``[0, 1)``.

        Raises:
            PictureError: missing, empty, damaged, no picture, or too large.
        """
        if os.path.exists(path) and not os.path.isfile(path):
            raise PictureError(f"{path} is no file: leave it out.")
        whole = self._fast(path)
        if whole is None:
            whole = self._careful(path)
        top, left, height, width = self.window(whole.shape[0], whole.shape[1], place)
        cut = whole[top : top + height, left : left + width]
        return _resized(cut, self.target_size, self.antialias).reshape(self.shape)

    def window(
        self, height: int, width: int, place: tuple[float, float] = (0.5, 0.5)
    ) -> tuple[int, int, int, int]:
        """Say which part of a picture is shown: top, left, height, width in pixels.

        ``'resize'``: all of it; its aspect changes. ``'crop'``: the largest part in
        the middle that has the target's aspect. ``'random_crop'``: what a window of
        the target's size shows once the picture's short side is `short_side`. It is
        cut before resizing, which gives the same picture for a fraction of the work.
        """
        if self.reshape_mode == "resize":
            return 0, 0, height, width
        tall, wide = self.target_size
        scale = min(height / tall, width / wide)
        if self.reshape_mode == "random_crop" and self.short_side:
            scale = min(height, width) / self.short_side
        else:
            place = 0.5, 0.5
        cut_height = min(height, max(1, round(tall * scale)))
        cut_width = min(width, max(1, round(wide * scale)))
        top = int(place[0] * (height - cut_height + 1))
        left = int(place[1] * (width - cut_width + 1))
        return top, left, cut_height, cut_width

    def _fast(self, path: str) -> np.ndarray | None:
        """Decode a plain JPEG, at a scale of 1/8 to 1; None where it is not plain."""
        try:
            with open(path, "rb", buffering=0) as file:
                start = file.read(3)
                if start != b"\xff\xd8\xff":
                    return None
                content = start + file.readall()
            height, width, colors, _ = simplejpeg.decode_jpeg_header(content)
            if colors not in ("YCbCr", "Gray") or not _is_plain(content, colors):
                return None
            if height * width > 2 * (Image.MAX_IMAGE_PIXELS or 0):
                return None  # refused in a sentence by the careful path
            factor = self._factor(height, width)
            return simplejpeg.decode_jpeg(
                content,
                COLOR_MODES[self.color_mode][0],
                min_height=-(-height // factor),
                min_width=-(-width // factor),
            )
        # Damaged, or of a kind that libjpeg-turbo does not read: Pillow has the last
        # word, and says what is wrong.
        except (OSError, ValueError, MemoryError):
            return None

    def _factor(self, height: int, width: int) -> int:
        """The largest of 1, 2, 4, 8 by which a JPEG may be decoded smaller."""
        if not self.antialias:
            return 1
        _, _, height, width = self.window(height, width)
        tall, wide = self.target_size
        spare = min(height / tall, width / wide)
        fitting = (f for f, rest in FACTORS.items() if spare >= f * rest)
        return next(fitting, 1)

    def _careful(self, path: str) -> np.ndarray:
        picture = images.open_rgb(path)
        if self.color_mode == "grayscale":
            return np.asarray(picture.convert("L"))
        pixels = np.asarray(picture)
        return pixels if self.color_mode == "rgb" else pixels[..., ::-1]


# --- which JPEGs are plain ----------------------------------------------------------


def _is_plain(content: bytes, colors: str) -> bool:
    """Is a JPEG upright and sRGB? Reads its segments up to the first picture data."""
    place = 2
    while place + 4 <= len(content):
        marker = content[place + 1]
        if content[place] != 0xFF or marker == 0xFF or 0xD0 <= marker <= 0xD9:
            return False  # legal or not, rare
        if marker == 0xDA:
            return True
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        # APP1 holds EXIF or XMP, APP2 a color profile.
        if marker == 0xE1 and not _is_upright(content[place + 4 : end]):
            return False
        if marker == 0xE2 and not _is_srgb(content[place + 4 : end], colors):
            return False
        place = end
    return False


def _is_upright(segment: bytes) -> bool:
    """Is the orientation 1, or not said? Looks into the first list of EXIF's tags."""
    if not segment.startswith(b"Exif\0\0"):
        return b"Orientation" not in segment  # XMP can turn a picture, too
    exif = segment[6:]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    try:
        (start,) = struct.unpack_from(f"{order}I", exif, 4)
        (count,) = struct.unpack_from(f"{order}H", exif, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, kind, values, value = struct.unpack_from(f"{order}HHIH", exif, entry)
            if tag == 0x0112 and (kind, values, value) != (3, 1, 1):
                return False
    except struct.error:  # broken or cut off: `images` knows what to make of it
        return False
    return True


@lru_cache(maxsize=64)  # the pictures of one camera have one profile
def _is_srgb(segment: bytes, colors: str) -> bool:
    """Does a profile leave all colors where they are, to within two levels of 255?"""
    if not segment.startswith(b"ICC_PROFILE\0"):
        return True
    if segment[12:14] != b"\x01\x01":
        return False  # in several parts
    levels = np.arange(256, dtype=np.uint8)[None]
    if colors == "YCbCr":
        levels = np.stack(np.meshgrid(*[levels[0, ::17]] * 3), -1).reshape(1, -1, 3)
    picture = Image.fromarray(levels)
    picture.info["icc_profile"] = segment[14:]
    shown = images.to_srgb(picture)  # what the careful path would do
    if shown is None:
        return True
    plain = np.asarray(picture.convert("RGB"), np.int16)
    return bool(np.abs(np.asarray(shown, np.int16) - plain).max() <= 2)


# --- resizing -----------------------------------------------------------------------


def _resized(pixels: np.ndarray, size: tuple[int, int], antialias: bool) -> np.ndarray:
    """Bring ``[h, w, 3]`` or ``[h, w]`` uint8 to ``size``, bilinearly.

    With ``antialias`` it stays within 41 dB of Pillow's antialiased bilinear filter,
    and takes a quarter of the time.
    """
    height, width = pixels.shape[0] / size[0], pixels.shape[1] / size[1]
    pixels = np.ascontiguousarray(pixels)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if antialias and max(height, width) > SMOOTH_TO:
        picture = Image.fromarray(pixels)
        return np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR))
    if antialias and max(height, width) > SMOOTH_FROM:
        pixels = cv2.sepFilter2D(
            pixels, -1, _smooth(width), _smooth(height), borderType=cv2.BORDER_REPLICATE
        )
    return cv2.resize(pixels, size[::-1], interpolation=cv2.INTER_LINEAR)


def _smooth(ratio: float) -> np.ndarray:
    """Three weights, after which sampling bilinearly is as good as with a wide filter.

    A triangle ``2 * ratio`` pixels wide is the antialiased filter, and has the variance
    ``ratio ** 2 / 6``. Sampling contributes 1/6 of it, these weights the rest.
    """
    side = min(0.25, max(0.0, (ratio**2 - 1) / 12))
    return np.array([side, 1 - 2 * side, side], np.float32)
