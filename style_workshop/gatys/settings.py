"""All numbers of the method of Gatys [4], by name, and what of them makes no sense."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace

import numpy as np

from style_workshop import WorkshopError, checks, color, optimize, vgg
from style_workshop.images import require_size

DTYPES, POOLINGS = ("float32", "bfloat16"), ("max", "average")


@dataclass(frozen=True)
class Settings:
    """All numbers of a style transfer. `dataclasses.replace` changes some of them.

    Attributes:
        content_layers: the weight of each layer's `losses.content_loss`.
        style_layers: the weight of each layer's `losses.style_loss`.
        content_weight: alpha, times the sum over ``content_layers``.
        style_weight: beta, times the sum over ``style_layers``.
        tv_weight: of the `losses.total_variation` of the picture.
        style_scale: longest side of the style image over that of the content image;
            2 gives strokes of twice the size.
        pooling: ``"max"`` or ``"average"``.
        normalized: scale filters to a mean activation of 1 (`weights.normalize`).
        init: what the picture begins as, ``"content"``, ``"noise"`` or ``"style"``.
        optimizer: ``"lbfgs"`` or ``"adam"``.
        learning_rate: of Adam, in gray levels.
        falloff: of L-BFGS (`optimize.optimize`): 0.5 halves the steps that it needs, 0
            is the method as its authors have it.
        steps: of the optimizer.
        seed: of the noise.
        dtype: of VGG, ``"float32"`` or ``"bfloat16"``; losses stay float32.
        color: keep the content's colors, ``"none"``, ``"luminance"`` or ``"linear"``
            (`color.prepare`).
        scales: paint at so many sizes, each twice the one before, up to the full one;
            each starts from the last one enlarged, and takes ``steps``. 1 paints at
            the full size only.
        tile: work a picture that is larger than so many pixels a side in tiles of that
            side (`loss.TiledLoss`): the same picture in bounded memory, and more
            time; 0 takes it as a whole.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    content_layers: Mapping[str, float]
    style_layers: Mapping[str, float]
    _: KW_ONLY
    content_weight: float = 1.0
    style_weight: float = 1.0
    tv_weight: float = 0.0
    style_scale: float = 1.0
    pooling: str = "max"
    normalized: bool = False
    init: str = "content"
    optimizer: str = "lbfgs"
    learning_rate: float = 5.0
    falloff: float = 0.0
    steps: int = 300
    seed: int = 0
    dtype: str = "float32"
    color: str = "none"
    scales: int = 1
    tile: int = 0

    def __post_init__(self):
        for name in ("content_layers", "style_layers"):
            checks.layer_weights(name, getattr(self, name))
        for name in ("content_weight", "style_weight", "tv_weight"):
            checks.weight(name, getattr(self, name))
        checks.number("style_scale", self.style_scale, above=0, most=1e6, such_as=1)
        checks.choice("pooling", self.pooling, POOLINGS)
        checks.flag("normalized", self.normalized)
        checks.choice("init", self.init, optimize.INITS)
        optimize.check(
            self.optimizer,
            self.steps,
            learning_rate=self.learning_rate,
            falloff=self.falloff,
        )
        checks.seed(self.seed)
        checks.choice("dtype", self.dtype, DTYPES)
        checks.choice("color", self.color, color.MODES)
        checks.whole_number("scales", self.scales, least=1, most=8)
        checks.whole_number("tile", self.tile)


@dataclass(frozen=True, eq=False)
class Style:
    """One of several styles of a transfer, and where it goes.

    Attributes:
        image: ``[h', w', 3]``, 0-255.
        weight: times ``settings.style_weight``.
        scale: of its strokes, times ``settings.style_scale``.
        layers: those of ``settings.style_layers`` that it is asked for; None means
            all. Shallow layers are grain and color, deep ones large forms.
        where: ``[h, w]`` in 0-1, how much of it each part of the content image gets,
            in any size; None is 1 everywhere.
        part: ``[h', w']`` in 0-1, which part of ``image`` is its style; None is all.

    Raises:
        WorkshopError: a value that makes no sense.
    """

    image: np.ndarray
    weight: float = 1.0
    _: KW_ONLY
    scale: float = 1.0
    layers: Collection[str] | None = None
    where: np.ndarray | None = None
    part: np.ndarray | None = None

    def __post_init__(self):
        checks.picture("the style", self.image)
        checks.weight("weight of a style", self.weight)
        checks.number("scale of a style", self.scale, above=0, most=1e6, such_as=1)
        if self.layers is not None:
            checks.layers("layers of a style", self.layers)
        for name in ("where", "part"):
            if getattr(self, name) is not None:
                _check_mask(name, getattr(self, name))


