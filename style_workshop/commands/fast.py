"""``stylize --method fast``: one pass of a trained network [8]."""

from pathlib import Path

from style_workshop import NETWORKS, WorkshopError, color, images
from style_workshop.commands.shared import STARTS, mixture, network_path

#: The network that ``--init fast`` asks.
MANY = "twelve_styles.npz"


def run(options, content) -> int:
    """Paint ``content``, ``[h, w, 3]``, as the options of `stylize` say."""
    if len(options.style) > 1 or options.color == "linear" or options.masks is not None:
        raise WorkshopError(
            "--method fast takes one network, no masks, and of the colors luminance."
        )
    path = network_path(options.style[0])
    print(STARTS)

    from style_workshop import fast

    network, blend = network_and_blend(path, options.blend)
    painted = fast.paint(network, content, blend)
    painted = color.restore(painted, content, options.color)
    if options.side_by_side:
        painted = images.side_by_side([content, painted])
    made = {"content": Path(options.content).name, "network": path.name, "blend": blend}
    images.save(painted, options.output, made)
    print(f"{options.output} is ready.")
    return 0


def network_and_blend(path: Path, shares: list | None):
    """Load a network; give it, and how much of each of its styles is asked for.

    Raises:
        WorkshopError: it has several styles, and nobody says which.
    """
    from style_workshop import feedforward

    network = feedforward.load(path)
    names = network.card.get("styles", [])
    blend = mixture(shares, names)
    if blend is None and network.architecture.styles > 1:
        raise WorkshopError(
            f"{path.name} has the styles {', '.join(names)}: say with --blend how much "
            "of each, as 1 0 0 ... or NAME=1."
        )
    return network, blend


def paint(options, content, styles, weights, masks):
    """Paint ``[h, w, 3]`` with the network that knows the styles by their names.

    For ``--init fast``, where the styles are pictures.
    """
    from style_workshop import fast, feedforward

    network = feedforward.load(NETWORKS / MANY)
    known = network.card["styles"]
    names = [Path(path).stem for path in options.style]
    if options.masks is not None or not set(names) <= set(known):
        raise WorkshopError(
            "--init fast knows no masks, and of the styles, by the names of their "
            f"files, {', '.join(known)}: use --init adain for others."
        )
    blend = dict.fromkeys(known, 0.0)
    for name, weight in zip(names, weights, strict=True):
        blend[name] += weight
    painted = fast.paint(network, content, list(blend.values()))
    return color.restore(painted, content, options.color)
