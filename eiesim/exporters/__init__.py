"""Compressed networks for other tools, with the weights that the codes stand for."""

from eiesim.exporters.files import FORMATS, export_network
from eiesim.exporters.tensors import make_tensors

__all__ = ["FORMATS", "export_network", "make_tensors"]
