"""The fast engine: the recurrences of the cycle contract in compiled code."""

from eiesim.sim.fast.engine import run

__all__ = ["run"]
