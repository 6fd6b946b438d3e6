"""Clips as files: what comes out is what went in, or one sentence says why not."""

import os
import signal
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from style_workshop import IMAGES, WorkshopError, images
from style_workshop.__main__ import main
from style_workshop.video import clips

av = pytest.importorskip("av")
ROOT = Path(__file__).resolve().parent.parent
#: Not evenly spaced: a variable frame rate.
SECONDS = (0.0, 0.04, 0.12, 0.2, 0.36, 0.44, 0.5)


def soft(number: int, height: int = 33, width: int = 49) -> np.ndarray:
    """A soft picture with colors of its own for each number."""
    y, x = np.mgrid[:height, :width] / 50
    waves = [np.sin(3 * x + number), np.cos(2 * y + number / 2), np.sin(x + y)]
    return np.float32(128 + 90 * np.stack(waves, -1))


def frames(count: int = 6) -> dict[int, np.ndarray]:
    return {number: soft(number) for number in range(count)}


def tone(path: Path, codec: str = "aac") -> Path:
    """Half a second of 440 Hz."""
    rate = 44100
    wave = np.int16(9000 * np.sin(2 * np.pi * 440 * np.arange(rate // 2) / rate))
    with av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=rate)
        heard = av.AudioFrame.from_ndarray(wave[None], format="s16", layout="mono")
        heard.sample_rate, heard.pts, heard.time_base = rate, 0, Fraction(1, rate)
        for one in [heard, None]:
            output.mux(stream.encode(one))
    return path


def make(path: Path, sound: bool = True) -> Path:
    """A clip of half a second, with the tone."""
    heard = tone(path.with_name("tone.mp4")) if sound else None
    clips.write(frames(), clips.About(SECONDS), path, sound=heard)
    return path


def tone_of(path: Path) -> tuple[float, float]:
    """The strongest frequency that is heard, and how long it lasts."""
    with av.open(str(path)) as container:
        rate = container.streams.audio[0].codec_context.sample_rate
        parts = [f.to_ndarray().astype(float) for f in container.decode(audio=0)]
        wave = np.concatenate([p.reshape(p.shape[0], -1)[0] for p in parts])
    strength = np.abs(np.fft.rfft(wave))
    return np.fft.rfftfreq(len(wave), 1 / rate)[strength.argmax()], len(wave) / rate


def test_pictures_colors_and_times_come_back(tmp_path):
    clips.write(frames(), clips.About(SECONDS), tmp_path / "a.mp4")
    about = clips.unpack(tmp_path / "a.mp4", tmp_path / "frames")
    np.testing.assert_allclose(about.seconds[:-1], SECONDS[:-1], atol=1e-3)
    kept = clips.Frames(tmp_path / "frames")
    assert len(kept) == len(about) == 6
    assert kept[0].shape == (34, 50, 3)  # an odd side is made even
    for number, picture in frames().items():
        error = np.abs(kept[number][:33, :49] - picture)
        assert error.mean() < 3, number


@pytest.mark.parametrize("rate", [24, 25, Fraction(30000, 1001), 12.5])
def test_a_clip_is_as_long_as_it_was(tmp_path, rate):
    seconds = tuple(float(number / rate) for number in range(7))
    clips.write(frames(), clips.About(seconds), tmp_path / "a.mp4")
    about = clips.unpack(tmp_path / "a.mp4", tmp_path / "frames")
    np.testing.assert_allclose(about.seconds, seconds, atol=1e-3)
    with av.open(str(tmp_path / "a.mp4")) as container:
        stream = container.streams.video[0]
        long = float(stream.duration * stream.time_base)
    assert long == pytest.approx(seconds[-1], abs=1e-3)


@pytest.mark.parametrize("codec", ["aac", "pcm_s16le", "flac", "libmp3lame"])
@pytest.mark.parametrize("ending", [".mp4", ".mkv"])
def test_sound_is_kept(tmp_path, codec, ending):
    heard, target = tone(tmp_path / "tone.mkv", codec), tmp_path / f"b{ending}"
    clips.write(frames(), clips.About(SECONDS), target, sound=heard)
    frequency, seconds = tone_of(target)
    assert frequency == pytest.approx(440, abs=5)
    assert seconds == pytest.approx(0.5, abs=0.06)
    assert len(clips.unpack(target, tmp_path / "frames")) == 6


def test_few_frames_have_as_much_sound(tmp_path):
    source = make(tmp_path / "a.mp4")
    about = clips.unpack(source, tmp_path / "frames", most=3, size=20)
    assert len(about) == 3
    kept = clips.Frames(tmp_path / "frames")
    assert max(kept[0].shape) == 20
    clips.write(kept, about, tmp_path / "b.mp4", sound=source)
    assert tone_of(tmp_path / "b.mp4")[1] < 0.3


def test_a_clip_without_sound_stays_so(tmp_path):
    source = make(tmp_path / "a.mp4", sound=False)
    clips.write(frames(), clips.About(SECONDS), tmp_path / "b.mp4", sound=source)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert not container.streams.audio


def test_numbered_frames_are_read_in_the_order_of_their_numbers(tmp_path):
    for number in (2, 10, 1):
        images.save(soft(number), tmp_path / f"shot-{number}.png")
    (tmp_path / "notes-3.txt").write_text("no frame")
    images.save(soft(5), tmp_path / "cover.png")
    about = clips.unpack(tmp_path, tmp_path / "out", frames_a_second=10)
    np.testing.assert_allclose(about.seconds, [0, 0.1, 0.2, 0.3])
    kept = clips.Frames(tmp_path / "out")
    for place, number in enumerate((1, 2, 10)):
        assert np.abs(kept[place] - soft(number)).max() <= 0.5


def test_what_was_unpacked_is_not_unpacked_again(tmp_path):
    source = make(tmp_path / "a.mp4", sound=False)
    first = clips.unpack(source, tmp_path / "frames")
    source.unlink()
    assert clips.unpack(source, tmp_path / "frames") == first


def test_pictures_by_number_are_a_mapping_on_disk(tmp_path):
    kept = clips.Frames(tmp_path / "new")
    kept[3] = soft(0) + 0.4
    assert list(kept) == [3] and 3 in kept and 0 not in kept
    assert np.abs(kept[3] - soft(0)).max() <= 1
    assert kept.get(0) is None
    del kept[3]
    assert not kept


def refused(tmp_path, name: str, content: bytes | None) -> str:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WorkshopError) as error:
        clips.require_readable(path)
    assert str(error.value).endswith(".") and "\n" not in str(error.value)
    return str(error.value)


def test_what_is_no_clip_is_refused_in_a_sentence(tmp_path):
    assert "There is no file" in refused(tmp_path, "none.mp4", None)
    assert "empty (0 bytes)" in refused(tmp_path, "a.mp4", b"")
    assert "no video, damaged" in refused(tmp_path, "b.mp4", b"hello" * 99)
    (tmp_path / "folder").mkdir()
    assert "has no frames" in refused(tmp_path, "folder", None)


def test_a_clip_that_is_cut_off_is_refused(tmp_path):
    content = make(tmp_path / "a.mp4").read_bytes()
    assert "cut off" in refused(tmp_path, "b.mp4", content[: len(content) // 2])


def test_sound_alone_is_no_clip(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as output:
        tone = output.add_stream("aac", rate=44100)
        heard = av.AudioFrame.from_ndarray(
            np.zeros((1, 2048), np.int16), format="s16", layout="mono"
        )
        heard.sample_rate, heard.pts = 44100, 0
        for one in [heard, None]:
            output.mux(tone.encode(one))
    assert "has no pictures" in refused(tmp_path, "a.mp4", None)


def test_damaged_clips_give_frames_or_a_sentence(tmp_path, mutations):
    content = make(tmp_path / "a.mp4").read_bytes()
    for number, damaged in enumerate(mutations(content, 40, 5)):
        path = tmp_path / "damaged.mp4"
        path.write_bytes(damaged)
        try:
            assert len(clips.unpack(path, tmp_path / str(number))) >= 1
        except WorkshopError as error:
            assert "\n" not in str(error)


def test_a_codec_that_is_not_known_is_refused(tmp_path):
    content = make(tmp_path / "a.mp4", sound=False).read_bytes()
    assert content.count(b"avc1\0\0") == 1  # the name of the codec
    content = content.replace(b"avc1\0\0", b"zzz9\0\0")
    assert "codec that is not known here" in refused(tmp_path, "b.mp4", content)


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_clip_that_was_held_upright_is_turned(tmp_path, quarters):
    """Telephones write what the sensor sees, and how far to turn it clockwise."""
    make(tmp_path / "a.mp4", sound=False)
    plain = clips.unpack(tmp_path / "a.mp4", tmp_path / "plain")
    across, down = ((1, 0), (0, 1), (-1, 0), (0, -1))[quarters]

    def matrix(a, b):
        rows = [[a, b, 0], [-b, a, 0], [0, 0, 1 << 14]]  # where x and y go
        return (np.array(rows) << 16).astype(">i4").tobytes()

    content = (tmp_path / "a.mp4").read_bytes()
    track = content.index(b"tkhd")
    turned = content[track:].replace(matrix(1, 0), matrix(across, down), 1)
    (tmp_path / "b.mp4").write_bytes(content[:track] + turned)
    assert len(clips.unpack(tmp_path / "b.mp4", tmp_path / "turned")) == len(plain)
    frame = clips.Frames(tmp_path / "turned")[0]
    expected = np.rot90(clips.Frames(tmp_path / "plain")[0], -quarters)
    np.testing.assert_array_equal(frame, expected)


def test_frames_of_different_sizes_are_refused(tmp_path):
    images.save(soft(0), tmp_path / "1.png")
    images.save(soft(0, 40, 40), tmp_path / "2.png")
    with pytest.raises(WorkshopError, match="Frame 2 of .* another size"):
        clips.unpack(tmp_path, tmp_path / "out")


@pytest.mark.parametrize("name", ["a.avi", "a.jpg", "missing/../nowhere.txt"])
def test_a_name_that_holds_no_video_is_refused(tmp_path, name):
    with pytest.raises(WorkshopError, match="cannot hold a video"):
        clips.require_writable(tmp_path / name)


def test_a_damaged_clip_does_not_hang_as_it_is_closed(tmp_path):
    """FFmpeg's threads find the damage of the next frames meanwhile, and say so."""
    path, random = tmp_path / "a.mp4", np.random.default_rng(0)
    noisy = {
        number: soft(number, 240, 320) + random.normal(0, 9, (240, 320, 3))
        for number in range(6)
    }
    clips.write(noisy, clips.About(SECONDS), path)
    content = bytearray(path.read_bytes())
    with av.open(str(path)) as container:
        packets = list(container.demux(video=0))[1:-1]  # the last one only ends it
    for packet in packets:
        end = packet.pos + packet.size
        for byte in range(end - packet.size // 2, end, 50):
            content[byte] ^= 0x5A
    path.write_bytes(content)
    code = "import sys; from style_workshop.video import clips\n"
    code += "for _ in range(20): clips.require_readable(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, path], check=True, timeout=120)


# --- the command ----------------------------------------------------------------------


def test_a_clip_with_sound_goes_in_and_comes_out_painted(tmp_path, capsys):
    source = make(tmp_path / "a.mp4")
    given = ["video", str(source), "mosaic", "--method", "fast", "-o"]
    assert main([*given, str(tmp_path / "b.mp4"), "--size", "48"]) == 0
    about = clips.unpack(tmp_path / "b.mp4", tmp_path / "frames")
    np.testing.assert_allclose(about.seconds[:-1], SECONDS[:-1], atol=1e-3)
    assert tone_of(tmp_path / "b.mp4")[0] == pytest.approx(440, abs=5)
    assert not (tmp_path / "b.mp4.unfinished").exists()
    assert "Wrote" in capsys.readouterr().out


def test_a_run_with_other_options_is_refused_and_the_same_goes_on(tmp_path, capsys):
    source = make(tmp_path / "a.mp4")
    output = tmp_path / "painted"
    given = ["video", str(source), "mosaic", "--method", "fast", "-o", str(output)]
    given += ["--size", "48"]
    work = tmp_path / "painted.unfinished"
    # As a run that was ended after two frames leaves it: marked, to be known again.
    from style_workshop.video import passes

    def ended(frames, painter, pictures):
        for number in (0, 1):
            pictures[number] = np.full_like(frames[number], 10 * (number + 1))
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passes, "paint_clip", ended)
        assert main(given) == 130
    assert "goes on from there" in capsys.readouterr().out
    assert main([*given, "--steady", "0.6"]) == 1
    assert "other options" in capsys.readouterr().err
    assert main(given) == 0 and not work.exists()
    kept = clips.Frames(output)
    assert len(kept) == 6 and kept[0].max() == 10 and kept[1].max() == 20


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["none.mp4", "mosaic", "-o", "b.mp4", "--method", "fast"], "no file none.mp4"),
        (["none.mp4", "no.jpg", "-o", "b.mp4"], "There is no file no.jpg"),
        (["none.mp4", "net.npz", "-o", "b.mp4"], "add --method fast"),
        (["none.mp4", "mosaic", "-o", "b.gif"], "cannot hold a video"),
    ],
)
def test_what_cannot_work_is_refused_before_tensorflow(arguments, sentence, capsys):
    assert main(["video", *arguments]) == 1
    assert sentence in capsys.readouterr().err


class Flat:
    """Paints every frame in one gray, and notes what it was shown."""

    lags = (1,)
    seen: dict = {}

    def __init__(self, first):
        self.seen.update(first=first, frames=[])

    def steps(self, first: bool) -> int:
        return 1

    def paint(self, frame, past, step_done):
        self.seen["frames"].append(frame)
        return np.full_like(frame, 140)


@pytest.mark.parametrize("method", ["gatys", "fast"])
def test_the_colors_of_the_clip_are_kept(tmp_path, monkeypatch, method):
    """The luminance is what was painted, the chroma that of each frame."""
    from style_workshop import color
    from style_workshop.commands import video

    monkeypatch.setitem(video.METHODS, method, lambda options: Flat)
    for number in range(3):
        images.save(soft(number, 32, 48), tmp_path / "clip" / f"{number}.png")
    given = ["video", str(tmp_path / "clip"), "mosaic", "-o", str(tmp_path / "out")]
    assert main([*given, "--method", method, "--color", "luminance"]) == 0
    kept = clips.Frames(tmp_path / "out")
    for number in range(3):
        frame = images.read(tmp_path / "clip" / f"{number}.png")
        expected = frame + (140 - color.luminance(frame))[..., None]
        np.testing.assert_allclose(kept[number], np.clip(expected, 0, 255), atol=0.6)
        shown = Flat.seen["frames"][number]
        # A network sees colors, as in its training; the other methods see gray.
        wanted = frame if method == "fast" else color.gray(color.luminance(frame))
        np.testing.assert_allclose(shown, wanted, atol=0.01)
    first = images.read(tmp_path / "clip" / "0.png")
    np.testing.assert_array_equal(Flat.seen["first"], first)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["none", "linear"])
