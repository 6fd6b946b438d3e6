"""``network.py FOLDER`` exports the network that the playground runs."""

import json
import sys
from pathlib import Path

from style_workshop import NETWORKS, export, feedforward

network = feedforward.load(NETWORKS / "twelve_styles.npz")
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
export.export(network, folder / "twelve_styles.onnx")
(folder / "styles.json").write_text(json.dumps(network.card["styles"]), "utf-8")
