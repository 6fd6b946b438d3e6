"""Clips as files: videos with sound (PyAV), and folders of numbered frames.

A clip is unpacked into a folder of PNG files before any long work: what is damaged is
found then, any frame can be read again, and memory does not grow with the clip.
"""

import contextlib
import json
import re
from collections.abc import Generator, Iterator, MutableMapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from style_workshop import WorkshopError, images
from style_workshop.files import atomic_write

#: Files that `write` makes.
ENDINGS = (".mp4", ".mov", ".mkv")
#: Pictures that count as frames of a folder.
FRAME_ENDINGS = (*images.FORMATS, ".bmp", ".gif")
#: Of numbered frames, which do not say it.
FRAMES_A_SECOND = 25.0
#: Sound that all `ENDINGS` can hold as it is; other sound is encoded again.
_COPIED = ("aac", "mp3", "ac3", "eac3")


def _av():
    """Import PyAV; it is in an extra, since only videos need it."""
    try:
        import av
    except ImportError:
        raise WorkshopError(
            "Videos need the package av: `pip install av`, or give a folder of "
            "numbered frames."
        ) from None
    # Any other level has FFmpeg's threads call Python, also to drop what they say. They
    # would wait for it for ever while a clip is closed, which waits for them.
    av.logging.set_level(None)
    return av


