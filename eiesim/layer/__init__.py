"""Layers: their weights, how they are drawn, how unevenly they are filled."""
