"""Sweeps: many machines and layers, each run exactly, none lost."""

from eiesim.study.sweep.run import sweep

__all__ = ["sweep"]