def _check_mask(name: str, mask: np.ndarray) -> None:
    if np.ndim(mask) != 2 or not np.isfinite(mask).all() or np.min(mask) < 0:
        raise WorkshopError(
            f"{name} must be [h, w] with numbers in 0-1; this is {np.shape(mask)}."
        )
    if not np.max(mask) > 0:
        raise WorkshopError(f"{name} is 0 everywhere: leave the style out.")


#: What takes a style: a picture or a `Style`, or several of them.
Styles = np.ndarray | Style | Sequence[np.ndarray | Style]


_BLOCKS = dict(zip((1, 2, 3, 4, 5), vgg.CHANNELS, strict=True))

#: Section 2 of [4]: filters normalized, average pooling, before the ReLU, white
#: noise, w_l = 1/5. Its alpha / beta = 1e-3 cannot be taken over: what it divides the
#: losses by decides. As the paper writes them (a sum over conv4_2, 2000 in our means
#: at 512 pixels) the photograph comes back with speckles. As in the authors' later
#: code for this network (leongatys/NeuralImageSynthesis: means, 5e-4 for ours, and
#: from the content image) nothing but style comes out of noise. Of the weights between
#: 2.5 and 40 that were looked at (192 pixels, 250 steps), 10 shows both.
PAPER = Settings(
    content_layers={"conv4_2": 1.0},
    style_layers={f"conv{block}_1": 1 / 5 for block in _BLOCKS},
    content_weight=10.0,
    pooling="average",
    normalized=True,
    init="noise",
    steps=1000,
)

#: The authors' notebook (leongatys/PytorchNeuralStyleTransfer): after the ReLU, max
#: pooling, from the content image. Its losses are mean squared errors, 2 and 4 times
#: ours; its weights are 1 for content and 1e3 / c^2 for a style layer of c channels.
NOTEBOOK = Settings(
    content_layers={"relu4_2": 2.0},
    style_layers={f"relu{b}_1": 4 * 1e3 / c**2 for b, c in _BLOCKS.items()},
    steps=500,
)

#: For a laptop and few steps: the notebook's with average pooling, whose gradient
#: reaches every pixel, and a style weight that leaves the content a say. In 50 steps
#: it gives clean colors where max pooling still has speckles (notebook 2.0), and with
#: the falloff large forms and colors that L-BFGS on pixels takes twice the steps for.
WORKSHOP = replace(
    NOTEBOOK, style_weight=0.1, pooling="average", falloff=0.5, steps=200
)

SETTINGS = {"workshop": WORKSHOP, "notebook": NOTEBOOK, "paper": PAPER}


def styles_of(style: Styles) -> list[Style]:
    """Give a list of `Style`, whichever way it was said.

    Raises:
        WorkshopError: there is none, or what it has is no picture.
    """
    several: list = list(style) if isinstance(style, list | tuple) else [style]
    if not several:
        raise WorkshopError("There is no style: give one or more.")
    return [one if isinstance(one, Style) else Style(one) for one in several]


def check(settings: Settings, content: np.ndarray, style: Styles) -> None:
    """Refuse pictures that do not go with the settings, before any work starts.

    Raises:
        WorkshopError: says which, and what to use.
    """
    checks.picture("the content", content)
    layers = [*settings.content_layers, *settings.style_layers]
    smallest = scale_sizes(content.shape, settings.scales)[0]
    vgg.check_request("vgg19", layers, *smallest)
    for one in styles_of(style):
        unknown = set(one.layers or ()) - set(settings.style_layers)
        if unknown:
            raise WorkshopError(
                f"A style is asked for {', '.join(sorted(unknown))}: choose of "
                f"{', '.join(settings.style_layers)}."
            )
        size = style_size(one, settings, smallest)
        vgg.check_request("vgg19", settings.style_layers, *size)


def scale_sizes(shape: Sequence[int], scales: int) -> list[tuple[int, int]]:
    """List height and width of each of ``scales`` sizes, the full one last."""
    return [
        tuple(max(1, round(side / 2**k)) for side in shape[:2])
        for k in reversed(range(scales))
    ]


def style_size(
    style: Style, settings: Settings, size: Sequence[int]
) -> tuple[int, int]:
    """Give height and width of a style image for a content image of ``size``."""
    longest = round(settings.style_scale * style.scale * max(size))
    require_size(longest)
    ratio = longest / max(style.image.shape[:2])
    height, width = (max(1, round(side * ratio)) for side in style.image.shape[:2])
    return height, width
