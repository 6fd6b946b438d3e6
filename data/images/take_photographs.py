"""Take the content photographs from the Python packages that ship them.

    python data/images/take_photographs.py [-o FOLDER]

Who took each photograph, and its licence, is in data/README.md. scikit-image and
scikit-learn are needed for this program only; the workshop itself does not use them.
"""

import argparse
import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

LONGEST_SIDE = 640
QUALITY = 88
FOLDER = Path(__file__).parent / "content"

# name of the picture: (package, the file inside it)
PHOTOGRAPHS = {
    "temple": ("sklearn", "datasets/images/china.jpg"),
    "flower": ("sklearn", "datasets/images/flower.jpg"),
    "cat": ("skimage", "data/chelsea.png"),
    "coffee": ("skimage", "data/coffee.png"),
    "astronaut": ("skimage", "data/astronaut.png"),
    "rocket": ("skimage", "data/rocket.jpg"),
}
INSTALL = {"sklearn": "scikit-learn", "skimage": "scikit-image"}


def packaged_file(package: str, file: str) -> Path:
    """Path of `file` inside an installed package; `SystemExit` if it is missing."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        raise SystemExit(
            f"{INSTALL[package]} is not installed, and {file} comes from it. "
            f"Install it with: python -m pip install {INSTALL[package]}"
        )
    path = Path(spec.submodule_search_locations[0]) / file
    if not path.is_file():
        raise SystemExit(
            f"The installed {INSTALL[package]} has no {file}. "
            "scikit-image 0.26 and scikit-learn 1.9 have every file used here."
        )
    return path


def take(path: Path) -> Image.Image:
    """Read a photograph as RGB, at most `LONGEST_SIDE` pixels long, without EXIF."""
    with Image.open(path) as photograph:
        photograph = photograph.convert("RGB")
    photograph.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return Image.fromarray(np.asarray(photograph))  # pixels only, no metadata


def main() -> None:
    """Write every photograph as a JPEG file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=FOLDER)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    for name, (package, file) in PHOTOGRAPHS.items():
        picture = take(packaged_file(package, file))
        target = folder / f"{name}.jpg"
        picture.save(target, quality=QUALITY, optimize=True)
        print(f"{target}  {picture.width} x {picture.height}")


if __name__ == "__main__":
    main()
