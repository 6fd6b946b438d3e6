"""How ``make live`` turns notebooks into decks: nothing comes from the internet.

reveal.js, MathJax and what they need are those that ``npm ci`` puts beside this file;
pictures are stored in the decks, which therefore may be moved with ``slides``.
"""

from pathlib import Path

LIBRARIES = "../../slides/node_modules"  # as seen from outputs/live

c = get_config()  # noqa: F821  (nbconvert defines it)
c.HTMLExporter.embed_images = True
c.HTMLExporter.jquery_url = f"{LIBRARIES}/jquery/dist/jquery.min.js"
c.HTMLExporter.require_js_url = f"{LIBRARIES}/requirejs/require.js"
c.HTMLExporter.mathjax_url = (
    f"{LIBRARIES}/mathjax/MathJax.js?config=TeX-AMS_CHTML-full,Safe"
)
c.SlidesExporter.reveal_url_prefix = f"{LIBRARIES}/reveal.js"
c.SlidesExporter.font_awesome_url = ""
c.SlidesExporter.extra_template_basedirs = [str(Path(__file__).parent / "templates")]
c.SlidesExporter.template_name = "deck"
c.SlidesExporter.reveal_theme = "white"  # "simple" asks for fonts of the internet
c.SlidesExporter.reveal_scroll = True  # a long cell may be scrolled
c.SlidesExporter.reveal_transition = "none"
c.SlidesExporter.reveal_number = "c/t"
