"""Data-flow drawings: boxes and arrows in an SVG, with letters for the last row.

``notebooks/figures/flows.py`` draws those of notebooks 1.1, 1.2 and 2.0 with it.
"""

from pathlib import Path
from xml.sax.saxutils import escape

from style_workshop.files import atomic_write

#: Fill and letters of a box by what it stands for.
KINDS = {
    "picture": ("#e8edf3", "#222"),
    "network": ("#5b9bd5", "#fff"),
    "kept": ("#2f9e77", "#fff"),
    "lost": ("#f4f4f4", "#666"),
    "loss": ("#b45f06", "#fff"),
}
_GRAY, _RED = "#444", "#b8403d"
_FONT = "DejaVu Sans, Helvetica, Arial, sans-serif"
_LETTERS = 22  # pixels; the figure is about 1000 wide


class Diagram:
    """A drawing that grows box by box; positions are in pixels from the upper left."""

    def __init__(self, width: int, height: int, title: str):
        """Begin with a white sheet; ``title`` is what a screen reader says of it."""
        heads = "".join(
            f'<marker id="{name}" viewBox="0 0 10 10" refX="9" refY="5" '
            'markerWidth="6" markerHeight="6" orient="auto">'
            f'<path d="M0 0 L10 5 L0 10 z" fill="{color}"/></marker>'
            for name, color in (("arrow", _GRAY), ("back", _RED))
        )
        self._parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            f'width="{width}" height="{height}" font-family="{_FONT}">',
            f"<title>{escape(title)}</title>",
            f"<defs>{heads}</defs>",
            f'<rect width="{width}" height="{height}" fill="white"/>',
        ]

    def box(self, x: int, y: int, width: int, height: int, *lines: str, kind: str):
        """Draw a box of one of `KINDS`; its first line of text is bold."""
        fill, ink = KINDS[kind]
        self._parts.append(
            f'<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="8" '
            f'fill="{fill}"/>'
        )
        middle = y + height / 2 - 13 * (len(lines) - 1) + 8
        for number, line in enumerate(lines):
            size = _LETTERS if number == 0 else _LETTERS - 3
            self.text(
                x + width / 2, middle + 27 * number, line, ink, size, bold=number == 0
            )

    def arrow(self, *points: tuple[int, int], back: bool = False):
        """Draw an arrow through points; ``back`` is how the gradient goes."""
        path = "M" + " L".join(f"{x} {y}" for x, y in points)
        color, head = (_RED, "back") if back else (_GRAY, "arrow")
        dashes = ' stroke-dasharray="9 6"' if back else ""
        self._parts.append(
            f'<path d="{path}" fill="none" stroke="{color}" stroke-width="3"{dashes} '
            f'marker-end="url(#{head})"/>'
        )

    def text(
        self, x: float, y: float, line: str, color=_GRAY, size=19, *, bold=False
    ) -> None:
        """Write a line of text about ``x``."""
        weight = ' font-weight="bold"' if bold else ""
        self._parts.append(
            f'<text x="{x:g}" y="{y:g}" fill="{color}" font-size="{size}"{weight} '
            f'text-anchor="middle">{escape(line)}</text>'
        )

    def back_text(self, x: float, y: float, line: str) -> None:
        """Write a line of text in the color of the gradient."""
        self.text(x, y, line, _RED)

    def svg(self) -> str:
        """Give the whole drawing."""
        return "\n".join([*self._parts, "</svg>", ""])

    def save(self, path: str | Path) -> None:
        """Write it whole or not at all."""
        with atomic_write(path) as part:
            part.write_text(self.svg(), encoding="utf-8")
