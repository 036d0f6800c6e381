"""Where sweeps, charts and reproductions were documented to be: scripts still find them here."""

from __future__ import annotations

import pkgutil
import sys
import warnings
from importlib import import_module

from eiesim.base.errors import EieWarning

PLACES = {
    "sweep": "eiesim.sweep",
    "figures": "eiesim.report.charts",
    "reproduction": "eiesim.paper.runner",
}
"""Old names in this package, and the modules of today."""

warnings.warn(
    "eiesim.study is the old place of "
    + ", ".join(f"{place} ({name})" for name, place in PLACES.items()),
    EieWarning,
    stacklevel=2,
)
for _name, _place in PLACES.items():
    _module = import_module(_place)
    globals()[_name] = sys.modules[f"{__name__}.{_name}"] = _module
    # the modules in it as well, or they would be loaded a second time under the old name
    for _inner in pkgutil.iter_modules(getattr(_module, "__path__", ())):
        sys.modules[f"{__name__}.{_name}.{_inner.name}"] = import_module(f"{_place}.{_inner.name}")
