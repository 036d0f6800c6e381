"""Layers: their weights, how they are drawn, how unevenly they are filled."""

from eiesim.layer.weights import CompressedLayer, DenseLayer, LayerSpec, StoredLayer

__all__ = ["CompressedLayer", "DenseLayer", "LayerSpec", "StoredLayer"]
