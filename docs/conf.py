"""Settings of the reader's site; `stage.py` lays out what Sphinx reads."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import stage  # noqa: E402

HOST = stage.code_host()

project = "Style transfer by deep learning"
author = "the Style Workshop authors"
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "sphinx_design",
]
suppress_warnings = ["mystnb.unknown_mime_type", "myst.header"]

# --- notebooks, which are kept executed ---------------------------------------------

nb_execution_mode = "off"
nb_ipywidgets_js = {}  # a progress bar is shown as its text
nb_merge_streams = True
myst_enable_extensions = [
    "amsmath",
    "colon_fence",
    "dollarmath",
    "html_image",
    "tasklist",
]
myst_heading_anchors = 3

# --- the API, from docstrings -------------------------------------------------------

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_use_ivar = True
napoleon_use_rtype = False
default_role = "py:obj"
python_maximum_signature_line_length = 72

# A name belongs to the module that shows it; an alias of `dict` has no source.
viewcode_follow_imported_members = False

# --- mathematics, without a request -------------------------------------------------

MATHJAX = ROOT / "docs" / "node_modules" / "mathjax" / "es5" / "tex-svg-full.js"
mathjax_path = MATHJAX.name
# Its menu would load parts that are not here.
mathjax3_config = {"options": {"enableMenu": False}}

# --- look ---------------------------------------------------------------------------

html_theme = "sphinx_book_theme"
html_title = project
html_static_path = ["static", str(MATHJAX)]
html_extra_path = [str(path) for path in stage.decks()]  # beside the first page
html_css_files = ["site.css"]
html_show_sourcelink = False
html_copy_source = False
html_domain_indices = False  # the API's first page lists the modules, in reading order
html_context = {"default_mode": "auto"}
html_theme_options = {
    "navbar_persistent": [],
    "home_page_in_toc": True,
    "show_toc_level": 2,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "search_as_you_type": False,
}
if HOST:
    html_theme_options |= {
        "repository_url": HOST,
        "repository_branch": "main",
        "use_repository_button": True,
        "use_source_button": True,
        "launch_buttons": {
            "binderhub_url": "https://mybinder.org",
            "colab_url": "https://colab.research.google.com",
        },
    }


def setup(app):
    app.connect("doctree-read", stage.link_to_code)
    app.connect("doctree-read", stage.hide_long_values)
