"""``python -m style_workshop video``: paint a clip so that it does not flicker [5]."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from style_workshop import WorkshopError, color, images
from style_workshop.commands.fast import network_and_blend
from style_workshop.commands.shared import (
    STARTS,
    add_alpha,
    add_color,
    add_dtype,
    add_output,
    dtype_of,
    file,
    network_path,
    number,
    one_of,
    share,
    side,
    weight,
    whole,
)
from style_workshop.commands.styles import refuse_networks
from style_workshop.files import atomic_write
from style_workshop.video import clips, flow

TEXT = "Paint a video in a style, without flicker (Ruder et al., 2016); sound is kept."
EXAMPLE = "clip.mp4 painting.jpg -o painted.mp4 --size 256"


def add_options(parser) -> None:
    add = parser.add_argument
    add("clip", type=file, help="a video, or a folder of numbered frames")
    add(
        "style",
        type=file,
        help="the picture whose style it takes; with --method fast the name of a "
        "network that comes with the workshop, or its .npz file",
    )
    add_output(
        parser,
        "where it goes: .mp4, .mov or .mkv, or a folder for numbered frames; a run "
        "that was ended goes on when the same command is given again",
    )
    add(
        "--method",
        default="gatys",
        **one_of(list(METHODS)),
        help="fast: a trained network, in a second or less a frame; adain: one pass in "
        "the style of any picture",
    )
    add("--size", type=side, default=256, help="longest side of the result, in pixels")
    add("--frames", type=whole(1), help="so many from the first; all unless given")
    add(
        "--fps",
        type=number(above=0, most=1000, such_as=25),
        help="frames a second of a folder of frames; 25 unless given",
    )
    add(
        "--flow",
        default="dis",
        **one_of(list(flow.METHODS)),
        help="how motion is found; deepflow needs opencv-contrib-python-headless",
    )
    add_color(
        parser,
        "keep the clip's colors: paint its luminance only, or give the style those of "
        "the first frame",
    )
    _add_gatys(parser.add_argument_group("of the method gatys"))
    _add_one_pass(parser.add_argument_group("of the methods fast and adain"))


def _add_gatys(group) -> None:
    add = group.add_argument
    add("--first-steps", type=whole(1), default=100, help="of the first frame")
    add("--steps", type=whole(1), default=60, help="of each other frame")
    add("--style-weight", type=weight, default=1.0, help="more style, less content")
    add(
        "--temporal-weight",
        type=weight,
        default=1.0,
        help="times that of the settings; 0 leaves the temporal loss out",
    )
    add(
        "--lags",
        type=whole(1),
        nargs="+",
        default=[1, 2, 4],
        help="how many frames back the temporal loss looks",
    )
    add(
        "--passes",
        type=whole(1),
        default=1,
        help="go through the clip so often, in alternating directions, with --steps "
        "in each; 1 paints each frame to its end",
    )
    add_dtype(group)


def _add_one_pass(group) -> None:
    add = group.add_argument
    add(
        "--blend",
        type=share,
        nargs="+",
        metavar="WEIGHT",
        help="of a network how much of each style, in their order, or NAME=WEIGHT of "
        "some",
    )
    add_alpha(group, "of adain: how much style, 0 (the frames) to 1")
    add(
        "--steady",
        type=number(least=0, below=1, such_as=0.5),
        default=0.5,
        help="share of the last picture, carried along; 0 is each frame by itself",
    )


# --- the methods ----------------------------------------------------------------------


def _gatys(options) -> Callable:
    """Read the style; give what makes the painter."""
    style = _style(options)

    def painter(first):
        from style_workshop.video import method

        start = method.WORKSHOP
        painting = replace(
            start.gatys,
            steps=options.first_steps,
            style_weight=start.gatys.style_weight * options.style_weight,
            dtype=dtype_of(options),
        )
        settings = replace(
            start,
            gatys=painting,
            steps=options.steps,
            temporal_weight=start.temporal_weight * options.temporal_weight,
            lags=tuple(options.lags),
            flow=options.flow,
            passes=options.passes,
            pass_steps=options.steps,
        )
        prepared = color.prepare(first, style, options.color)[1]
        return method.Painter(prepared, settings)

    return painter


def _style(options):
    refuse_networks([options.style])
    return images.read(options.style, options.size)


def _fast(options) -> Callable:
    """Find the network; give what makes the painter."""
    path = network_path(options.style)
    if options.color == "linear":
        raise WorkshopError("--method fast knows, of the colors, luminance.")

    def painter(first):
        from style_workshop import fast

        network, blend = network_and_blend(path, options.blend)
        return _steady(lambda frame: fast.paint(network, frame, blend), options)

    return painter


def _adain(options) -> Callable:
    """Read the style; give what makes the painter."""
    style = _style(options)

    def painter(first):
        from style_workshop import adain
        from style_workshop.weights import pretrained

        network, decoder = pretrained("vgg19"), adain.load()
        prepared = color.prepare(first, style, options.color)[1]
        statistics = adain.style_statistics(network, prepared)

        def paint(frame):
            features = adain.content_features(network, frame)
            everywhere = np.ones((1, *frame.shape[:2]), np.float32)
            mixed = adain.mix(features, [statistics], everywhere, options.alpha)
            return adain.decode(decoder, mixed, frame.shape)

        return _steady(paint, options)

    return painter


def _steady(paint: Callable, options):
    from style_workshop.video.steady import SteadyPainter

    return SteadyPainter(paint, share=options.steady, flow=options.flow)


#: Each reads what the options name, and gives a function from the first frame to the
#: painter; the first refuses, the second takes the seconds of TensorFlow.
METHODS: dict[str, Callable] = {"gatys": _gatys, "fast": _fast, "adain": _adain}


# --- the run --------------------------------------------------------------------------


def run(options) -> int:
    output = Path(options.output)
    clips.require_writable(output)
    flow.METHODS[options.flow]()  # may be missing from this OpenCV
    if options.passes > 1 and options.method != "gatys":
        raise WorkshopError("--passes goes with --method gatys.")
    make_painter = METHODS[options.method](options)
    clips.require_readable(options.clip)
    work = output.with_name(f"{output.name}.unfinished")
    _claim(work, options)
    about = clips.unpack(
        options.clip,
        work / "clip",
        size=options.size,
        most=options.frames,
        frames_a_second=options.fps,
    )
    print(f"{len(about)} frames, {about.seconds[-1]:.1f} s of video; {STARTS}")
    frames = clips.Frames(work / "clip")
    # What a network was trained on has colors.
    as_gray = options.color == "luminance" and options.method != "fast"
    shown = _Clip(frames, len(about), _gray if as_gray else None)
    pictures = _paint(options, make_painter(frames[0]), work, shown)
    if pictures is None:
        print(f"What is painted lies in {work}: the same command goes on from there.")
        return 130
    if options.color == "luminance":
        pictures = _Clip(
            pictures, len(about), lambda n, one: color.restore_chroma(one, frames[n])
        )
    _finish(pictures, about, options, output)
    shutil.rmtree(work)
    print(f"Wrote {output}.")
    return 0


def _claim(work: Path, options) -> None:
    """Note whose unfinished run this is; refuse to go on with another one."""
    told = {
        name: value
        for name, value in vars(options).items()
        if name not in ("run", "parser", "quiet", "output")
    }
    source = Path(options.clip)
    told["bytes"] = source.stat().st_size if source.is_file() else None
    note = work / "options.json"
    if note.is_file():
        if json.loads(note.read_text()) != json.loads(json.dumps(told)):
            raise WorkshopError(
                f"{work} has an unfinished run with other options: remove it, or name "
                "another output."
            )
        return
    with atomic_write(note) as part:
        part.write_text(json.dumps(told))


class _Clip:
    """Pictures by number, read one by one and then changed; and how many there are."""

    def __init__(self, pictures, count: int, change: Callable | None = None):
        self._pictures, self._count, self._change = pictures, count, change

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int):
        picture = self._pictures[number]
        return self._change(number, picture) if self._change else picture


def _gray(_number: int, frame: np.ndarray) -> np.ndarray:
    return color.gray(color.luminance(frame))


def _paint(options, painter, work: Path, frames: _Clip):
    """Paint what is not painted yet; None where somebody stopped it."""
    from style_workshop.video import passes

    try:
        if options.passes == 1:
            pictures = clips.Frames(work / "painted")
            passes.paint_clip(frames, painter, pictures)
            return pictures
        return passes.paint_in_passes(
            frames, painter, lambda n: clips.Frames(work / f"pass-{n + 1:02d}")
        )
    except KeyboardInterrupt:
        return None


def _finish(pictures, about: clips.About, options, output: Path) -> None:
    if output.suffix:
        clips.write(pictures, about, output, sound=options.clip)
        return
    output.mkdir(parents=True, exist_ok=True)
    numbered = clips.Frames(output)
    for place in range(len(about)):
        if isinstance(pictures, clips.Frames):
            # Copied: who is ended here must not lose what was painted.
            shutil.copy2(pictures.path(place), numbered.path(place))
        else:
            numbered[place] = pictures[place]
