"""``python -m style_workshop weights``: the pre-trained weights of VGG."""

from style_workshop.commands.shared import one_of

TEXT = "Fetch and check pre-trained weights of VGG."
EXAMPLE = "vgg19 vgg16"


def add_options(parser) -> None:
    named = {**one_of(["vgg16", "vgg19"]), "metavar": "NAME"}
    parser.add_argument("names", nargs="+", **named, help="vgg16, vgg19 or both")
    parser.add_argument(
        "--classifier",
        action="store_true",
        help="also the three dense layers, to name ImageNet classes (over 550 MB)",
    )


def run(options) -> int:
    from style_workshop import weights

    for name in options.names:
        weights.fetch(name)
        if options.classifier:
            weights.fetch(name, classifier=True)
        weights.self_check(weights.pretrained(name), name)
        print(f"{name} sees what it should.")
    return 0
