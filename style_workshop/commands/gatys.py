"""``stylize`` by the method of Gatys, Ecker and Bethge [4], the slow one."""

from dataclasses import asdict, replace
from pathlib import Path

from style_workshop import WorkshopError, images
from style_workshop.commands.shared import STARTS, dtype_of, keep, mixture


def run(options, content) -> int:
    """Paint ``content``, ``[h, w, 3]``, as the options of `stylize` say."""
    networks = [path for path in options.style if Path(path).suffix == ".npz"]
    if networks:
        raise WorkshopError(f"{networks[0]} is a network: add --method fast.")
    longest = max(1, round(options.style_scale * max(content.shape[:2])))
    styles = [images.read(path, longest) for path in options.style]
    weights, masks = _of_each(options)
    height, width = content.shape[:2]
    # Now, because a very long picture does not fit in a row.
    before = [_row(content, styles, options.style)] if options.side_by_side else []
    print(f"Painting {width}x{height} pixels; {STARTS}")

    from style_workshop import gatys

    settings = _settings(options)
    given = zip(styles, weights, masks, strict=True)
    styles = [gatys.Style(s, weight=w, where=mask) for s, w, mask in given]
    gatys.check(settings, content, styles)
    memory = gatys.require_memory(content.shape[:2], styles, settings)
    print(f"It will take about {memory / 1e9:.1f} GB of memory.")
    made = {
        "content": Path(options.content).name,
        "style": ", ".join(Path(path).name for path in options.style),
        "size": options.size,
        **asdict(settings),
    }
    steps = settings.steps * settings.scales
    paint = lambda: gatys.stylize(content, styles, settings)  # noqa: E731
    return keep(paint, options.output, made, steps, before)


def _of_each(options) -> tuple[list[float], list]:
    """Give weight and mask of each style; as many as there are styles."""
    count, names = len(options.style), [Path(path).stem for path in options.style]
    weights, masks = mixture(options.blend, names), options.masks
    for option, values in (("--blend", weights), ("--masks", masks)):
        if values is not None and len(values) != count:
            raise WorkshopError(
                f"{option} has {len(values)} values for {count} styles: give one for "
                "each, in their order."
            )
    # A mask shares the picture out already.
    weights = weights or [1 / count if masks is None else 1] * count
    if masks is None:
        return weights, [None] * count
    return weights, [images.read(path).mean(-1) / 255 for path in masks]


def _row(content, styles, paths):
    """Put the pictures that a result is shown beside into one, of the same height."""
    height, row = content.shape[0], [content]
    for path, style in zip(paths, styles, strict=True):
        width = max(1, round(style.shape[1] * height / style.shape[0]))
        row.append(images.read(path, (height, width)))
    return images.side_by_side(row)


def _settings(options):
    from style_workshop import gatys

    settings = gatys.SETTINGS[options.settings]
    changes = {
        "steps": options.steps,
        "style_weight": settings.style_weight * options.style_weight,
        "style_scale": options.style_scale,
        "tv_weight": options.tv_weight,
        "init": options.init,
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
