"""Who did what in which cycle of a run."""

from eiesim.sim.tracing.schedule import Schedule, WaitCause, Window
from eiesim.sim.tracing.tracer import trace

__all__ = ["Schedule", "WaitCause", "Window", "trace"]