def test_adain_paints_each_frame_and_holds_them_together(
    tmp_path, network, monkeypatch, mode
):
    from style_workshop import adain, color, weights

    monkeypatch.setattr(weights, "pretrained", lambda name: network)
    for number in range(2):
        images.save(soft(number / 9, 32, 48), tmp_path / "clip" / f"{number}.png")
    style = IMAGES / "style" / "mosaic.jpg"
    given = ["video", str(tmp_path / "clip"), str(style), "--method", "adain"]
    given += ["--size", "48", "--alpha", "0.7", "--color", mode]
    for name, steady in (("alone", "0"), ("steady", "0.5")):
        out = ["-o", str(tmp_path / name), "--steady", steady]
        assert main([*given, *out]) == 0
    alone, steady = (clips.Frames(tmp_path / name) for name in ("alone", "steady"))
    first = images.read(tmp_path / "clip" / "0.png")
    _, prepared = color.prepare(first, images.read(style, 48), mode)
    for number in range(2):
        frame = images.read(tmp_path / "clip" / f"{number}.png")
        expected = adain.stylize(network, adain.load(), frame, prepared, alpha=0.7)
        np.testing.assert_allclose(alone[number], expected, atol=1)
    np.testing.assert_array_equal(alone[0], steady[0])
    assert not np.array_equal(alone[1], steady[1])


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (["--method", "fast", "--color", "linear"], "of the colors, luminance"),
        (["--method", "fast", "--passes", "2"], "--passes goes with --method gatys"),
        (["--method", "adain"], "There is no file mosaic"),
    ],
)
def test_what_a_method_does_not_know_is_refused(tmp_path, capsys, given, sentence):
    images.save(soft(0), tmp_path / "clip" / "1.png")
    command = ["video", str(tmp_path / "clip"), "mosaic", "-o", str(tmp_path / "out")]
    assert main([*command, *given]) == 1
    assert sentence in capsys.readouterr().err


