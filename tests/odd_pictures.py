"""A folder of odd pictures, as folders of photographs hold them, made by code.

All of the pictures that can be read show the same photograph, unless their name says
otherwise; `REFUSED` holds the others, with words of the sentence that refuses them.
"""

import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms

from style_workshop import IMAGES

#: What each EXIF orientation does to the stored picture to show it upright; from
#: where the standard says that row 0 and column 0 are: 6 is "right side, top".
TO_UPRIGHT = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored, 1),
}
#: From the upright picture to the stored one: all but two undo themselves.
FROM_UPRIGHT = TO_UPRIGHT | {6: TO_UPRIGHT[8], 8: TO_UPRIGHT[6]}

REFUSED = {
    "truncated_half.jpg": "damaged or cut off",
    "truncated_header.jpg": "damaged or cut off",
    "truncated.png": "damaged or cut off",
    "bad_crc.png": "damaged or cut off",
    "zero_bytes.jpg": "is empty",
    "text.jpg": "is not a picture (it begins with 'not a pic",
    "error_page.jpg": "is not a picture (it begins with '<!DOCTYPE",
    "bomb_20000x20000.png": "more than 179 megapixels",
    "bomb_header_only.png": "more than 179 megapixels",
}
#: Larger than Pillow likes, and read all the same; slow at its full size.
LARGE = "large_12000x8000.png"
#: Files that hold the photograph, and how far the mean of the differences may be.
SAME = {
    "plain.png": 0,
    "plain.bmp": 0,
    "plain.ppm": 0,
    "plain.webp": 4,
    "cmyk.jpg": 4,
    "lab.tif": 3,
    "palette.png": 8,
    "progressive.jpg": 4,
    "sampling_444.jpg": 3,
    "profile.jpg": 4,
    "orientation_0.jpg": 4,
    "large_exif.jpg": 4,
    "comment.jpg": 4,
    "animated.gif": 8,
    "animated.webp": 5,
    "pages.tif": 0,
    "PNG_named.JPG": 0,
    "jpeg_named.png": 4,
    "name with spaces.jpg": 4,
    "trailing_garbage.jpg": 4,
} | {f"orientation_{number}.jpg": 4 for number in TO_UPRIGHT}
#: Files that hold it in gray.
GRAY = {"gray.png": 0, "gray.jpg": 4, "gray_16bit.png": 1, "gray_float.tif": 1}
#: Files that hold it under a ramp, from clear on the left to opaque on the right.
RAMPED = {"alpha.png": 1, "alpha.webp": 1, "gray_alpha.png": 1}


def photograph() -> Image.Image:
    """What the files show: 96 by 64 pixels, RGB."""
    with Image.open(IMAGES / "content" / "temple.jpg") as picture:
        return picture.convert("RGB").resize((96, 64), Image.Resampling.LANCZOS)


def ramp() -> np.ndarray:
    """Opacity ``[64, 96]`` uint8 of what lies under `RAMPED`."""
    return np.uint8(np.linspace(0, 255, 96))[None].repeat(64, 0)


def make(folder: Path) -> Path:
    """Write all of them into a folder, which is made; give the folder back."""
    folder.mkdir(parents=True)
    photo = photograph()
    _other_encodings(folder, photo)
    _other_modes(folder, photo)
    _exif(folder, photo)
    _sequences(folder, photo)
    _damaged(folder, photo)
    _shapes(folder)
    _bombs(folder)
    return folder


def _other_encodings(folder: Path, photo: Image.Image) -> None:
    for ending in ("png", "bmp", "ppm", "webp"):
        photo.save(folder / f"plain.{ending}", quality=95)
    photo.save(folder / "progressive.jpg", progressive=True, quality=95)
    photo.save(folder / "sampling_444.jpg", subsampling=0, quality=95)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo.save(folder / "profile.jpg", icc_profile=profile, quality=95)
    photo.save(folder / "comment.jpg", comment=b"words" * 99, quality=95)
    photo.save(folder / "PNG_named.JPG", "PNG")
    photo.save(folder / "jpeg_named.png", "JPEG", quality=95)
    photo.save(folder / "name with spaces.jpg", quality=95)
    photo.save(folder / "no_ending", "JPEG", quality=95)
    photo.save(folder / ".hidden.jpg")
    (folder / "directory.jpg").mkdir()
    photo.save(folder / "directory.jpg" / "inside.jpg", quality=95)


