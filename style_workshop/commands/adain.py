"""``stylize --method adain``: one pass, in the style of any picture [11]."""

from pathlib import Path

from style_workshop import images
from style_workshop.commands.shared import STARTS
from style_workshop.commands.styles import of_each, read_styles, row


def run(options, content) -> int:
    """Paint ``content``, ``[h, w, 3]``, as the options of `stylize` say."""
    styles = read_styles(options, content)
    weights, masks = of_each(options)
    # Now, because a very long picture does not fit in a row.
    before = [row(content, styles, options.style)] if options.side_by_side else []
    print(STARTS)

    painted = paint(options, content, styles, weights, masks)
    painted = images.side_by_side([*before, painted]) if before else painted
    made = {
        "content": Path(options.content).name,
        "style": ", ".join(Path(path).name for path in options.style),
        "method": "adain",
        "alpha": options.alpha,
        "weights": weights,
        "color": options.color,
    }
    images.save(painted, options.output, made)
    print(f"{options.output} is ready.")
    return 0


def paint(options, content, styles, weights, masks):
    """Paint ``[h, w, 3]`` with the decoder that ships, or that the options name."""
    from style_workshop import adain
    from style_workshop.weights import pretrained

    return adain.stylize(
        pretrained("vgg19"),
        adain.load(options.decoder or adain.SHIPPED),
        content,
        styles,
        alpha=options.alpha,
        weights=weights,
        masks=masks,
        keep_color=options.color,
    )
