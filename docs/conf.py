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

smartquotes = False  # --set stays as it is typed

html_theme = "furo"
html_title = f"eiesim {version}"
html_copy_source = False
html_show_sphinx = False

nitpicky = True
nitpick_ignore_regex = [("py:.*", ".*")]  # other packages' names; ours are checked by autodoc
napoleon_use_param = False  # shapes in types are no links
napoleon_use_ivar = True
default_role = "code"  # `name` in docstrings
autodoc_typehints_format = "short"
add_module_names = False
