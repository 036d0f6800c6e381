"""A layer for the RTL: memory images of every PE, and all that a run on them must give."""

from eiesim.exporters.rtl.folder import export_rtl, write_rtl
from eiesim.exporters.rtl.parameters import list_parameters

__all__ = ["export_rtl", "list_parameters", "write_rtl"]
