"""Make the pictures of the decks: ``python slides/figures.py [NAME ...]``.

Most are cut out of the notebooks as they stand executed in ``notebooks``; the others
are painted with the networks that ship, or drawn. All go into ``slides/figures``. A
picture of a notebook that is new is one more line in `CUTS`.
"""

import base64
import io
import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
FIGURES = HERE / "figures"
WIDEST = 1200  # pixels

#: name: the notebook, the id of the cell, which of its pictures
CUTS = {
    "batch_times": ("0.0_test_batch_generator", "cell-40", 0),
    "read_ahead": ("0.0_test_batch_generator", "cell-34", 0),
    "vgg": ("0.1_VGG_construction", "cell-45", 0),
    "mistakes": ("0.2_VGG_inference", "cell-22", 0),
    "halves": ("0.2_VGG_inference", "cell-38", 0),
    "excite": ("1.0_VGG_exploration", "cell-22", 0),
    "occlusion": ("1.0_VGG_exploration", "cell-26", 0),
    "channels": ("1.0_VGG_exploration", "cell-46", 0),
    "dream": ("1.0_VGG_exploration", "cell-55", 0),
    "rebuilt": ("1.1_VGG_exploration_content", "cell-22", 0),
    "maps": ("1.2_VGG_exploration_style", "cell-13", 0),
    "shuffled": ("1.2_VGG_exploration_style", "cell-14", 0),
    "grams": ("1.2_VGG_exploration_style", "cell-16", 0),
    "textures": ("1.2_VGG_exploration_style", "cell-27", 0),
    "statistics": ("1.2_VGG_exploration_style", "cell-38", 0),
    "gatys": ("2.0_Gatys_method", "cell-26", 0),
    "optimizers": ("2.0_Gatys_method", "cell-30", 0),
    "starts": ("2.0_Gatys_method", "cell-34", 0),
    "weights": ("2.0_Gatys_method", "cell-36", 0),
    "layers": ("2.0_Gatys_method", "cell-39", 0),
    "scales": ("2.0_Gatys_method", "cell-41", 0),
    "trust": ("2.0_Gatys_method_video", "cell-14", 0),
    "color": ("2.0_Gatys_method_color", "cell-27", 0),
    "places": ("2.1_control", "cell-22", 0),
    "norms": ("3.0_feed_forward_method_IN", "8e296a06", 0),
    "edges": ("3.0_feed_forward_method_IN", "70efdf2e", 0),
    "learning": ("3.0_feed_forward_method_IN", "6ea9ab1b", 0),
    "blob": ("3.0_feed_forward_method_IN", "a1d0c6e8", 0),
    "twelve": ("3.1_conditional_instance_norm", "aab32389", 0),
    "between": ("3.1_conditional_instance_norm", "6f4922f4", 0),
    "thirteenth": ("3.1_conditional_instance_norm", "6ea9ab1b", 0),
    "any_style": ("4.0_arbitrary_style_transfer", "c14", 0),
    "alpha": ("4.0_arbitrary_style_transfer", "c17", 0),
    "mixtures": ("4.0_arbitrary_style_transfer", "c22", 0),
    "search": ("4.0_arbitrary_style_transfer", "c44", 0),
    "devices": ("4.1_arbitrary_style_transfer_multi_gpu", "c23", 0),
}
#: of notebook 0.2: the cell that draws the maps of a layer
LAYERS = {
    "relu1_1": "cell-18",
    "relu2_1": "cell-18b",
    "relu3_1": "cell-19b",
    "relu4_1": "cell-19c",
    "relu5_1": "cell-19f",
}


# --- cut out of the notebooks ---------------------------------------------------------


def cut(notebook: str, cell_id: str, index: int) -> Image.Image:
    """A picture that stands under a cell of a notebook."""
    path = ROOT / "notebooks" / f"{notebook}.ipynb"
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    (cell,) = (cell for cell in cells if cell.get("id") == cell_id)
    found = [
        output["data"]["image/jpeg"]
        for output in cell["outputs"]
        if "image/jpeg" in output.get("data", {})
    ]
    return Image.open(io.BytesIO(base64.b64decode("".join(found[index]))))


def layers_of_vgg() -> Image.Image:
    """Five rows of feature maps, each with the name of its layer at its left."""
    rows = [cut("0.2_VGG_inference", cell, 0) for cell in LAYERS.values()]
    height, width = sum(row.height for row in rows), max(row.width for row in rows)
    whole = Image.new("RGB", (width + 130, height), "#fdfcf9")
    top = 0
    for layer, row in zip(LAYERS, rows, strict=True):
        whole.paste(row, (130, top))
        whole.paste(label(layer, 130, row.height), (0, top))
        top += row.height
    return whole


def ways() -> Image.Image:
    """The first of the two styles of notebook 4.2, and what five ways make of it."""
    both = cut("4.2_feature_statistics", "c17", 0)
    return both.crop((0, 0, both.width, round(0.512 * both.height)))


