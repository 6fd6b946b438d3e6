"""How a feed-forward network is built: the numbers of [8], of its code, and ours."""

from dataclasses import dataclass

from style_workshop import WorkshopError, checks

#: What the paper's variant mirrors at the start: what its ten convolutions without
#: padding take away again, 2 pixels each side for a block, at a quarter of the size.
BORDER = 40

_CHOICES = {
    "norm": ("instance", "batch"),
    "padding": ("reflect", "zero", "start"),
    "upsampling": ("resize", "transposed"),
}


@dataclass(frozen=True)
class Architecture:
    """How a transform network is built. `dataclasses.replace` changes some of it.

    Attributes:
        filters: of the first convolution; the two that follow have 2 and 4 times as
            many, as the residual blocks have.
        blocks: residual blocks.
        norm: ``"instance"`` [7] or ``"batch"`` [8].
        padding: ``"reflect"`` or ``"zero"`` in every layer; ``"start"`` mirrors 40
            pixels at the start, and has no padding in the residual blocks and zeros
            in the other layers [8].
        upsampling: ``"resize"`` or ``"transposed"`` (`layers`).
        reach: the last tanh gives 127.5 plus or minus so many gray levels.
        styles: 1, or how many scales and shifts each norm has [9].

    Raises:
        WorkshopError: it cannot be built; says what to use.
    """

    filters: int = 16
    blocks: int = 5
    norm: str = "instance"
    padding: str = "reflect"
    upsampling: str = "resize"
    reach: float = 150.0
    styles: int = 1

    def __post_init__(self):
        for name, known in _CHOICES.items():
            checks.choice(name, getattr(self, name), known)
        for name, least in (("filters", 1), ("blocks", 0), ("styles", 1)):
            whole = checks.whole_number(
                name, getattr(self, name), least=least, most=1024
            )
            object.__setattr__(self, name, whole)
        checks.number("reach", self.reach, above=0, below=1e4, such_as=150)
        if self.styles > 1 and self.norm != "instance":
            raise WorkshopError("Several styles need norm='instance'.")


#: What ships: half width, mirrored and resized in every layer.
WORKSHOP = Architecture()
#: The supplement of [8], with its batch norm.
PAPER = Architecture(32, 5, "batch", "start", "transposed", 127.5)
#: The authors' code (jcjohnson/fast-neural-style): its networks with instance norm
#: have half the filters, and its tanh reaches 150 gray levels, where it is steeper.
PUBLIC = Architecture(16, 5, "instance", "start", "transposed", 150.0)

ARCHITECTURES = {"workshop": WORKSHOP, "paper": PAPER, "public": PUBLIC}


def smallest_side(architecture: Architecture) -> int:
    """Side in pixels of the smallest picture that the network takes."""
    return BORDER + 1 if architecture.padding == "start" else 8
