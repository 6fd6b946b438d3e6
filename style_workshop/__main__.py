"""The command line, ``python -m style_workshop COMMAND``: parses and dispatches."""

import os
import sys
import warnings
from contextlib import ExitStack, redirect_stderr, redirect_stdout

from style_workshop import WorkshopError, __version__
from style_workshop.commands import (
    data,
    dream,
    export,
    paintings,
    reconstruct,
    stylize,
    train,
    train_adain,
    video,
    weights,
)
from style_workshop.commands.shared import Parser, meant

#: In the order of the help.
COMMANDS = {
    "weights": weights,
    "stylize": stylize,
    "video": video,
    "train": train,
    "train-adain": train_adain,
    "export": export,
    "dream": dream,
    "reconstruct": reconstruct,
    "paintings": paintings,
    "data": data,
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; 0 when it worked, 1 with a sentence when it did not."""
    options = _parse(sys.argv[1:] if arguments is None else arguments)
    # Pillow warns of odd metadata, which is no reason to worry.
    warnings.filterwarnings("ignore", module=r"PIL\.")
    try:
        with ExitStack() as stack:
            if options.quiet:
                nowhere = stack.enter_context(open(os.devnull, "w"))
                stack.enter_context(redirect_stdout(nowhere))
                stack.enter_context(redirect_stderr(nowhere))
            return options.run(options)
    except WorkshopError as error:
        print(f"style_workshop: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, SystemError) as error:
        if not _is_interrupt(error):
            raise
        print("style_workshop: interrupted; nothing was written.", file=sys.stderr)
        return 130


def _is_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C is behind it; C code that was hit raises SystemError for it."""
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def _parse(arguments: list[str]):
    parser = _parser()
    word = next((word for word in arguments if not word.startswith("-")), None)
    if word is not None and word not in COMMANDS:
        parser.error(f"There is no command {word}{meant(word, COMMANDS)}")
    options, unknown = parser.parse_known_args(arguments)
    options.parser.refuse_unknown(unknown)
    return options


def _parser() -> Parser:
    parser = Parser(
        prog="python -m style_workshop",
        description="Style transfer by deep learning, one method a command.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, command in COMMANDS.items():
        one = commands.add_parser(
            name,
            help=command.TEXT,
            description=command.TEXT,
            epilog=f"example: %(prog)s {command.EXAMPLE}",
        )
        command.add_options(one)
        one.add_argument(
            "-q", "--quiet", action="store_true", help="say nothing but what went wrong"
        )
        one.set_defaults(run=command.run, parser=one)
    return parser


def program() -> None:
    """Run as a program: the console script ``style-workshop``."""
    # A line that announces minutes of work must not wait in a buffer, not in a pipe.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        status = main()
        sys.stdout.flush()
    except BrokenPipeError:  # who read has gone: there is nobody to say it to
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        status = 128 + 13  # as the shell has it of a process that SIGPIPE ends
    sys.exit(status)


if __name__ == "__main__":
    program()