class Frames(MutableMapping):
    """Pictures by number from 0, as PNG files ``000001.png``, ... of a folder.

    Reading gives ``[h, w, 3]`` float32; writing rounds to whole gray levels, so that a
    run that goes on reads what one that was never ended has.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)

    def path(self, number: int) -> Path:
        """Give where a picture lies."""
        return self.folder / f"{number + 1:06d}.png"

    def __getitem__(self, number: int) -> np.ndarray:
        if number not in self:
            raise KeyError(number)
        return images.read(self.path(number))

    def __setitem__(self, number: int, picture: np.ndarray) -> None:
        images.save(picture, self.path(number))

    def __delitem__(self, number: int) -> None:
        self.path(number).unlink()

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int) and self.path(number).is_file()

    def __iter__(self) -> Iterator[int]:
        names = sorted(self.folder.glob("[0-9]*.png"))
        return iter([int(path.stem) - 1 for path in names])

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True)
class About:
    """What is known of a clip beside its pictures.

    ``seconds`` says when each frame is shown, and when the last one ends: one number
    more than there are frames.
    """

    seconds: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.seconds) - 1


def unpack(
    source: str | Path,
    folder: str | Path,
    *,
    size: int | None = None,
    most: int | None = None,
    frames_a_second: float | None = None,
) -> About:
    """Unpack a clip into `Frames`; at once where that has been done before.

    Args:
        source: a video, or a folder of pictures whose names end in numbers.
        folder: where the frames go.
        size: longest side in pixels; None keeps the size. Nothing is enlarged.
        most: so many frames from the first; None takes all.
        frames_a_second: of a folder, 25 unless given; a video knows its own.

    Raises:
        WorkshopError: no such clip, no frames, a damaged or cut off one, or one whose
            codec is not known here.
    """
    note = Path(folder) / "clip.json"
    if note.is_file():
        return About(tuple(json.loads(note.read_text())["seconds"]))
    source, frames = Path(source), Frames(folder)
    seconds: list[float] = []
    if source.is_dir():
        read = _pictures(source, frames_a_second or FRAMES_A_SECOND)
    else:
        read = _video(source)
    shape = None
    for number, (picture, start, end) in enumerate(read):
        if number == most:
            break
        picture = _smaller(picture, size)
        shape = shape or picture.shape
        if picture.shape != shape:
            raise WorkshopError(
                f"Frame {number + 1} of {source} has another size than the first: "
                "make all of one size."
            )
        frames[number] = picture
        seconds[number:] = [start, end]
    if not seconds:
        raise WorkshopError(f"{source} has no frames: give a clip with pictures in it.")
    about = About(tuple(seconds))
    with atomic_write(note) as part:
        part.write_text(json.dumps(asdict(about)))
    return about


def require_readable(source: str | Path) -> None:
    """Refuse at once what is no clip; of a video the first frame is read.

    Raises:
        WorkshopError: as of `unpack`.
    """
    source = Path(source)
    frames = _pictures(source, 1.0) if source.is_dir() else _video(source)
    with contextlib.closing(frames):
        if next(frames, None) is None:
            raise WorkshopError(
                f"{source} has no frames: give a clip with pictures in it."
            )


def _smaller(picture: np.ndarray, size: int | None) -> np.ndarray:
    if size is None or max(picture.shape[:2]) <= size:
        return picture
    return images.resize(picture, size)


def _pictures(folder: Path, frames_a_second: float) -> Generator:
    """Read the pictures of a folder in the order of the numbers in their names."""
    numbered = []
    for path in folder.iterdir():
        found = re.search(r"(\d+)$", path.stem)
        if found and path.suffix.lower() in FRAME_ENDINGS:
            numbered.append((int(found[1]), path.name))
    for place, (_, name) in enumerate(sorted(numbered)):
        yield (
            images.read(folder / name),
            place / frames_a_second,
            (place + 1) / frames_a_second,
        )


def _video(path: Path) -> Generator:
    """Decode a video, frame by frame: picture, start and end in seconds."""
    if not path.exists():
        raise WorkshopError(f"There is no file {path}: check its name and folder.")
    if not path.stat().st_size:
        raise WorkshopError(f"{path} is empty (0 bytes): fetch or export it again.")
    av = _av()
    try:
        with av.open(str(path)) as container:
            yield from _decode(container, path)
    except av.error.FFmpegError as error:
        raise WorkshopError(
            f"{path} is no video, damaged or cut off ({error.strerror or error}): "
            "fetch or export it again."
        ) from error


def _decode(container, path: Path) -> Iterator:
    if not container.streams.video:
        raise WorkshopError(f"{path} has no pictures: give a clip with frames in it.")
    stream = container.streams.video[0]
    if stream.codec_context is None:
        raise WorkshopError(
            f"{path} is in a codec that is not known here: export it as H.264."
        )
    stream.thread_type = "AUTO"
    rate = float(stream.average_rate or FRAMES_A_SECOND)
    base, last = None, 0.0
    for frame in container.decode(stream):
        now = last if frame.time is None else float(frame.time)
        base = now if base is None else base
        start = max(now - base, 0.0)
        length = float(frame.duration or 0) * float(frame.time_base or 0) or 1 / rate
        turned = np.rot90(
            frame.to_ndarray(format="rgb24"), -(frame.rotation // -90) % 4
        )
        yield np.float32(turned), start, start + length
        last = now + length


# --- writing --------------------------------------------------------------------------


def require_writable(path: str | Path) -> None:
    """Refuse, before any long work, a name that `write` could not write to.

    A name without an ending is a folder, for numbered frames.

    Raises:
        WorkshopError: says what to use.
    """
    path = Path(path)
    if path.suffix and path.suffix.lower() not in ENDINGS:
        raise WorkshopError(
            f"{path} cannot hold a video: end its name in {', '.join(ENDINGS)}, or "
            "name a folder, without an ending, for numbered frames."
        )
    if path.suffix:
        _av()
        images.require_savable(path.with_suffix(".png"))  # the folder, and the name
        if path.is_dir():
            raise WorkshopError(f"{path} is a folder: name a file inside it.")


def write(
    frames: MutableMapping,
    about: About,
    path: str | Path,
    *,
    sound: str | Path | None = None,
) -> None:
    """Write a video (H.264), each frame when the clip shows it.

    Sides of an odd number of pixels, which the common form of H.264 does not have, are
    made even by repeating the last row or column.

    Args:
        frames: pictures ``[h, w, 3]``, 0-255, by number from 0; read one by one.
        about: of the clip, as `unpack` gives it.
        path: ends in one of `ENDINGS`.
        sound: a video whose sound is taken over, as long as the frames last.

    Raises:
        WorkshopError: it cannot be written.
    """
    require_writable(path)
    av = _av()
    try:
        with atomic_write(path) as part, av.open(str(part), "w") as output:
            _write(av, output, frames, about, sound)
    except av.error.FFmpegError as error:
        raise WorkshopError(
            f"Cannot write {path} ({error.strerror or error}): choose another folder, "
            f"or another of {', '.join(ENDINGS)}."
        ) from error


#: Ticks of a second: those of MPEG, which all common frame rates divide.
_TICKS = 90_000


def _write(av, output, frames, about: About, sound) -> None:
    # The last frame is shown as long as this rate says, whatever its own duration.
    rate = Fraction(len(about) / about.seconds[-1]).limit_denominator(1001)
    stream = output.add_stream("libx264", rate=rate, options={"crf": "16"})
    stream.time_base = stream.codec_context.time_base = Fraction(1, _TICKS)
    height, width = (side + side % 2 for side in frames[0].shape[:2])
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.colorspace = 1  # BT.709, as players expect it
    stream.codec_context.color_range = 1
    with contextlib.ExitStack() as stack:
        copy = None
        if sound is not None and not Path(sound).is_dir():
            source = stack.enter_context(av.open(str(sound)))
            copy = _sound(output, source, about.seconds[-1])
        for number in range(len(about)):
            frame = _frame(av, frames[number], (height, width))
            frame.pts = round(about.seconds[number] * _TICKS)
            ticks = (about.seconds[number + 1] - about.seconds[number]) * _TICKS
            frame.duration = round(ticks)
            frame.time_base = Fraction(1, _TICKS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
        for packets in copy or ():
            output.mux(packets)


def _frame(av, picture: np.ndarray, size: tuple[int, int]):
    more = [(0, wanted - has) for wanted, has in zip(size, picture.shape, strict=False)]
    array = np.pad(images.to_uint8(picture), [*more, (0, 0)], mode="edge")
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24")
    return frame.reformat(format="yuv420p", dst_colorspace="ITU709")


def _sound(output, source, seconds: float):
    """Add the stream of sound now; give what fills it, later, up to so many seconds."""
    if not source.streams.audio:
        return None
    heard = source.streams.audio[0]
    if heard.codec_context.name in _COPIED:
        stream = output.add_stream_from_template(heard)
        return _copied(source, heard, stream, seconds)
    stream = output.add_stream("aac", rate=heard.codec_context.sample_rate)
    return _encoded(source, heard, stream, seconds)


def _copied(source, heard, stream, seconds: float):
    for packet in source.demux(heard):
        if packet.dts is None or packet.pts * packet.time_base >= seconds:
            continue
        packet.stream = stream
        yield packet


def _encoded(source, heard, stream, seconds: float):
    for frame in source.decode(heard):
        if frame.time is not None and frame.time >= seconds:
            break
        yield stream.encode(frame)
    yield stream.encode(None)
