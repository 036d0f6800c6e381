"""Compressed networks for other tools: weights as codes and codebook stand for them."""

from eiesim.exporters.files import FORMATS, export_network
from eiesim.exporters.tensors import make_tensors

__all__ = ["FORMATS", "export_network", "make_tensors"]