def test_deepflow_is_refused_before_a_frame_is_painted(tmp_path, capsys, monkeypatch):
    monkeypatch.delattr("cv2.optflow", raising=False)
    given = ["none.mp4", "mosaic", "-o", str(tmp_path / "b.mp4"), "--method", "fast"]
    assert main(["video", *given, "--flow", "deepflow"]) == 1
    assert "no DeepFlow" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        ["mosaic", "--method", "fast"],
        [IMAGES / "style" / "mosaic.jpg", "--first-steps", "2", "--steps", "2"],
    ],
    ids=["fast", "gatys"],
)
def test_kill_costs_one_frame(tmp_path, request, way):
    if "fast" not in way:
        request.getfixturevalue("pretrained")  # or skip
    for number in range(6):
        images.save(soft(number, 48, 64), tmp_path / "clip" / f"{number}.png")
    command = [sys.executable, "-m", "style_workshop", "video", tmp_path / "clip"]
    command += [*way, "-o", tmp_path / "out"]
    process = subprocess.Popen(command, cwd=ROOT)
    painted = clips.Frames(tmp_path / "out.unfinished" / "painted")
    limit = time.monotonic() + 300
    while len(painted) < 2 and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL if os.name != "nt" else signal.SIGTERM)
    process.wait()
    before = {n: painted.path(n).stat().st_mtime_ns for n in painted}
    assert len(before) >= 2 or (tmp_path / "out").exists()
    assert subprocess.run(command, cwd=ROOT).returncode == 0
    kept = clips.Frames(tmp_path / "out")
    assert len(kept) == 6
    assert all(kept.path(n).stat().st_mtime_ns == t for n, t in before.items())