def label(text: str, width: int, height: int) -> Image.Image:
    """Words in the middle of a small picture."""
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    figure.set_facecolor("#fdfcf9")
    figure.text(0.5, 0.45, text, ha="center", va="center", fontsize=16)
    return picture_of(figure)


def picture_of(figure) -> Image.Image:
    """A figure as a picture, with the paper of the slides behind it."""
    figure.set_facecolor("#fdfcf9")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=figure.dpi)
    plt.close(figure)
    return Image.open(buffer).convert("RGB")


# --- painted and drawn ----------------------------------------------------------------


def title() -> Image.Image:
    """The temple, cut into upright strips: the photograph, then a style in each."""
    from style_workshop import IMAGES, NETWORKS, fast, feedforward, images

    photo = images.read(IMAGES / "content" / "temple.jpg", 640)
    network = feedforward.load(NETWORKS / "twelve_styles.npz")
    names = list(network.card["styles"])
    chosen = ("mosaic", "swirling_night", "great_wave", "stained_glass", "ink_hatching")
    painted = [photo]
    for name in chosen:
        painted.append(
            fast.paint(network, photo, np.eye(len(names))[names.index(name)])
        )
    edges = np.linspace(0, photo.shape[1], len(painted) + 1).astype(int)
    strips = [
        picture[:, left:right]
        for picture, left, right in zip(painted, edges, edges[1:], strict=False)
    ]
    return Image.fromarray(images.to_uint8(np.concatenate(strips, axis=1)))


def adain() -> Image.Image:
    """One channel of a photograph, of a style image, and what AdaIN makes of it."""
    from style_workshop import IMAGES, adain, images, losses, weights

    network = weights.pretrained("vgg19")
    photo, style = (
        adain.encode(network, images.read(IMAGES / name, 256)[None])["relu4_1"]
        for name in ("content/temple.jpg", "style/swirling_night.jpg")
    )
    made = adain.adaptive_instance_norm(photo, losses.mean_and_deviation(style))
    spread = [np.asarray(x)[0].reshape(-1, x.shape[-1]) for x in (photo, style, made)]
    channel = int(np.argmax(spread[1].mean(0) - spread[0].mean(0)))
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), sharex=True, layout="tight")
    titles = ("the photograph", "the style image", "the photograph after AdaIN")
    for axis, values, text in zip(axes, spread, titles, strict=True):
        values = values[:, channel]
        axis.hist(values, 40, color="#b5451f")
        axis.set_title(
            f"{text}\nmean {values.mean():,.0f}, deviation {values.std():,.0f}"
        )
        axis.set_facecolor("#fdfcf9")
        axis.set_yticks([])
    axes[1].set_xlabel(f"values of channel {channel} of relu4_1")
    return picture_of(figure)


def history() -> Image.Image:
    """The papers of the workshop on a line of years."""
    papers = [
        (2013.87, "[3] Zeiler, Fergus:\nwhat layers look at"),
        (2014.67, "[1] VGG"),
        (2015.4, "[13] textures from\nGram matrices"),
        (2015.65, "[4] Gatys, Ecker, Bethge:\nstyle transfer"),
        (2016.23, "[8] Johnson: a network\nfor one style"),
        (2016.57, "[7] instance norm"),
        (2016.82, "[9] Dumoulin: one network,\nmany styles"),
        (2017.22, "[11] AdaIN: any style"),
    ]
    figure, axis = plt.subplots(figsize=(12, 4), layout="tight")
    axis.axhline(0, color="#22283a", linewidth=3)
    heights = (1, -1, 2, -2, 1, -1, 2, -2)
    for (year, text), height in zip(papers, heights, strict=True):
        axis.plot([year, year], [0, height], color="#b5451f")
        axis.plot(year, 0, "o", color="#b5451f", markersize=9)
        axis.text(year, 1.12 * height, text, ha="center", fontsize=13,
                  va="bottom" if height > 0 else "top")  # fmt: skip
    for year in range(2014, 2018):
        axis.text(
            year, -0.12, year, ha="center", va="top", color="#6b7085", fontsize=12
        )
    axis.set(xlim=(2013.4, 2017.75), ylim=(-3.1, 3.1))
    axis.axis("off")
    return picture_of(figure)


DRAWN = {
    "title": title,
    "adain": adain,
    "history": history,
    "vgg_layers": layers_of_vgg,
    "ways": ways,
}


def main(names: list[str]) -> None:
    FIGURES.mkdir(exist_ok=True)
    pictures = {name: lambda where=where: cut(*where) for name, where in CUTS.items()}
    makers = pictures | DRAWN
    for name in names or makers:
        picture = makers[name]().convert("RGB")
        picture.thumbnail((WIDEST, WIDEST), Image.Resampling.LANCZOS)
        picture.save(FIGURES / f"{name}.jpg", quality=78, optimize=True)
        print(FIGURES / f"{name}.jpg")


if __name__ == "__main__":
    main(sys.argv[1:])
