"""Animations: written whole, read back frame by frame, or refused."""

import numpy as np
import pytest
from PIL import Image

from style_workshop import __version__, animations
from style_workshop.images import PictureError, read_settings

Y, X = np.mgrid[:20, :30].astype(np.float32)
FRAMES = [np.stack([8 * X, 12 * Y, 0 * X + 60 * i], -1) for i in range(4)]


@pytest.mark.parametrize("ending", [".gif", ".webp", ".WEBP"])
def test_frames_come_back_in_their_order_with_their_time(tmp_path, ending):
    path = tmp_path / "new" / f"x{ending}"
    animations.save(FRAMES, path, milliseconds=80)
    with Image.open(path) as animation:
        assert animation.n_frames == 4 and animation.info["loop"] == 0
        for i, frame in enumerate(FRAMES):
            animation.seek(i)
            found = np.asarray(animation.convert("RGB"), np.float32)
            assert np.abs(found - frame).mean() < 12
        assert animation.info["duration"] == 80
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_the_settings_are_kept(tmp_path):
    settings = {"photo": "temple.jpg", "layers": {"relu5_1": 1.0}}
    animations.save(FRAMES, tmp_path / "x.webp", settings=settings)
    noted = read_settings(tmp_path / "x.webp")
    assert noted == {**settings, "versions": noted["versions"]}
    assert noted["versions"]["style_workshop"] == __version__
    animations.save(FRAMES, tmp_path / "x.gif", settings=settings)
    assert animations.read_settings(tmp_path / "x.gif") == noted
    assert animations.read_settings(tmp_path / "x.webp") == noted


def test_what_cannot_be_written_is_refused(tmp_path):
    for path, message in (
        ("x.png", "end its name in .gif or .webp"),
        ("none", "end its name in .gif or .webp"),
        ("folder.gif", "is a folder"),
    ):
        (tmp_path / "folder.gif").mkdir(exist_ok=True)
        with pytest.raises(PictureError, match=message):
            animations.save(FRAMES, tmp_path / path)
    for frames in ([], [FRAMES[0], FRAMES[1][:9]], [FRAMES[0][..., 0]]):
        with pytest.raises(PictureError, match="pictures .* of one size"):
            animations.save(frames, tmp_path / "x.gif")
    assert not (tmp_path / "x.gif").exists()
