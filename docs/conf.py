"""How Sphinx builds the manual: `make docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from eiesim import __version__

project = "eiesim"
version = release = __version__
project_copyright = "the eiesim developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "docs.generated"]

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"eiesim {version}"
html_copy_source = False
html_show_sphinx = False

nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # other packages' names; ours are checked by autodoc
default_role = "code"  # `name` in docstrings
autodoc_typehints_format = "short"
