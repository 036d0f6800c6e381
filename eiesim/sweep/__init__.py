"""Sweeps: many machines and layers, each run exactly, none lost."""

from eiesim.sweep.run import sweep

__all__ = ["sweep"]
