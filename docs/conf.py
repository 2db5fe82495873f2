"""Settings of Sphinx: the site is made of docs/ and of the pages beside it that docs/ links to.

The sources begin at the checkout, so that links work on the site as in the repository.
"""

import tuner

project = "tuner"
author = "the authors of tuner"
release = version = tuner.__version__
html_title = f"tuner {release}"

root_doc = "docs/index"
include_patterns = [
    "docs/**.md",
    "examples/**/README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
exclude_patterns = [".*", "site", "benchmarks", "outputs", "mlruns"]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinxcontrib.mermaid",
]

# Pages are the Markdown that GitHub shows.
myst_heading_anchors = 4
myst_fence_as_directive = ["mermaid"]
highlight_language = "text"
default_role = "code"

html_theme = "furo"
html_additional_pages = {"index": "to_docs.html"}
templates_path = ["templates"]
html_static_path = ["static"]
html_css_files = ["site.css"]
html_show_copyright = False
copybutton_exclude = ".linenos, .gp, .go"

# The API page shows what the docstrings say; types are those of the signature.
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

# Types of other projects have no page here, because the site is built without a network. Types of
# ours that only travel through an object of the API have none either.
nitpick_ignore_regex = [
    ("py:.*", r"(collections|pathlib|typing|pandas|pd)\..*"),
    ("py:.*", r"Exception|KeyboardInterrupt"),
    ("py:class", r"tuner\.\w+\..*"),
]
