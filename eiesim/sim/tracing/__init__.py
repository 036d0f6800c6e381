"""Who did what in which cycle of a run."""

from eiesim.sim.tracing.schedule import Cause, Schedule, Window
from eiesim.sim.tracing.tracer import trace

__all__ = ["Cause", "Schedule", "Window", "trace"]
