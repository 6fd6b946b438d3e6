"""How good are the networks that ship: their loss, as a share of the Gatys method's.

``python benchmarks/judge_networks.py PHOTOS... --styles FOLDERS...`` writes them into
the card of each network in ``data/networks``. For each photograph, which no network has
seen, and each style: content and style loss of what the network paints, and of what so
many steps of L-BFGS reach from the photograph with the same loss. That takes a minute
or two for each; ``--gatys FOLDER`` keeps the pictures, for the next network of a style.
"""

import argparse
import sys
import zlib
from dataclasses import fields
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from style_workshop import (
    NETWORKS,
    WorkshopError,
    fast,
    feedforward,
    images,
    optimize,
    perceptual,
    weights,
)


def find(folders: list[Path], name: str) -> Path:
    """The picture of a style by its name, in the first folder that has it."""
    for folder in folders:
        if (path := folder / f"{name}.jpg").exists():
            return path
    raise WorkshopError(f"No {name}.jpg in {', '.join(map(str, folders))}.")


def loss_settings_of(card: dict) -> perceptual.LossSettings:
    """The loss that the network was trained with last."""
    names = [field.name for field in fields(perceptual.LossSettings)]
    given = card["training"][-1]["loss"]
    return perceptual.LossSettings(**{n: given[n] for n in names if n in given})


def judge(of_picture, painted: np.ndarray, gatys: np.ndarray) -> dict:
    """The terms of both, for one photograph and one style."""
    return {
        who: {k: float(v) for k, v in of_picture(image)[1].items()}
        for who, image in (("network", painted), ("gatys", gatys))
    }


def gatys_picture(of_picture, photograph, steps: int, path: Path | None) -> np.ndarray:
    """What L-BFGS reaches; read from ``path`` where it was kept."""
    if path and path.exists():
        return images.read(path)
    result = optimize.optimize(of_picture, photograph, steps, progress="Gatys")
    if path:
        images.save(result.image, path)
    return result.image


def kept(folder: Path | None, settings, *names) -> Path | None:
    """Where the picture of these settings is kept."""
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    digest = zlib.crc32(repr(settings).encode())
    return folder / f"{'_'.join(map(str, names))}_{digest:08x}.png"


def mean(found: list[dict], who: str) -> dict[str, float]:
    """Each term, and the total, over all photographs."""
    terms = {k: float(np.mean([f[who][k] for f in found])) for k in found[0][who]}
    return {k: round(v, 4) for k, v in {**terms, "total": sum(terms.values())}.items()}


def judged(network, photographs: dict, chosen) -> dict:
    """What goes into the card: the mean terms of both, and the ratio of the totals."""
    names = network.card["styles"]
    styles = [images.read(find(chosen.styles, name)) for name in names]
    settings = loss_settings_of(network.card)
    pretrained = weights.pretrained(settings.network)
    loss = perceptual.PerceptualLoss(pretrained, styles, settings)
    found = {name: [] for name in names if name in (chosen.only or names)}
    for style, terms in found.items():
        number = names.index(style)
        mixture = np.eye(len(styles))[number]
        for name, photograph in photographs.items():
            of_picture = loss.of_picture(photograph, number)
            path = kept(chosen.gatys, settings, style, name, chosen.size, chosen.steps)
            gatys = gatys_picture(of_picture, photograph, chosen.steps, path)
            painted = fast.paint(network, photograph, mixture)
            terms.append(judge(of_picture, painted, gatys))
    rows = {style: summary(terms) for style, terms in found.items()}
    return {
        **summary([one for terms in found.values() for one in terms]),
        "styles": rows,
        "photographs": [f"{name}.jpg" for name in photographs],
        "steps": chosen.steps,
        "size": chosen.size,
    }


def summary(found: list[dict]) -> dict:
    """Mean terms of the network and of Gatys, and the ratio of their totals."""
    made = {who: mean(found, who) for who in ("network", "gatys")}
    ratio = made["network"]["total"] / made["gatys"]["total"]
    return {**made, "ratio": round(ratio, 3)}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("photographs", nargs="+", help="that no network has seen")
    add("--styles", nargs="+", type=Path, required=True, help="folders of style images")
    add("--networks", nargs="+", type=Path, default=sorted(NETWORKS.glob("*.npz")))
    add("--only", nargs="+", help="styles, of a network of many; all unless given")
    add("--steps", type=int, default=300)
    add("--size", type=int, default=256, help="longest side, in pixels")
    add("--gatys", type=Path, help="folder that keeps the pictures of L-BFGS")
    chosen = parser.parse_args(arguments)
    photographs = {
        Path(path).stem: images.read(path, chosen.size) for path in chosen.photographs
    }
    for path in chosen.networks:
        network = feedforward.load(path)
        network.card["judged"] = made = judged(network, photographs, chosen)
        feedforward.save(network, path)
        print(f"{path.stem}: {made['ratio']:.2f} times the total of Gatys, {made}")


if __name__ == "__main__":
    main()
