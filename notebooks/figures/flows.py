"""Draw where the data flows in notebooks 1.1, 1.2 and 2.0.

``python notebooks/figures/flows.py`` writes the three SVG files beside it.
"""

from pathlib import Path

from style_workshop.diagram import Diagram


def content() -> Diagram:
    """What the content loss of notebook 1.1 keeps of a picture."""
    d = Diagram(1000, 380, "The content loss compares feature maps place by place")
    d.box(10, 30, 170, 80, "photograph", "p", kind="picture")
    d.box(10, 230, 170, 80, "picture", "x, first noise", kind="picture")
    d.box(260, 20, 150, 300, "VGG19", "stays", "as it is", kind="network")
    d.box(490, 25, 210, 90, "P", "what is where", kind="kept")
    d.box(490, 225, 210, 90, "F", "what is where", kind="kept")
    d.box(
        780, 110, 210, 120, "content loss", "place by place:", "(F − P)²", kind="loss"
    )
    d.text(595, 160, "thrown away: fine pixels,")
    d.text(595, 186, "more in deeper layers")
    for y in (70, 270):
        d.arrow((180, y), (257, y))
        d.arrow((410, y), (487, y))
    d.arrow((700, 70), (885, 70), (885, 107))
    d.arrow((700, 270), (885, 270), (885, 233))
    d.arrow((960, 230), (960, 345), (95, 345), (95, 313), back=True)
    d.back_text(560, 371, "the gradient changes the pixels of x, and nothing else")
    return d


def style() -> Diagram:
    """What the style loss of notebook 1.2 keeps and throws away."""
    d = Diagram(1000, 380, "The style loss compares Gram matrices; places are gone")
    d.box(10, 30, 150, 80, "style", "s", kind="picture")
    d.box(10, 230, 150, 80, "picture", "x, first noise", kind="picture")
    d.box(205, 20, 110, 300, "VGG19", "stays", "as it is", kind="network")
    for y, name in ((25, "maps of s"), (225, "maps of x")):
        d.box(360, y, 180, 90, name, "what is where", kind="lost")
        d.box(612, y, 180, 90, "A" if y == 25 else "G", "what with what", kind="kept")
        d.arrow((540, y + 45), (609, y + 45))
        d.text(574, y + 32, "mean")
    d.text(574, 160, "over all places:")
    d.text(574, 186, "where is thrown away")
    d.box(835, 110, 155, 120, "style loss", "(G − A)²", kind="loss")
    for y in (70, 270):
        d.arrow((160, y), (202, y))
        d.arrow((315, y), (357, y))
    d.arrow((792, 70), (912, 70), (912, 107))
    d.arrow((792, 270), (912, 270), (912, 233))
    d.arrow((965, 230), (965, 345), (85, 345), (85, 313), back=True)
    d.back_text(560, 371, "the gradient changes the pixels of x, and nothing else")
    return d


def gatys() -> Diagram:
    """Three pictures through one VGG into two losses, and back to the pixels."""
    d = Diagram(1000, 480, "Three pictures go through one VGG into two losses")
    d.box(10, 20, 170, 80, "content", "p", kind="picture")
    d.box(10, 175, 170, 80, "picture", "x, changes", kind="picture")
    d.box(10, 330, 170, 80, "style", "s", kind="picture")
    d.box(250, 10, 130, 410, "VGG19", "stays", "as it is", kind="network")
    d.box(470, 20, 200, 80, "relu4_2 of p", "what is where", kind="kept")
    d.box(470, 120, 200, 80, "relu4_2 of x", "what is where", kind="kept")
    d.box(470, 230, 200, 80, "Grams of x", "what with what", kind="kept")
    d.box(470, 330, 200, 80, "Grams of s", "what with what", kind="kept")
    d.box(760, 60, 190, 100, "content loss", "place by place", kind="loss")
    d.box(760, 270, 190, 100, "style loss", "places forgotten", kind="loss")
    for y in (60, 215, 370):
        d.arrow((180, y), (247, y))
    for y in (60, 160, 270, 370):
        d.arrow((380, y), (467, y))
    for top, low, loss in ((60, 160, 110), (270, 370, 320)):
        d.arrow((670, top), (715, top), (715, loss - 12), (757, loss - 12))
        d.arrow((670, low), (715, low), (715, loss + 12), (757, loss + 12))
    d.arrow(
        (950, 320),
        (980, 320),
        (980, 445),
        (215, 445),
        (215, 240),
        (183, 240),
        back=True,
    )
    d.arrow((950, 110), (980, 110), (980, 330), back=True)
    d.back_text(600, 472, "the gradient of the sum changes the pixels of x alone")
    return d


FLOWS = {"1.1_content": content, "1.2_style": style, "2.0_flow": gatys}


def main() -> None:
    """Write each beside this file."""
    for name, draw in FLOWS.items():
        path = Path(__file__).with_name(f"{name}.svg")
        draw().save(path)
        print(path)


if __name__ == "__main__":
    main()
