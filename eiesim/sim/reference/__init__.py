"""The reference engine: the definition of the machine, one class a block, in SimPy."""

from eiesim.sim.reference.array import run

__all__ = ["run"]
