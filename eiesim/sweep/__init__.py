"""Sweeps: many machines and layers, each run exactly, none lost."""

from eiesim.sweep.runner import sweep

__all__ = ["sweep"]