def _other_modes(folder: Path, photo: Image.Image) -> None:
    gray, pixels = np.asarray(photo.convert("L")), np.asarray(photo)
    for ending in ("png", "jpg"):
        Image.fromarray(gray).save(folder / f"gray.{ending}", quality=95)
    Image.fromarray(gray.astype(np.uint16) * 257).save(folder / "gray_16bit.png")
    Image.fromarray(np.float32(gray) / 255).save(folder / "gray_float.tif")
    Image.fromarray(np.dstack([gray, ramp()])).save(folder / "gray_alpha.png")
    Image.fromarray(np.dstack([pixels, ramp()])).save(folder / "alpha.png")
    Image.fromarray(np.dstack([pixels, ramp()])).save(
        folder / "alpha.webp", lossless=True, exact=True
    )
    Image.fromarray(np.dstack([pixels, 0 * ramp()])).save(folder / "clear.png")
    palette = photo.quantize(64)
    palette.save(folder / "palette.png")
    palette.save(folder / "palette_transparent.png", transparency=0)
    photo.convert("1").save(folder / "bilevel.png")
    photo.convert("CMYK").save(folder / "cmyk.jpg", quality=95)
    srgb, lab = (ImageCms.createProfile(name) for name in ("sRGB", "LAB"))
    ImageCms.profileToProfile(photo, srgb, lab, outputMode="LAB").save(
        folder / "lab.tif"
    )


def _exif(folder: Path, photo: Image.Image) -> None:
    for number in (0, *TO_UPRIGHT):
        exif = Image.Exif()
        exif[0x0112] = number
        stored = FROM_UPRIGHT.get(number, TO_UPRIGHT[1])(np.asarray(photo))
        Image.fromarray(np.ascontiguousarray(stored)).save(
            folder / f"orientation_{number}.jpg", exif=exif, quality=95
        )
    exif = Image.Exif()
    exif[0x010E] = "words " * 5000
    photo.save(folder / "large_exif.jpg", exif=exif, quality=95)


def _sequences(folder: Path, photo: Image.Image) -> None:
    others = [Image.new("RGB", photo.size, color) for color in ("red", "blue")]
    for name in ("animated.gif", "animated.webp", "pages.tif"):
        photo.save(folder / name, save_all=True, append_images=others, quality=90)


def _damaged(folder: Path, photo: Image.Image) -> None:
    jpeg = (folder / "jpeg_named.png").read_bytes()
    png = (folder / "plain.png").read_bytes()
    middle = len(png) // 2
    contents = {
        "truncated_half.jpg": jpeg[: len(jpeg) // 2],
        "truncated_header.jpg": jpeg[:120],
        "truncated.png": png[:middle],
        "bad_crc.png": png[:middle] + bytes(64) + png[middle + 64 :],
        "trailing_garbage.jpg": jpeg + b"garbage" * 99,
        "zero_bytes.jpg": b"",
        "text.jpg": b"not a picture at all, in plain words",
        "error_page.jpg": b"<!DOCTYPE html><title>404 Not Found</title>",
    }
    for name, content in contents.items():
        (folder / name).write_bytes(content)


def _shapes(folder: Path) -> None:
    sizes = {"one_pixel": (1, 1), "two_wide": (2, 300), "wide": (4000, 20)}
    for name, size in (sizes | {"tall": (16, 3000)}).items():
        Image.new("RGB", size, "gray").save(folder / f"{name}.png")
        Image.new("RGB", size, "gray").save(folder / f"{name}.jpg")
    Image.new("RGB", (64, 48)).save(folder / "black.jpg")
    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), np.uint8)
    Image.fromarray(noise).save(folder / "noise.png")


def _bombs(folder: Path) -> None:
    for name, (width, height) in {
        "bomb_20000x20000.png": (20000, 20000),
        LARGE: (12000, 8000),
    }.items():
        rows = bytes(height * (1 + width // 8))  # a byte that names the filter, zeros
        (folder / name).write_bytes(_one_bit_png(width, height, rows))
    (folder / "bomb_header_only.png").write_bytes(_one_bit_png(65500, 65500, bytes(9)))


def _one_bit_png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )
