"""What the commands share: numbers in ranges, the help, networks, how a run is kept."""

import argparse
import difflib
import re
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import NoReturn

from style_workshop import NETWORKS, WorkshopError, checks, color, require_clone

#: Said before TensorFlow is imported.
STARTS = "TensorFlow takes some seconds to start."
#: Pixels that a picture may have on a side (`images.require_size`).
LARGEST_SIDE = 16384


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, and where the help is."""

    def __init__(self, **settings):
        super().__init__(formatter_class=_Help, **settings)

    def error(self, message: str) -> NoReturn:
        # "argument --steps: is 0: use ..." and argparse's own "argument --size: ...".
        message = re.sub(r"^argument (\S+): is ", r"\1 is ", message)
        message = message.removeprefix("argument ")
        self.exit(2, f"style_workshop: {message}\nSee `{self.prog} --help`.\n")

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Refuse what no option took, and name the option that is meant."""
        for word in words:
            if word.startswith("-"):
                known = list(self._option_string_actions)
                name = word.partition("=")[0]
                self.error(f"There is no option {name}{meant(name, known)}")
        if words:
            self.error(f"Nothing takes {' '.join(words)}.")


class _Help(argparse.HelpFormatter):
    """Names the defaults that say something."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default is None or action.nargs == 0:
            return action.help
        return f"{action.help or ''} (default: %(default)s)".lstrip()


def meant(word: str, known: Collection[str]) -> str:
    """Give ``: did you mean --size?``, or a full stop where nothing is near."""
    near = difflib.get_close_matches(word, known, n=1)
    return f": did you mean {near[0]}?" if near else "."


# --- values ---------------------------------------------------------------------------


def _checked(convert: Callable, check: Callable) -> Callable:
    """Make an argparse type of one of `checks`, whose sentence it keeps."""

    def read(text: str):
        try:
            value = convert(text)
        except ValueError:
            value = text
        try:
            return check("", value)
        except WorkshopError as error:
            _, colon, use = str(error).partition(": use ")
            raise argparse.ArgumentTypeError(f"is {text}{colon}{use}") from None

    return read


def whole(least: int = 0, most: int | None = None) -> Callable:
    """Take a whole number in a range."""
    return _checked(
        int,
        lambda name, value: checks.whole_number(name, value, least=least, most=most),
    )


def number(**limits) -> Callable:
    """Take a number; the limits are those of `checks.number`."""
    return _checked(float, lambda name, value: checks.number(name, value, **limits))


def one_of(known: Collection[str]) -> dict:
    """Give ``type`` and ``metavar`` of an option that takes one of several words."""
    read = _checked(str, lambda name, value: checks.choice(name, value, known))
    return {"type": read, "metavar": f"{{{','.join(known)}}}"}


side = whole(1, LARGEST_SIDE)
weight = _checked(float, checks.weight)
seed = whole(0, checks.LARGEST_SEED)


def file(text: str) -> str:
    """Take the name of a file or folder; a URL is none."""
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise argparse.ArgumentTypeError(
            f"is the URL {text}: download the file, and give its name."
        )
    return text


def share(text: str) -> float | tuple[str, float]:
    """Read ``0.5``, or ``great_wave=0.5``."""
    name, named, number = text.rpartition("=")
    try:
        value = checks.number("", float(number))
    except ValueError:  # no number, or none that is finite
        raise argparse.ArgumentTypeError(
            f"is {text}: use a number for each style, or NAME=NUMBER for some."
        ) from None
    return (name, value) if named else value


def mixture(shares: list | None, names: list[str]) -> list[float] | None:
    """Put weights that were given by name in the order of the styles ``names``."""
    shares = shares or []
    named: dict[str, float] = dict(one for one in shares if isinstance(one, tuple))
    if not named:
        return shares or None
    if len(named) < len(shares) or not set(named) <= set(names):
        raise WorkshopError(
            "--blend takes a number for each style, or NAME=WEIGHT once for each of "
            f"some; the styles are {', '.join(names)}."
        )
    return [named.get(name, 0.0) for name in names]


# --- options that several commands have -----------------------------------------------


def add_output(group, words: str = "where it goes") -> None:
    group.add_argument("-o", "--output", required=True, type=file, help=words)


def add_alpha(group, words: str) -> None:
    read = number(least=0, most=1, such_as=0.7)
    group.add_argument("--alpha", type=read, default=1.0, help=words)


def add_color(group, words: str) -> None:
    group.add_argument("--color", default="none", **one_of(color.MODES), help=words)


def add_dtype(group) -> None:
    group.add_argument(
        "--dtype",
        default="auto",
        **one_of(["auto", "float32", "bfloat16"]),
        help="of VGG; auto: bfloat16 where the processor computes with it",
    )


def dtype_of(options) -> str:
    """Give the type that VGG computes in; say so where it will be slow."""
    from style_workshop import vgg

    fastest = vgg.fastest_dtype()
    if options.dtype == "bfloat16" and fastest == "float32":
        print("bfloat16 is emulated on this machine: expect many times the time.")
    return fastest if options.dtype == "auto" else options.dtype


# --- files ----------------------------------------------------------------------------


def network_path(name: str) -> Path:
    """Find a network: a file, or by its name one of those that ship."""
    if not Path(name).exists():
        require_clone()
    shipped = {path.stem: path for path in sorted(NETWORKS.glob("*.npz"))}
    path = shipped.get(name, Path(name))
    if path.is_file() and path.suffix == ".npz":
        return path
    problem = (
        f"{name} is no network" if path.exists() else f"There is no network {name}"
    )
    raise WorkshopError(
        f"{problem}: give an .npz file, or one of "
        f"{', '.join(shipped) or 'those that ship (there are none)'}."
    )


def require_folder(path: str) -> None:
    """Make a folder to write into, or say that it cannot be.

    Raises:
        WorkshopError: it cannot be made or written.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise WorkshopError(
            f"Cannot write into {path} ({error.strerror or error}): choose a folder "
            "that you may write to."
        ) from error


def keep(run, output, made: dict, steps: int, before: Sequence = ()) -> int:
    """Save the picture of an optimization, also of one that was stopped or broke.

    Args:
        run: gives the `optimize.Result`.
        output: where the picture goes.
        made: how, for the picture's metadata.
        steps: that it takes in all.
        before: pictures to be put to the left of it.
    """
    from style_workshop import images
    from style_workshop.optimize import NotFinite

    def save(result) -> None:
        picture = (
            images.side_by_side([*before, result.image]) if before else result.image
        )
        images.save(picture, output, {**made, "steps_taken": result.steps})
        print(f"Wrote {output} after {result.steps} of {steps} steps.")

    try:
        result = run()
    except NotFinite as error:
        save(error.result)
        raise
    if result.interrupted and not result.steps:
        raise KeyboardInterrupt  # the picture is still what it started from
    save(result)
    return 130 if result.interrupted else 0
