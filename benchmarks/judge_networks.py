"""How good are the networks that ship: their loss, as a share of the Gatys method's.

``python benchmarks/judge_networks.py PHOTOS... --styles FOLDERS...`` writes them into
the card of each network in ``data/networks``. For each photograph, which no network has
seen, and each style: content and style loss of what the network paints, and of what so
many steps of L-BFGS reach from the photograph with the same loss.
"""

import argparse
import sys
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


def perception_of(card: dict) -> perceptual.Perception:
    """The loss that the network was trained with last."""
    given = card["training"][-1]["perception"]
    return perceptual.Perception(
        **given | {"style_layers": tuple(given["style_layers"])}
    )


def judge(loss, network, number: int, photograph: np.ndarray, steps: int) -> dict:
    """The terms of both, for one photograph and one style."""
    of_picture = loss.of_picture(photograph, number)
    mixture = np.eye(network.architecture.styles)[number]
    painted = fast.paint(network, photograph, mixture)
    ours = {k: float(v) for k, v in of_picture(painted)[1].items()}
    result = optimize.optimize(of_picture, photograph, steps, progress="Gatys")
    # Of the picture as it is saved, as the network's is.
    theirs = {k: float(v) for k, v in of_picture(result.image)[1].items()}
    return {"network": ours, "gatys": theirs}


def mean(found: list[dict], who: str) -> dict[str, float]:
    """Each term, and the total, over all photographs."""
    terms = {k: float(np.mean([f[who][k] for f in found])) for k in found[0][who]}
    return {k: round(v, 4) for k, v in {**terms, "total": sum(terms.values())}.items()}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("photographs", nargs="+", help="that no network has seen")
    add("--styles", nargs="+", type=Path, required=True, help="folders of style images")
    add("--networks", nargs="+", type=Path, default=sorted(NETWORKS.glob("*.npz")))
    add("--steps", type=int, default=300)
    add("--size", type=int, default=256, help="longest side, in pixels")
    chosen = parser.parse_args(arguments)
    photographs = [images.read(path, chosen.size) for path in chosen.photographs]
    for path in chosen.networks:
        network = feedforward.load(path)
        styles = [images.read(find(chosen.styles, n)) for n in network.card["styles"]]
        perception = perception_of(network.card)
        pretrained = weights.pretrained(perception.network)
        loss = perceptual.PerceptualLoss(pretrained, styles, perception)
        found = [
            judge(loss, network, number, photograph, chosen.steps)
            for number in range(len(styles))
            for photograph in photographs
        ]
        judged = {who: mean(found, who) for who in ("network", "gatys")}
        judged["ratio"] = round(
            judged["network"]["total"] / judged["gatys"]["total"], 3
        )
        judged["photographs"] = [Path(p).name for p in chosen.photographs]
        judged |= {"steps": chosen.steps, "size": chosen.size}
        network.card["judged"] = judged
        feedforward.save(network, path)
        print(f"{path.stem}: {judged['ratio']:.2f} times the total of Gatys, {judged}")


if __name__ == "__main__":
    main()
