"""``stylize`` by the method of Gatys, Ecker and Bethge [4], the slow one."""

from dataclasses import asdict, replace
from pathlib import Path

from style_workshop import color
from style_workshop.commands import adain, fast
from style_workshop.commands.shared import STARTS, dtype_of, keep
from style_workshop.commands.styles import of_each, read_styles, row

#: Methods of one pass whose picture this one may start from, by ``--init``.
STARTS_FROM = {"adain": adain, "fast": fast}


def run(options, content) -> int:
    """Paint ``content``, ``[h, w, 3]``, as the options of `stylize` say."""
    pictures = read_styles(options, content)
    weights, masks = of_each(options)
    height, width = content.shape[:2]
    # Now, because a very long picture does not fit in a row.
    before = [row(content, pictures, options.style)] if options.side_by_side else []
    print(f"Painting {width}x{height} pixels; {STARTS}")

    from style_workshop import gatys

    settings = _settings(options)
    given = zip(pictures, weights, masks, strict=True)
    styles = [gatys.Style(s, weight=w, where=mask) for s, w, mask in given]
    gatys.check(settings, content, styles)
    memory = gatys.require_memory(content.shape[:2], styles, settings)
    print(f"It will take about {memory / 1e9:.1f} GB of memory.")
    start = _start(options, content, pictures, weights, masks)
    made = {
        "content": Path(options.content).name,
        "style": ", ".join(Path(path).name for path in options.style),
        "size": options.size,
        **asdict(settings),
        "init": options.init or settings.init,
    }
    steps = settings.steps * settings.scales
    paint = lambda: gatys.stylize(content, styles, settings, start=start)  # noqa: E731
    return keep(paint, options.output, made, steps, before)


def _start(options, content, styles, weights, masks):
    """Give the picture of a method of one pass, or None for what settings know."""
    method = STARTS_FROM.get(options.init)
    if method is None:
        return None
    start = method.paint(options, content, styles, weights, masks)
    # Only its luminance is painted on; the photograph's colors come back at the end.
    only = options.color == "luminance"
    return color.gray(color.luminance(start)) if only else start


def _settings(options):
    from style_workshop import gatys

    settings = gatys.SETTINGS[options.settings]
    changes = {
        "steps": options.steps,
        "style_weight": settings.style_weight * options.style_weight,
        "style_scale": options.style_scale,
        "tv_weight": options.tv_weight,
        "init": None if options.init in STARTS_FROM else options.init,
        "optimizer": options.optimizer,
        "learning_rate": options.learning_rate,
        "falloff": options.falloff,
        "pooling": options.pooling,
        "seed": options.seed,
        "color": options.color,
        "scales": options.scales,
        "tile": options.tile,
        "dtype": dtype_of(options),
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return replace(settings, **given)
