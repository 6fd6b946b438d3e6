"""Write the tiny network that must always load, and what it paints. Run once, ever.

``python tests/golden_network.py`` refuses to write over what is there: were the files
made again, with a later format, they would prove nothing.
"""

from pathlib import Path

import numpy as np

from style_workshop import feedforward

NETWORK = Path(__file__).with_suffix(".npz")
PICTURE = NETWORK.with_name("golden_picture.npz")


def main() -> None:
    if NETWORK.exists():
        raise SystemExit(f"{NETWORK} is there, and is to stay as it is.")
    architecture = feedforward.Architecture(filters=2, blocks=1, styles=2)
    network = feedforward.TransformNetwork(architecture, seed=3)
    random = np.random.default_rng(0)
    for variable in network.norm_variables:
        change = random.normal(0, 0.3, variable.shape)
        variable.assign_add(change.astype(np.float32))
    card = {"styles": ["gold", "silver"], "steps": 7}
    network = feedforward.TransformNetwork(architecture, network.values(), card=card)
    feedforward.save(network, NETWORK)
    picture = random.integers(0, 256, (21, 18, 3), np.uint8)
    network = feedforward.load(NETWORK)  # with its values in float16
    painted = network(picture[None].astype(np.float32), [0.25, 0.75])[0]
    np.savez_compressed(PICTURE, picture=picture, painted=painted.numpy())


if __name__ == "__main__":
    main()
