"""``python -m style_workshop paintings``: styles from Wikimedia Commons."""

import sys

from style_workshop import DATA
from style_workshop.commands.shared import side

TEXT = "Fetch public-domain paintings from Wikimedia Commons, to use as styles."
EXAMPLE = "starry_night great_wave"


def add_options(parser) -> None:
    add = parser.add_argument
    add("names", nargs="*", metavar="NAME", help="which ones; all unless given")
    add("--list", action="store_true", help="only name those there are")
    add("--size", type=side, default=1024, help="longest side, in pixels")
    add("-o", "--output", default=DATA / "paintings", help="folder to keep them in")


def run(options) -> int:
    from style_workshop.fetch import paintings

    if options.list:
        for name, painting in paintings.PAINTINGS.items():
            print(f"{name:26}{painting.artist}, {painting.year}")
        return 0
    try:
        paths = paintings.fetch(options.names, options.output, size=options.size)
    except KeyboardInterrupt:
        print("Interrupted: the same command fetches the rest.", file=sys.stderr)
        return 130
    print(f"Ready in {options.output}: {', '.join(paths)}.")
    return 0
