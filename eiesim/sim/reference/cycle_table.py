"""A run of the reference engine told cycle by cycle, for small machines."""

from __future__ import annotations

from eiesim.sim.reference.array import Array
from eiesim.sim.reference.schedule import collect_schedule
from eiesim.sim.tracing.cycle_table import show_cycles
from eiesim.sim.tracing.schedule import Window


def tell_cycles(array: Array) -> str:
    """Return what every block did in every cycle of a run, as a table; see `show_cycles`."""
    return show_cycles(collect_schedule(array, Window()))
